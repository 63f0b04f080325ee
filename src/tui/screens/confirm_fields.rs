//! Form that confirms the revocation of a key in use: the last four characters of its masked secret, and a reason.
//!
//! Used by the popups [`revoke`](super::revoke) and [`replace_leaked`](super::replace_leaked).

use crokey::KeyCombination;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;

use crate::domain::key::{self, Key, NOTE_MAX};
use crate::tui::form::{FormFocus, TextField};
use crate::tui::keymap::Action;
use crate::tui::theme::{StyleRole, Theme};

const LAST_FOUR_FIELD: usize = 0;
const REASON_FIELD: usize = 1;
/// Columns reserved for the labels to the left of the fields.
const LABEL_WIDTH: u16 = 12;

/// Form with two fields: the last four characters of the secret, and a reason.
#[derive(Debug)]
pub struct ConfirmFields {
    four: TextField,
    reason: TextField,
    focus: FormFocus,
}

impl Default for ConfirmFields {
    fn default() -> Self {
        Self::with_reason("")
    }
}

impl ConfirmFields {
    /// Creates the form with a proposed reason and the other field empty.
    pub fn with_reason(reason: &str) -> Self {
        Self { four: TextField::default(), reason: TextField::with_text(reason), focus: FormFocus::new(2) }
    }

    /// Clears the last four characters and focuses them, so that the user must type them again. Keeps the reason.
    pub fn clear_last_four(&mut self) {
        self.four = TextField::default();
        self.focus.index = LAST_FOUR_FIELD;
    }

    /// Moves the focus for `NextField` and `PreviousField`; ignores other actions.
    pub fn move_focus(&mut self, action: Action) {
        match action {
            Action::NextField => self.focus.focus_next(),
            Action::PreviousField => self.focus.focus_previous(),
            _ => {}
        }
    }

    /// Passes a key press to the focused field.
    pub fn handle_key(&mut self, key: KeyCombination) {
        let field = if self.focus.index == LAST_FOUR_FIELD { &mut self.four } else { &mut self.reason };
        if field.text().chars().count() < NOTE_MAX {
            field.handle_key(key);
        }
    }

    /// Pastes text into the focused field.
    pub fn paste(&mut self, text: &str) {
        if self.focus.index == LAST_FOUR_FIELD { self.four.paste(text) } else { self.reason.paste(text) }
    }

    /// Returns the reason, or `None` if the field is empty.
    ///
    /// # Errors
    /// Fails if the reason is invalid. Returns a message for the user and focuses the field.
    pub fn check_reason(&mut self) -> Result<Option<String>, String> {
        key::normalize_note(self.reason.text()).map_err(|why| {
            self.focus.index = REASON_FIELD;
            format!("The reason {why}.")
        })
    }

    /// Checks that the user typed the last four characters of the key's masked secret.
    ///
    /// # Errors
    /// Fails if the user typed anything else. Returns a message for the user and focuses the field.
    pub fn check_last_four(&mut self, key: &Key) -> Result<(), String> {
        if self.four.text().trim() == key.last_four() {
            return Ok(());
        }
        self.focus.index = LAST_FOUR_FIELD;
        Err(format!("Type the last four characters of the secret: {}.", key.last_four()))
    }

    /// Checks the last four characters and returns the reason.
    ///
    /// # Errors
    /// Fails if the last four characters are wrong, or if the reason is missing or invalid. Returns a message for the user and
    /// focuses the field.
    pub fn check_last_four_and_reason(&mut self, key: &Key) -> Result<String, String> {
        let reason = self.check_reason()?;
        self.check_last_four(key)?;
        reason.ok_or_else(|| {
            self.focus.index = REASON_FIELD;
            "Type a reason for the activity log, because the key may be in use.".to_owned()
        })
    }

    /// Returns the labels of both fields, one line each.
    pub fn label_lines(&self, key: &Key, theme: Theme) -> [Line<'static>; 2] {
        let label = |at, text: String| {
            let role = if self.focus.index == at { StyleRole::Accent } else { StyleRole::Muted };
            Line::styled(text, theme.style(role))
        };
        [
            label(LAST_FOUR_FIELD, format!("Type {}", key.last_four())),
            label(REASON_FIELD, "Reason".to_owned()),
        ]
    }

    /// Draws both fields to the right of their labels, in rows `y` and `y + 1`. Returns the position of the cursor, or `None`
    /// if `focused` is false.
    pub fn draw(
        &self,
        inside: Rect,
        y: u16,
        focused: bool,
        theme: Theme,
        buf: &mut Buffer,
    ) -> Option<(u16, u16)> {
        let place = |y| Rect {
            x: inside.x + LABEL_WIDTH,
            y,
            width: inside.width.saturating_sub(LABEL_WIDTH),
            height: 1,
        };
        let has_it = |at| focused && self.focus.index == at;
        let four = self.four.draw(place(y), has_it(LAST_FOUR_FIELD), theme, buf);
        let reason = self.reason.draw(place(y + 1), has_it(REASON_FIELD), theme, buf);
        four.or(reason)
    }
}
