//! What is typed before a key goes that may be in use: the last four of its mask, and why it must go.

use crokey::KeyCombination;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;

use crate::domain::key::{self, Key, NOTE_MAX};
use crate::tui::form::{FormFocus, TextField};
use crate::tui::keymap::Action;
use crate::tui::theme::{StyleRole, Theme};

const FOUR: usize = 0;
const REASON: usize = 1;
/// Columns for the labels.
const LABEL: u16 = 12;

/// The two fields.
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
    /// With a proposed reason.
    pub fn with_reason(reason: &str) -> Self {
        Self { four: TextField::default(), reason: TextField::with_text(reason), focus: FormFocus::new(2) }
    }

    /// What was typed of the mask is typed again; the reason stays.
    pub fn clear_last_four(&mut self) {
        self.four = TextField::default();
        self.focus.index = FOUR;
    }

    /// Moves the focus.
    pub fn move_focus(&mut self, action: Action) {
        match action {
            Action::NextField => self.focus.focus_next(),
            Action::PreviousField => self.focus.focus_previous(),
            _ => {}
        }
    }

    /// Takes a key into the focused field.
    pub fn handle_key(&mut self, key: KeyCombination) {
        let field = if self.focus.index == FOUR { &mut self.four } else { &mut self.reason };
        if field.text().chars().count() < NOTE_MAX {
            field.handle_key(key);
        }
    }

    /// Takes a pasted text into the focused field.
    pub fn paste(&mut self, text: &str) {
        if self.focus.index == FOUR { self.four.paste(text) } else { self.reason.paste(text) }
    }

    /// The reason, if there is one.
    ///
    /// # Errors
    /// The sentence that says why it is none; the focus is on it then.
    pub fn check_reason(&mut self) -> Result<Option<String>, String> {
        key::normalize_note(self.reason.text()).map_err(|why| {
            self.focus.index = REASON;
            format!("The reason {why}.")
        })
    }

    /// Whether the last four of this key were typed.
    ///
    /// # Errors
    /// The sentence that says what to type; the focus is on it then.
    pub fn check_last_four(&mut self, key: &Key) -> Result<(), String> {
        if self.four.text().trim() == key.last_four() {
            return Ok(());
        }
        self.focus.index = FOUR;
        Err(format!("Type the last four of its mask: {}.", key.last_four()))
    }

    /// The last four and a reason.
    ///
    /// # Errors
    /// The sentence that says what is missing.
    pub fn check_last_four_and_reason(&mut self, key: &Key) -> Result<String, String> {
        let reason = self.check_reason()?;
        self.check_last_four(key)?;
        reason.ok_or_else(|| {
            self.focus.index = REASON;
            "Say why it must go although it may be in use, for the record.".to_owned()
        })
    }

    /// The labels of the two fields.
    pub fn label_lines(&self, key: &Key, theme: Theme) -> [Line<'static>; 2] {
        let label = |at, text: String| {
            let role = if self.focus.index == at { StyleRole::Accent } else { StyleRole::Muted };
            Line::styled(text, theme.style(role))
        };
        [label(FOUR, format!("Type {}", key.last_four())), label(REASON, "Reason".to_owned())]
    }

    /// Draws what was typed beside the labels, which stand at `y` and below it; gives the cursor's place.
    pub fn draw(
        &self,
        inside: Rect,
        y: u16,
        focused: bool,
        theme: Theme,
        buf: &mut Buffer,
    ) -> Option<(u16, u16)> {
        let place = |y| Rect { x: inside.x + LABEL, y, width: inside.width.saturating_sub(LABEL), height: 1 };
        let has_it = |at| focused && self.focus.index == at;
        let four = self.four.draw(place(y), has_it(FOUR), theme, buf);
        let reason = self.reason.draw(place(y + 1), has_it(REASON), theme, buf);
        four.or(reason)
    }
}
