//! Sanitizes texts from servers.

use crate::domain::text;

/// Length limit in characters for a message from a server.
const SENTENCE_MAX: usize = 600;

/// Sanitizes text from a server and truncates it to one line of at most [`SENTENCE_MAX`] characters.
pub(super) fn sentence(words: &str) -> String {
    let start: String = words.chars().take(SENTENCE_MAX * 2).collect();
    text::truncate_to_width(text::sanitize_line(start.trim()).trim(), SENTENCE_MAX).into_owned()
}
