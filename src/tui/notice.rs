//! Messages at the foot of the screen: information goes after four seconds, errors stay until a key is pressed; all are kept.

use std::collections::VecDeque;
use std::time::Duration;

use super::msg::UiTime;
use crate::domain::text;

/// How long information stays.
const INFO_SHOWN_FOR: Duration = Duration::from_secs(4);
/// How many messages are kept.
const KEPT: usize = 200;

/// One message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// When it came.
    pub at: UiTime,
    /// Whether something failed.
    pub error: bool,
    /// The sentence, cleaned.
    pub text: String,
}

/// The message on the screen, and the earlier ones.
#[derive(Debug, Default)]
pub struct Notices {
    shown: bool,
    kept: VecDeque<Notice>,
}

impl Notices {
    /// Something was done.
    pub fn info(&mut self, at: UiTime, sentence: impl AsRef<str>) {
        self.push(at, false, sentence.as_ref());
    }

    /// Something failed: what, why, and what to do.
    pub fn error(&mut self, at: UiTime, sentence: impl AsRef<str>) {
        self.push(at, true, sentence.as_ref());
    }

    fn push(&mut self, at: UiTime, error: bool, sentence: &str) {
        if self.kept.len() == KEPT {
            self.kept.pop_front();
        }
        self.kept.push_back(Notice { at, error, text: text::sanitize_line(sentence).into_owned() });
        self.shown = true;
    }

    /// The message to show now.
    pub fn shown(&self) -> Option<&Notice> {
        self.kept.back().filter(|_| self.shown)
    }

    /// A key was pressed.
    pub fn key_pressed(&mut self) {
        if self.shown().is_some_and(|notice| notice.error) {
            self.shown = false;
        }
    }

    /// Time has passed.
    pub fn tick(&mut self, now: UiTime) {
        if self.hides_at().is_some_and(|at| now >= at) {
            self.shown = false;
        }
    }

    /// When the message goes by itself.
    pub fn hides_at(&self) -> Option<UiTime> {
        self.shown().filter(|notice| !notice.error).map(|notice| notice.at.plus(INFO_SHOWN_FOR))
    }

    /// All messages, the latest first.
    pub fn history(&self) -> impl Iterator<Item = &Notice> {
        self.kept.iter().rev()
    }
}
