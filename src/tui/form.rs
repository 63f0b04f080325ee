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

/// Most bytes that a field accepts, so that pasting a whole file by mistake does no harm.
const MAX_BYTES: usize = 16 * 1024;
/// Most bytes of a secret. Its buffer is never reallocated, because that would leave a copy behind that is not wiped.
const MAX_SECRET_BYTES: usize = 256;

/// Single-line text field. A field for a secret shows bullets and wipes its content when dropped.
pub struct TextField(Content);

enum Content {
    Shown(Input),
    /// A secret, edited only at its end, because any other edit would copy it.
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
    /// Creates a field that contains `text`, with the cursor at the end.
    pub fn with_text(text: &str) -> Self {
        Self(Content::Shown(Input::new(text.to_owned())))
    }

    /// Creates a field for a secret. It can be edited at its end and cleared, but not changed in the middle.
    pub fn new_secret() -> Self {
        Self(Content::Hidden(Zeroizing::new(String::with_capacity(MAX_SECRET_BYTES))))
    }

    /// Returns the text as typed, neither trimmed nor cleaned.
    pub fn text(&self) -> &str {
        match &self.0 {
            Content::Shown(input) => input.value(),
            Content::Hidden(secret) => secret,
        }
    }

    /// Empties the field; a secret is wiped from memory.
    pub fn clear(&mut self) {
        match &mut self.0 {
            Content::Shown(input) => input.reset(),
            Content::Hidden(secret) => secret.zeroize(),
        }
    }

    /// Applies an editing key press; returns false if the key press does not edit text.
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

    /// Inserts pasted text at the cursor. Line breaks become spaces, trailing ones are dropped, and so is what does not fit.
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

    /// Draws the text in the first line of `area`, scrolled so that the cursor is visible. Returns the cursor's position if focused.
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

/// Appends to a secret without reallocating; returns false if it does not fit.
fn push_within_capacity(secret: &mut String, c: char) -> bool {
    let fits = secret.len() + c.len_utf8() <= secret.capacity();
    if fits {
        secret.push(c);
    }
    fits
}

/// Message for a user who cancels a popup whose request has been sent.
pub const REQUEST_IN_FLIGHT: &str = "The request has been sent; wait for the reply";

/// Key presses that step through the choices of a form, as shown in key hints; see [`choice_step`].
pub const CHOICE_KEYS: &str = "Up Down";

/// Key press that switches between two choices, as shown in a form; see [`is_switch_key`].
pub const SWITCH_KEY: &str = "Space";

/// Returns the direction in which a key press steps through the choices of a form: 1 for Down and -1 for Up.
pub fn choice_step(key: KeyCombination) -> Option<isize> {
    match key.codes.first() {
        KeyCode::Down => Some(1),
        KeyCode::Up => Some(-1),
        _ => None,
    }
}

/// Returns the index `step` positions after `index` in a list of `len` items, wrapping around at both ends.
pub fn wrap_index(index: usize, step: isize, len: usize) -> usize {
    let len = isize::try_from(len.max(1)).unwrap_or(isize::MAX);
    let next = isize::try_from(index).unwrap_or(0) + step;
    usize::try_from(next.rem_euclid(len)).unwrap_or(0)
}

/// Returns whether a key press switches between the two choices of a focused field: Space, Left or Right.
pub fn is_switch_key(key: KeyCombination) -> bool {
    matches!(key.codes.first(), KeyCode::Left | KeyCode::Right | KeyCode::Char(' '))
}

/// Focus within a form of several fields; wraps around at both ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FormFocus {
    /// Index of the focused field, zero-based.
    pub index: usize,
    fields: usize,
}

impl FormFocus {
    /// Focuses the first of `fields` fields.
    pub fn new(fields: usize) -> Self {
        Self { index: 0, fields: fields.max(1) }
    }

    /// Focuses the next field.
    pub fn focus_next(&mut self) {
        self.index = (self.index + 1) % self.fields;
    }

    /// Focuses the previous field.
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
