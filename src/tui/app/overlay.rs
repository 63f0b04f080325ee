//! What may lie over the body, one at most.

use crate::tui::popup::Popup;

/// What lies over the body.
#[derive(Debug)]
pub enum Overlay {}

impl Overlay {
    /// What it has in common with the others.
    pub fn popup(&self) -> &dyn Popup {
        match *self {}
    }

    /// The same, to be changed.
    pub fn popup_mut(&mut self) -> &mut dyn Popup {
        match *self {}
    }
}
