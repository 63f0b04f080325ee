//! Text fields, and the focus that moves between fields and buttons.

use crokey::KeyCombination;
use crokey::crossterm::event::{KeyCode, KeyModifiers};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use tui_input::{Input, InputRequest};
use zeroize::{Zeroize as _, Zeroizing};

use super::theme::{StyleRole, Theme, ThemeSymbol};
use crate::domain::text;

/// Most bytes that a field takes; more is never meant.
const BYTES_MAX: usize = 16 * 1024;
/// Most bytes of a secret. It never outgrows its memory, so that no copy is left behind when that is wiped.
const SECRET_MAX: usize = 256;

/// A line of text to be typed.
pub struct TextField(Text);

enum Text {
    Shown(Input),
    /// Typed at its end only: every other way of editing copies it.
    Hidden(Zeroizing<String>),
}

impl Default for TextField {
    fn default() -> Self {
        Self(Text::Shown(Input::default()))
    }
}

impl std::fmt::Debug for TextField {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = match &self.0 {
            Text::Shown(input) => input.value(),
            Text::Hidden(_) => "…",
        };
        f.debug_tuple("Field").field(&text).finish()
    }
}

impl TextField {
    /// A field with a text in it, the cursor at its end.
    pub fn with_text(text: &str) -> Self {
        Self(Text::Shown(Input::new(text.to_owned())))
    }

    /// A field whose text is never shown, and is wiped when it goes. It is edited at its end, and cut as a whole.
    pub fn new_secret() -> Self {
        Self(Text::Hidden(Zeroizing::new(String::with_capacity(SECRET_MAX))))
    }

    /// The text as typed.
    pub fn text(&self) -> &str {
        match &self.0 {
            Text::Shown(input) => input.value(),
            Text::Hidden(secret) => secret,
        }
    }

    /// Empties the field, and wipes what was in it.
    pub fn clear(&mut self) {
        match &mut self.0 {
            Text::Shown(input) => input.reset(),
            Text::Hidden(secret) => secret.zeroize(),
        }
    }

    /// Edits the text; says whether the key meant anything.
    pub fn handle_key(&mut self, key: KeyCombination) -> bool {
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        let alt = key.modifiers.contains(KeyModifiers::ALT);
        let input = match &mut self.0 {
            Text::Shown(input) => input,
            Text::Hidden(secret) => {
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
            KeyCode::Char(c) if !control && !alt && input.value().len() < BYTES_MAX => {
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

    /// Inserts a pasted text; line breaks become spaces, those at its end go.
    pub fn paste(&mut self, pasted: &str) {
        for c in pasted.trim_end_matches(['\r', '\n']).chars() {
            let c = if matches!(c, '\r' | '\n') { ' ' } else { c };
            let fits = match &mut self.0 {
                Text::Shown(input) => {
                    input.value().len() < BYTES_MAX && input.handle(InputRequest::InsertChar(c)).is_some()
                }
                Text::Hidden(secret) => push_within_capacity(secret, c),
            };
            if !fits {
                break;
            }
        }
    }

    /// Draws the text in one line of `area`, scrolled so that the cursor is visible; gives the cursor's place when focused.
    pub fn draw(&self, area: Rect, focused: bool, theme: Theme, buf: &mut Buffer) -> Option<(u16, u16)> {
        if area.width < 2 || area.height == 0 {
            return None;
        }
        let (before, all) = match &self.0 {
            Text::Shown(input) => {
                // What a character takes on the screen is what its cleaned form takes.
                let shown = |text: &str| theme.text(&text::sanitize_line(text)).into_owned();
                let before: String = input.value().chars().take(input.cursor()).collect();
                (shown(&before), shown(input.value()))
            }
            Text::Hidden(secret) => {
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

/// Adds to a secret, as far as its memory goes; says whether it did.
fn push_within_capacity(secret: &mut String, c: char) -> bool {
    let fits = secret.len() + c.len_utf8() <= secret.capacity();
    if fits {
        secret.push(c);
    }
    fits
}

/// Which of several fields has the focus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FormFocus {
    /// The field with the focus, from 0.
    pub index: usize,
    fields: usize,
}

impl FormFocus {
    /// The focus on the first of so many fields.
    pub fn new(fields: usize) -> Self {
        Self { index: 0, fields: fields.max(1) }
    }

    /// Moves the focus on.
    pub fn focus_next(&mut self) {
        self.index = (self.index + 1) % self.fields;
    }

    /// Moves the focus back.
    pub fn focus_previous(&mut self) {
        self.index = (self.index + self.fields - 1) % self.fields;
    }
}

#[cfg(test)]
mod tests {
    use crokey::key;

    use super::*;

    #[test]
    fn a_secret_stays_in_the_memory_that_is_wiped() {
        let mut field = TextField::new_secret();
        let place = field.text().as_ptr();
        field.paste(&format!("inv_é{}", "x".repeat(10 * SECRET_MAX)));
        field.handle_key(key!(y));
        assert_eq!((field.text().len(), field.text().as_ptr()), (SECRET_MAX, place));
        field.handle_key(key!(backspace));
        assert_eq!(field.text().len(), SECRET_MAX - 1);
        assert_eq!(format!("{field:?}"), r#"Field("…")"#);
        for cut in [key!(ctrl - u), key!(ctrl - k), key!(ctrl - w), key!(ctrl - backspace)] {
            field.paste("inv_again");
            assert!(field.handle_key(cut));
            assert_eq!((field.text(), field.text().as_ptr()), ("", place));
        }
    }
}
