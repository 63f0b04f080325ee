//! The time: when the model wants to be told it, and what it does then.

use super::{Model, Tab};
use crate::tui::msg::{Ask, Moment};
use crate::tui::screens::keys;
use crate::tui::shared::{Link, Owner};

/// Between two frames of a spinner, in milliseconds.
const SPIN_MS: u64 = 250;

impl Model {
    /// When a [`Msg::Tick`](crate::tui::msg::Msg::Tick) is wanted next, if nothing else happens before.
    pub fn wake_at(&self) -> Option<Moment> {
        [
            self.shared.notices.goes_at(),
            self.personal_matters().then(|| self.tables.personal.wake_at()).flatten(),
            self.tables.workspace.wake_at(),
            self.tables.detail.wake_at(),
            self.overlay.as_ref().and_then(|overlay| overlay.popup().wake_at()),
            self.again,
            self.retry.filter(|&(tab, _)| tab == self.tab).map(|(_, at)| at),
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
    fn spins_at(&self) -> Option<Moment> {
        let waits =
            self.overlay.is_some() && self.shared.waits(Owner::Overlay) || self.shared.waits(Owner::Create);
        let connecting = self.shared.me.is_none() && self.shared.link == Link::Connecting;
        (waits || connecting || self.table().is_some_and(keys::State::loads))
            .then(|| Moment((self.shared.now.0 / SPIN_MS + 1) * SPIN_MS))
    }

    pub(super) fn tick(&mut self, now: Moment) {
        self.shared.now = now.max(self.shared.now);
        self.shared.notices.tick(now);
        if self.again.take_if(|at| now >= *at).is_some() {
            self.shared.ask(Owner::Me, Ask::Me);
        }
        if self.retry.take_if(|&mut (tab, at)| tab == self.tab && now >= at).is_some() {
            self.load_tab();
        }
        if self.personal_matters() {
            self.tables.personal.tick(&mut self.shared);
        }
        self.tables.workspace.tick(&mut self.shared);
        self.tables.detail.tick(&mut self.shared);
        self.with_popup(|popup, cx| popup.tick(cx));
    }
}
