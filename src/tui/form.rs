//! Text fields, and the focus that moves between fields and buttons.

use crokey::KeyCombination;
use crokey::crossterm::event::{KeyCode, KeyModifiers};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use tui_input::{Input, InputRequest};
use zeroize::Zeroize as _;

use super::theme::{Role, Symbol, Theme};
use crate::domain::text;

/// Most bytes that a field takes; more is never meant.
const BYTES_MAX: usize = 16 * 1024;

/// A line of text to be typed.
#[derive(Default)]
pub struct Field {
    input: Input,
    secret: bool,
}

impl std::fmt::Debug for Field {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = if self.secret { "…" } else { self.text() };
        f.debug_tuple("Field").field(&text).finish()
    }
}

impl Drop for Field {
    fn drop(&mut self) {
        if self.secret {
            self.take().zeroize();
        }
    }
}

impl Field {
    /// A field with a text in it, the cursor at its end.
    pub fn with(text: &str) -> Self {
        Self { input: Input::new(text.to_owned()), secret: false }
    }

    /// A field whose text is never shown.
    pub fn secret() -> Self {
        Self { input: Input::default(), secret: true }
    }

    /// The text as typed.
    pub fn text(&self) -> &str {
        self.input.value()
    }

    /// Takes the text out.
    pub fn take(&mut self) -> String {
        self.input.value_and_reset()
    }

    /// Edits the text; says whether the key meant anything.
    pub fn press(&mut self, key: KeyCombination) -> bool {
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        let alt = key.modifiers.contains(KeyModifiers::ALT);
        let request = match *key.codes.first() {
            KeyCode::Char('a') if control => InputRequest::GoToStart,
            KeyCode::Char('e') if control => InputRequest::GoToEnd,
            KeyCode::Char('u') if control => InputRequest::DeleteFromStart,
            KeyCode::Char('k') if control => InputRequest::DeleteTillEnd,
            KeyCode::Char('w') if control => InputRequest::DeletePrevWord,
            KeyCode::Char('h') if control => InputRequest::DeletePrevChar,
            KeyCode::Char(c) if !control && !alt && self.text().len() < BYTES_MAX => {
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
        self.input.handle(request);
        true
    }

    /// Inserts a pasted text; line breaks become spaces, those at its end go.
    pub fn paste(&mut self, pasted: &str) {
        for c in pasted.trim_end_matches(['\r', '\n']).chars() {
            if self.text().len() >= BYTES_MAX {
                break;
            }
            let c = if matches!(c, '\r' | '\n') { ' ' } else { c };
            self.input.handle(InputRequest::InsertChar(c));
        }
    }

    /// Draws the text in one line of `area`, scrolled so that the cursor is visible; gives the cursor's place when focused.
    pub fn draw(&self, area: Rect, focused: bool, theme: Theme, buf: &mut Buffer) -> Option<(u16, u16)> {
        if area.width < 2 || area.height == 0 {
            return None;
        }
        // What a character takes on the screen is what its cleaned form takes.
        let before: String = self.text().chars().take(self.input.cursor()).collect();
        let (before, all) = if self.secret {
            let hidden = theme.symbol(Symbol::Hidden);
            (hidden.repeat(before.chars().count()), hidden.repeat(self.text().chars().count()))
        } else {
            (theme.text(&text::line(&before)).into_owned(), theme.text(&text::line(self.text())).into_owned())
        };
        let room = usize::from(area.width) - 1;
        let cursor = text::width(&before);
        let skip = cursor.saturating_sub(room);
        let mut skipped = 0;
        let rest: String = all
            .chars()
            .skip_while(|c| {
                let skips = skipped < skip;
                skipped += text::width(c.encode_utf8(&mut [0; 4]));
                skips
            })
            .collect();
        buf.set_stringn(area.x, area.y, &rest, room + 1, theme.style(Role::Plain));
        let x = u16::try_from(cursor - skip.min(cursor)).unwrap_or(0).min(area.width - 1);
        focused.then_some((area.x + x, area.y))
    }
}

/// Which of several fields has the focus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Form {
    /// The field with the focus, from 0.
    pub at: usize,
    fields: usize,
}

impl Form {
    /// The focus on the first of so many fields.
    pub fn new(fields: usize) -> Self {
        Self { at: 0, fields: fields.max(1) }
    }

    /// Moves the focus on.
    pub fn next(&mut self) {
        self.at = (self.at + 1) % self.fields;
    }

    /// Moves the focus back.
    pub fn previous(&mut self) {
        self.at = (self.at + self.fields - 1) % self.fields;
    }
}
