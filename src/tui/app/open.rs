//! What opens a popup.

use super::Model;
use crate::tui::keymap::Action;
use crate::tui::msg::{Failure, Reply};

impl Model {
    /// Opens the popup of an action, if it has one.
    pub(super) fn open_overlay(&mut self, action: Action) {
        if let Err(why) = self.available(action) {
            self.shared.notices.info(self.shared.now, why);
        }
    }

    /// Offers creates of earlier runs whose secret may not have been stored.
    pub(super) fn open_pending(&mut self) {
        self.overlay = None;
    }

    /// A create was answered.
    pub(super) fn heard_created(&mut self, result: Result<Reply, Failure>) {
        if let Err(failure) = result {
            self.shared.failed(&failure);
        }
    }
}
