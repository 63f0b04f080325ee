//! Text fields, and the focus that moves between the fields of a form. Start at [`TextField`].
//!
//! Editing is done by `tui-input`; secrets are edited here, because `tui-input` copies its text on every edit and wipes nothing.

use crokey::KeyCombination;
use crokey::crossterm::event::{KeyCode, KeyModifiers};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use tui_input::{Input, InputRequest};
use zeroize::{Zeroize as _, Zeroizing};

use super::theme::{StyleRole, Theme, ThemeSymbol};
use crate::domain::text;

/// Maximum length of a field in bytes, so that accidentally pasting a whole file does no harm.
const MAX_BYTES: usize = 16 * 1024;
/// Maximum length of a secret in bytes. The buffer has this capacity from the start, because a reallocation would leave an
/// unwiped copy of the secret in memory.
const MAX_SECRET_BYTES: usize = 256;

/// Single-line text field. A secret is shown as bullets and wiped from memory when the field is dropped.
pub struct TextField(Content);

enum Content {
    Shown(Input),
    /// Secret that can be edited only at its end, because an edit in the middle would copy it.
    Hidden(Zeroizing<String>),
}

impl Default for TextField {
    fn default() -> Self {
        Self(Content::Shown(Input::default()))
    }
}

impl std::fmt::Debug for TextField {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = match &self.0 {
            Content::Shown(input) => input.value(),
            Content::Hidden(_) => "…",
        };
        f.debug_tuple("Field").field(&text).finish()
    }
}

impl TextField {
    /// Creates a field that contains `text`, with the cursor at the end of it.
    pub fn with_text(text: &str) -> Self {
        Self(Content::Shown(Input::new(text.to_owned())))
    }

    /// Creates a field for a secret, which can be typed, pasted and deleted at its end, but not changed in the middle.
    pub fn new_secret() -> Self {
        Self(Content::Hidden(Zeroizing::new(String::with_capacity(MAX_SECRET_BYTES))))
    }

    /// Returns the text exactly as typed, with spaces at both ends and with control characters.
    pub fn text(&self) -> &str {
        match &self.0 {
            Content::Shown(input) => input.value(),
            Content::Hidden(secret) => secret,
        }
    }

    /// Clears the field and wipes a secret from memory.
    pub fn clear(&mut self) {
        match &mut self.0 {
            Content::Shown(input) => input.reset(),
            Content::Hidden(secret) => secret.zeroize(),
        }
    }

    /// Applies a key press that edits text; returns `false` for any other key press.
    pub fn handle_key(&mut self, key: KeyCombination) -> bool {
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        let alt = key.modifiers.contains(KeyModifiers::ALT);
        let input = match &mut self.0 {
            Content::Shown(input) => input,
            Content::Hidden(secret) => {
                match *key.codes.first() {
                    KeyCode::Char('u' | 'k' | 'w') if control => secret.zeroize(),
                    KeyCode::Backspace if control || alt => secret.zeroize(),
                    KeyCode::Char('h') if control => drop(secret.pop()),
                    KeyCode::Backspace => drop(secret.pop()),
                    KeyCode::Char(c) if !control && !alt => return push_within_capacity(secret, c),
                    _ => return false,
                }
                return true;
            }
        };
        let request = match *key.codes.first() {
            KeyCode::Char('a') if control => InputRequest::GoToStart,
            KeyCode::Char('e') if control => InputRequest::GoToEnd,
            KeyCode::Char('u') if control => InputRequest::DeleteFromStart,
            KeyCode::Char('k') if control => InputRequest::DeleteTillEnd,
            KeyCode::Char('w') if control => InputRequest::DeletePrevWord,
            KeyCode::Char('h') if control => InputRequest::DeletePrevChar,
            KeyCode::Char(c) if !control && !alt && input.value().len() < MAX_BYTES => {
                InputRequest::InsertChar(c)
            }
            KeyCode::Backspace if control || alt => InputRequest::DeletePrevWord,
            KeyCode::Backspace => InputRequest::DeletePrevChar,
            KeyCode::Delete => InputRequest::DeleteNextChar,
            KeyCode::Left if control => InputRequest::GoToPrevWord,
            KeyCode::Right if control => InputRequest::GoToNextWord,
            KeyCode::Left => InputRequest::GoToPrevChar,
            KeyCode::Right => InputRequest::GoToNextChar,
            KeyCode::Home => InputRequest::GoToStart,
            KeyCode::End => InputRequest::GoToEnd,
            _ => return false,
        };
        input.handle(request);
        true
    }

    /// Inserts pasted text at the cursor. Trailing line breaks are removed, other line breaks become spaces, and text that does
    /// not fit is cut off.
    pub fn paste(&mut self, pasted: &str) {
        for c in pasted.trim_end_matches(['\r', '\n']).chars() {
            let c = if matches!(c, '\r' | '\n') { ' ' } else { c };
            let fits = match &mut self.0 {
                Content::Shown(input) => {
                    input.value().len() < MAX_BYTES && input.handle(InputRequest::InsertChar(c)).is_some()
                }
                Content::Hidden(secret) => push_within_capacity(secret, c),
            };
            if !fits {
                break;
            }
        }
    }

