//! Notices in the footer: information is hidden after four seconds, an error at the next key press. The latest 200 are kept, for the
//! popup of earlier messages.

use std::collections::VecDeque;
use std::time::Duration;

use super::msg::UiTime;
use crate::domain::text;

/// How long an informational notice is shown.
const INFO_SHOWN_FOR: Duration = Duration::from_secs(4);
/// Maximum number of notices that are kept for the history.
const MAX_KEPT: usize = 200;

/// A message to the user, shown in the footer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// When the notice was added.
    pub at: UiTime,
    /// Whether the notice reports an error, which is shown until a key is pressed.
    pub error: bool,
    /// Text of the notice, sanitized.
    pub text: String,
}

/// The notice shown in the footer, and earlier notices.
#[derive(Debug, Default)]
pub struct Notices {
    shown: bool,
    kept: VecDeque<Notice>,
}

impl Notices {
    /// Adds an informational notice about something that was done.
    pub fn info(&mut self, at: UiTime, sentence: impl AsRef<str>) {
        self.push(at, false, sentence.as_ref());
    }

    /// Adds an error notice: what happened, why, and what to do.
    pub fn error(&mut self, at: UiTime, sentence: impl AsRef<str>) {
        self.push(at, true, sentence.as_ref());
    }

    fn push(&mut self, at: UiTime, error: bool, sentence: &str) {
        if self.kept.len() == MAX_KEPT {
            self.kept.pop_front();
        }
        self.kept.push_back(Notice { at, error, text: text::sanitize_line(sentence).into_owned() });
        self.shown = true;
    }

    /// Returns the notice to show now; `None` if it is hidden.
    pub fn shown(&self) -> Option<&Notice> {
        self.kept.back().filter(|_| self.shown)
    }

    /// Hides an error notice, because a key was pressed.
    pub fn key_pressed(&mut self) {
        if self.shown().is_some_and(|notice| notice.error) {
            self.shown = false;
        }
    }

    /// Hides an informational notice that was shown long enough.
    pub fn tick(&mut self, now: UiTime) {
        if self.hides_at().is_some_and(|at| now >= at) {
            self.shown = false;
        }
    }

    /// Returns when the shown notice will be hidden; `None` for an error.
    pub fn hides_at(&self) -> Option<UiTime> {
        self.shown().filter(|notice| !notice.error).map(|notice| notice.at.plus(INFO_SHOWN_FOR))
    }

    /// Returns the kept notices, latest first.
    pub fn history(&self) -> impl Iterator<Item = &Notice> {
        self.kept.iter().rev()
    }
}
