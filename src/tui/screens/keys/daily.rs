//! Daily usage of the visible keys over the last 30 days, for their sparklines. It is requested when the user stops scrolling.

use std::collections::HashMap;
use std::time::Duration;

use crate::domain::id::Id;
use crate::domain::key::{Key, KeyKind};
use crate::domain::usage::DailyUse;
use crate::tui::context::{Context, ReplyTo};
use crate::tui::msg::{ApiRequest, UiTime};
use crate::wire::keys::DAILY_USE_MAX;

/// Delay after the last change of the visible rows before their usage is requested.
const REQUEST_DELAY: Duration = Duration::from_millis(200);
/// Age at which daily counts are requested again.
const MAX_AGE: Duration = Duration::from_mins(1);
/// Number of days that a sparkline covers.
const DAYS: u32 = 30;

/// Number of uses per day for each key, oldest day first. `None` for days before usage recording began.
pub(super) type DailyCounts = HashMap<Id, Vec<Option<i64>>>;

/// Daily counts that have been loaded, and the keys whose counts will be requested next.
#[derive(Debug, Default)]
pub(super) struct DailyUses {
    counts: DailyCounts,
    requested_at: HashMap<Id, UiTime>,
    wanted: Vec<Id>,
    request_at: Option<UiTime>,
}

impl DailyUses {
    /// Returns the daily counts that have been loaded.
    pub(super) fn counts(&self) -> &DailyCounts {
        &self.counts
    }

    /// Sets which keys are visible and need a sparkline. Counts are not requested for keys that were never used.
    pub(super) fn set_visible<'a>(&mut self, now: UiTime, visible: impl Iterator<Item = &'a Key>) {
        let is_old = |id: &Id| self.requested_at.get(id).is_none_or(|&at| now.since(at) >= MAX_AGE);
        let wanted: Vec<Id> = visible
            .filter(|key| key.last_used_at.is_some())
            .map(|key| key.id)
            .filter(is_old)
            .take(DAILY_USE_MAX)
            .collect();
        if wanted != self.wanted {
            self.request_at = (!wanted.is_empty()).then(|| now.plus(REQUEST_DELAY));
            self.wanted = wanted;
        }
    }

    /// Requests the missing counts once the visible rows have stayed the same for [`REQUEST_DELAY`].
    pub(super) fn tick(&mut self, context: &mut Context, kind: KeyKind) {
        if self.request_at.is_some_and(|at| context.now >= at) {
            self.request_at = None;
            let ids = std::mem::take(&mut self.wanted);
            self.requested_at.extend(ids.iter().map(|&id| (id, context.now)));
            context.request(ReplyTo::Daily(kind), ApiRequest::DailyUse { kind, ids, days: DAYS });
        }
    }

    /// Returns when the next request is due, or `None` if no counts are missing.
    pub(super) fn wake_at(&self) -> Option<UiTime> {
        self.request_at
    }

    /// Stores the counts of a reply.
    pub(super) fn apply(&mut self, uses: Vec<DailyUse>) {
        self.counts.extend(uses.into_iter().map(|key| (key.id, key.counts)));
    }
}
