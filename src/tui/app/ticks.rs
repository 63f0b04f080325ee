//! The time: when the model wants to be told it, and what it does then.

use std::time::Duration;

use super::{Model, Tab};
use crate::tui::context::{Connection, ReplyTo};
use crate::tui::msg::{ApiRequest, UiTime};
use crate::tui::screens::keys;

/// Between two frames of a spinner.
const SPINNER_INTERVAL: Duration = Duration::from_millis(250);

impl Model {
    /// When a [`Msg::Tick`](crate::tui::msg::Msg::Tick) is wanted next, if nothing else happens before.
    pub fn wake_at(&self) -> Option<UiTime> {
        [
            self.context.notices.goes_at(),
            self.personal_matters().then(|| self.tables.personal.wake_at()).flatten(),
            self.tables.workspace.wake_at(),
            self.tables.detail.wake_at(),
            self.popup.as_ref().and_then(|overlay| overlay.popup().wake_at()),
            self.retry_me_at,
            self.retry_tab_at.filter(|&(tab, _)| tab == self.tab).map(|(_, at)| at),
            self.spins_at(),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// Whether the personal keys are looked after now: while they are hidden nothing wakes for them. The organization's always
    /// are, since the header and the review show what is in them.
    fn personal_matters(&self) -> bool {
        matches!(self.tab, Tab::Personal | Tab::Rotations)
    }

    /// When the spinner turns next.
    fn spins_at(&self) -> Option<UiTime> {
        let waits = self.popup.is_some() && self.context.is_waiting_for(ReplyTo::Popup)
            || self.context.is_waiting_for(ReplyTo::Create);
        let connecting = self.context.me.is_none() && self.context.connection == Connection::Connecting;
        (waits || connecting || self.table().is_some_and(keys::State::loads))
            .then(|| next_spinner_frame(self.context.now))
    }

    pub(super) fn tick(&mut self, now: UiTime) {
        self.context.now = now.max(self.context.now);
        self.context.notices.tick(now);
        if self.retry_me_at.take_if(|at| now >= *at).is_some() {
            self.context.request(ReplyTo::Me, ApiRequest::Me);
        }
        if self.retry_tab_at.take_if(|&mut (tab, at)| tab == self.tab && now >= at).is_some() {
            self.load_tab();
        }
        if self.personal_matters() {
            self.tables.personal.tick(&mut self.context);
        }
        self.tables.workspace.tick(&mut self.context);
        self.tables.detail.tick(&mut self.context);
        self.with_popup(|popup, cx| popup.tick(cx));
    }
}

/// The next multiple of [`SPINNER_INTERVAL`] after `now`.
fn next_spinner_frame(now: UiTime) -> UiTime {
    let frames = now.since_start().as_millis() / SPINNER_INTERVAL.as_millis() + 1;
    UiTime::after_start(SPINNER_INTERVAL.saturating_mul(u32::try_from(frames).unwrap_or(u32::MAX)))
}
