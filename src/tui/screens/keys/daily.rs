//! The use of the visible keys over the last 30 days, asked for when the table rests.

use std::collections::HashMap;
use std::time::Duration;

use crate::domain::id::Id;
use crate::domain::key::{Key, KeyKind};
use crate::domain::usage::DailyUse;
use crate::tui::context::{Context, ReplyTo};
use crate::tui::msg::{ApiRequest, UiTime};
use crate::wire::keys::DAILY_USE_MAX;

/// How long the table rests before the use of its rows is asked for.
const REQUEST_DELAY: Duration = Duration::from_millis(200);
/// How long counts of days are good enough.
const MAX_AGE: Duration = Duration::from_mins(1);
/// How many days are shown.
const DAYS: u32 = 30;

/// Counts a day of each key, oldest first; nothing for days before recording began.
pub type Counts = HashMap<Id, Vec<Option<i64>>>;

/// What is known, and what is wanted.
#[derive(Debug, Default)]
pub struct Daily {
    counts: Counts,
    asked: HashMap<Id, UiTime>,
    wanted: Vec<Id>,
    ask_at: Option<UiTime>,
}

impl Daily {
    /// What is known.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// These keys are visible with room for their use. A key that was never used needs no asking.
    pub fn follow<'a>(&mut self, context: &Context, visible: impl Iterator<Item = &'a Key>) {
        let stale = |id: &Id| self.asked.get(id).is_none_or(|&at| context.now.since(at) >= MAX_AGE);
        let wanted: Vec<Id> = visible
            .filter(|key| key.last_used_at.is_some())
            .map(|key| key.id)
            .filter(stale)
            .take(DAILY_USE_MAX)
            .collect();
        if wanted != self.wanted {
            self.ask_at = (!wanted.is_empty()).then(|| context.now.plus(REQUEST_DELAY));
            self.wanted = wanted;
        }
    }

    /// Asks when the table has rested.
    pub fn tick(&mut self, context: &mut Context, kind: KeyKind) {
        if self.ask_at.is_some_and(|at| context.now >= at) {
            self.ask_at = None;
            let ids = std::mem::take(&mut self.wanted);
            self.asked.extend(ids.iter().map(|&id| (id, context.now)));
            context.request(ReplyTo::Daily(kind), ApiRequest::DailyUse { kind, ids, days: DAYS });
        }
    }

    /// When the table will have rested.
    pub fn wake_at(&self) -> Option<UiTime> {
        self.ask_at
    }

    /// Takes what was asked for.
    pub fn heard(&mut self, use_of: Vec<DailyUse>) {
        self.counts.extend(use_of.into_iter().map(|one| (one.id, one.counts)));
    }
}
