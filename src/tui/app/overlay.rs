//! What may lie over the body, one at most.

use crate::tui::popup::Popup;
use crate::tui::screens::review;

/// What lies over the body.
#[derive(Debug)]
pub enum Overlay {
    /// Keeps keys in the review.
    Keep(review::Keep),
    /// Applies the review's decisions.
    Apply(review::Apply),
    /// Writes applied decisions to a file.
    Export(review::ExportPopup),
}

impl Overlay {
    /// What it has in common with the others.
    pub fn popup(&self) -> &dyn Popup {
        match self {
            Self::Keep(popup) => popup,
            Self::Apply(popup) => popup,
            Self::Export(popup) => popup,
        }
    }

    /// The same, to be changed.
    pub fn popup_mut(&mut self) -> &mut dyn Popup {
        match self {
            Self::Keep(popup) => popup,
            Self::Apply(popup) => popup,
            Self::Export(popup) => popup,
        }
    }
}
