//! Time: when the model needs its next tick, and what is due at a tick.

use std::time::Duration;

use super::{Model, Tab};
use crate::domain::key::KeyKind;
use crate::tui::context::{Connection, ReplyTo};
use crate::tui::msg::{ApiRequest, UiTime};

/// Time between two frames of the loading spinner.
const SPINNER_INTERVAL: Duration = Duration::from_millis(250);

impl Model {
    /// Returns when the next [`Msg::Tick`](crate::tui::msg::Msg::Tick) is due; `None` if the model waits for nothing but other
    /// messages.
    pub fn wake_at(&self) -> Option<UiTime> {
        let keys = self.watched_kinds().filter_map(|kind| self.screens.keys(kind).wake_at(&self.context));
        [
            self.context.notices.hides_at(),
            self.detail_pane.wake_at(),
            self.popup.as_ref().and_then(|popup| popup.wake_at()),
            self.retry_me_at,
            self.retry_tab_at.filter(|&(tab, _)| tab == self.tab).map(|(_, at)| at),
            self.next_spinner_frame(),
        ]
        .into_iter()
        .flatten()
        .chain(keys)
        .min()
    }

    /// Returns the kinds of keys to refresh regularly: personal keys only while they are visible, organization keys always, because
    /// the header and the review depend on them.
    fn watched_kinds(&self) -> impl Iterator<Item = KeyKind> + use<> {
        let personal = matches!(self.tab, Tab::Personal | Tab::Rotations);
        [KeyKind::Personal, KeyKind::Organization]
            .into_iter()
            .filter(move |&kind| personal || kind != KeyKind::Personal)
    }

    fn next_spinner_frame(&self) -> Option<UiTime> {
        let is_waiting = self.popup.is_some() && self.context.is_waiting_for(ReplyTo::Popup)
            || self.context.is_waiting_for(ReplyTo::Create);
        let is_connecting = self.context.me.is_none() && self.context.connection == Connection::Connecting;
        let is_loading_keys = match self.tab {
            Tab::Personal => self.context.personal_keys.is_loading(),
            Tab::Workspace => self.context.organization_keys.is_loading(),
            _ => false,
        };
        (is_waiting || is_connecting || is_loading_keys).then(|| {
            let frame = self.context.now.since_start().as_millis() / SPINNER_INTERVAL.as_millis() + 1;
            let frame = u32::try_from(frame).unwrap_or(u32::MAX);
            UiTime::after_start(SPINNER_INTERVAL.saturating_mul(frame))
        })
    }

    pub(super) fn tick(&mut self, now: UiTime) {
        self.context.now = now.max(self.context.now);
        self.context.notices.tick(now);
        if self.retry_me_at.take_if(|at| now >= *at).is_some() {
            self.context.request(ReplyTo::Me, ApiRequest::Me);
        }
        if self.retry_tab_at.take_if(|&mut (tab, at)| tab == self.tab && now >= at).is_some() {
            self.screens.get_mut(self.tab).reload(&mut self.context);
        }
        for kind in self.watched_kinds() {
            self.screens.keys_mut(kind).tick(&mut self.context);
        }
        self.detail_pane.tick(&mut self.context);
        self.update_popup(|popup, context| popup.tick(context));
    }
}