    /// Draws the text in the first row of `area`, scrolled so that the cursor is visible. Returns the position of the cursor,
    /// or `None` if the field is not focused.
    pub fn draw(&self, area: Rect, focused: bool, theme: Theme, buf: &mut Buffer) -> Option<(u16, u16)> {
        if area.width < 2 || area.height == 0 {
            return None;
        }
        let (before, all) = match &self.0 {
            Content::Shown(input) => {
                // Widths are those of the cleaned text, which is what the screen shows.
                let shown = |text: &str| theme.text(&text::sanitize_line(text)).into_owned();
                let before: String = input.value().chars().take(input.cursor()).collect();
                (shown(&before), shown(input.value()))
            }
            Content::Hidden(secret) => {
                let hidden = theme.symbol(ThemeSymbol::Hidden).repeat(secret.chars().count());
                (hidden.clone(), hidden)
            }
        };
        let room = usize::from(area.width) - 1;
        let cursor = text::display_width(&before);
        let skip = cursor.saturating_sub(room);
        let mut skipped = 0;
        let rest: String = all
            .chars()
            .skip_while(|c| {
                let skips = skipped < skip;
                skipped += text::display_width(c.encode_utf8(&mut [0; 4]));
                skips
            })
            .collect();
        buf.set_stringn(area.x, area.y, &rest, room + 1, theme.style(StyleRole::Plain));
        let x = u16::try_from(cursor - skip.min(cursor)).unwrap_or(0).min(area.width - 1);
        focused.then_some((area.x + x, area.y))
    }
}

/// Appends a character without reallocating; returns `false` if it does not fit.
fn push_within_capacity(secret: &mut String, c: char) -> bool {
    let fits = secret.len() + c.len_utf8() <= secret.capacity();
    if fits {
        secret.push(c);
    }
    fits
}

/// Message for a user who tries to close a popup while its request is in flight.
pub const REQUEST_IN_FLIGHT: &str = "Already sent; wait for the server's reply";

/// Key hint for the key presses that select another option of a form; see [`choice_step`].
pub const CHOICE_KEYS: &str = "Up Down";

/// Key hint for the key press that switches between two options of a form; see [`is_switch_key`].
pub const SWITCH_KEY: &str = "Space";

/// Returns 1 for Down, which selects the next option of a form, -1 for Up, and `None` for other key presses.
pub fn choice_step(key: KeyCombination) -> Option<isize> {
    match key.codes.first() {
        KeyCode::Down => Some(1),
        KeyCode::Up => Some(-1),
        _ => None,
    }
}

/// Returns the index that is `step` positions away from `index` in a list of `len` items, wrapping around at both ends.
pub fn wrap_index(index: usize, step: isize, len: usize) -> usize {
    let len = isize::try_from(len.max(1)).unwrap_or(isize::MAX);
    let next = isize::try_from(index).unwrap_or(0) + step;
    usize::try_from(next.rem_euclid(len)).unwrap_or(0)
}

/// Returns `true` for Space, Left and Right, which switch between the two options of a focused field.
pub fn is_switch_key(key: KeyCombination) -> bool {
    matches!(key.codes.first(), KeyCode::Left | KeyCode::Right | KeyCode::Char(' '))
}

/// Which field of a form has the focus. Moving it wraps around at both ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FormFocus {
    /// Zero-based index of the focused field.
    pub index: usize,
    fields: usize,
}

impl FormFocus {
    /// Creates the focus of a form with `fields` fields, on the first of them.
    pub fn new(fields: usize) -> Self {
        Self { index: 0, fields: fields.max(1) }
    }

    /// Moves the focus to the next field.
    pub fn focus_next(&mut self) {
        self.index = (self.index + 1) % self.fields;
    }

    /// Moves the focus to the previous field.
    pub fn focus_previous(&mut self) {
        self.index = (self.index + self.fields - 1) % self.fields;
    }
}

#[cfg(test)]
mod tests {
    use crokey::key;

    use super::*;

    #[test]
    fn a_secret_is_never_moved_to_memory_that_is_not_wiped() {
        let mut field = TextField::new_secret();
        let place = field.text().as_ptr();
        field.paste(&format!("inv_é{}", "x".repeat(10 * MAX_SECRET_BYTES)));
        field.handle_key(key!(y));
        assert_eq!((field.text().len(), field.text().as_ptr()), (MAX_SECRET_BYTES, place));
        field.handle_key(key!(backspace));
        assert_eq!(field.text().len(), MAX_SECRET_BYTES - 1);
        assert_eq!(format!("{field:?}"), r#"Field("…")"#);
        for cut in [key!(ctrl - u), key!(ctrl - k), key!(ctrl - w), key!(ctrl - backspace)] {
            field.paste("inv_again");
            assert!(field.handle_key(cut));
            assert_eq!((field.text(), field.text().as_ptr()), ("", place));
        }
    }
}
