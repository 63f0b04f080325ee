//! The filter line above a table: understood as one types; what is wrong is shown at its place.

use crokey::KeyCombination;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use ratatui::text::Line;

use super::context::Context;
use super::form::TextField;
use super::text_layout::draw_line;
use super::theme::{StyleRole, ThemeSymbol};
use crate::domain::filter::{FieldTest, Filter, FilterError};
use crate::domain::text;

/// A filter as typed, and as it was last understood.
#[derive(Debug)]
pub struct Search<T> {
    /// Whether keys go to it.
    pub typing: bool,
    /// The last filter that was understood: it holds while a mistake is typed.
    pub parsed: Filter<T>,
    field: TextField,
    wrong: Option<FilterError>,
}

impl<T> Default for Search<T> {
    fn default() -> Self {
        Self { typing: false, parsed: Filter::default(), field: TextField::default(), wrong: None }
    }
}

/// A filter whose table does not matter.
pub trait Typing {
    /// Takes a key; says whether the text may be another now.
    fn press(&mut self, key: KeyCombination) -> bool;
    /// Takes a pasted text.
    fn paste(&mut self, text: &str);
    /// Keys go elsewhere from now on; an `emptied` filter finds everything.
    fn leave(&mut self, emptied: bool);
}

impl<T: FieldTest> Typing for Search<T> {
    fn press(&mut self, key: KeyCombination) -> bool {
        let changed = self.field.handle_key(key);
        self.understand();
        changed
    }

    fn paste(&mut self, text: &str) {
        self.field.paste(text);
        self.understand();
    }

    fn leave(&mut self, emptied: bool) {
        self.typing = false;
        if emptied {
            self.clear();
        }
    }
}

impl<T: FieldTest> Search<T> {
    /// Whether nothing is typed.
    pub fn is_empty(&self) -> bool {
        self.field.text().is_empty()
    }

    /// The text as typed.
    pub fn text(&self) -> &str {
        self.field.text()
    }

    /// Puts another text in its place.
    pub fn set(&mut self, text: &str) {
        self.field = TextField::with_text(text);
        self.understand();
    }

    /// Empties it.
    pub fn clear(&mut self) {
        self.set("");
    }

    fn understand(&mut self) {
        match Filter::parse(self.field.text()) {
            Ok(filter) => (self.parsed, self.wrong) = (filter, None),
            Err(wrong) => self.wrong = Some(wrong),
        }
    }

    /// Whether the line has to be drawn.
    pub fn shows(&self) -> bool {
        self.typing || !self.is_empty()
    }

    /// Draws the line, or a rule where nothing is typed; gives the cursor's place.
    pub fn draw_or_rule(
        &self,
        example: &str,
        context: &Context,
        area: Rect,
        buf: &mut Buffer,
    ) -> Option<(u16, u16)> {
        if self.shows() {
            return self.draw(example, context, area, buf);
        }
        let theme = context.theme();
        let rule = theme.symbol(ThemeSymbol::Rule).repeat(usize::from(area.width.saturating_sub(2)));
        buf.set_stringn(area.x + 1, area.y, rule, usize::from(area.width), theme.style(StyleRole::Muted));
        None
    }

    /// Draws the line; gives the cursor's place. `example` is shown while nothing is typed.
    pub fn draw(&self, example: &str, context: &Context, area: Rect, buf: &mut Buffer) -> Option<(u16, u16)> {
        let theme = context.theme();
        let role = if self.wrong.is_some() { StyleRole::Danger } else { StyleRole::Accent };
        buf.set_string(area.x + 1, area.y, "/", theme.style(role));
        let start = area.x + 3;
        let room = area.width.saturating_sub(4);
        let typed = u16::try_from(text::display_width(&text::sanitize_line(self.text()))).unwrap_or(room);
        let said = match &self.wrong {
            Some(wrong) => Some(Line::styled(wrong.message.as_str(), theme.style(StyleRole::Danger))),
            None if self.is_empty() => Some(Line::styled(example, theme.style(StyleRole::Muted))),
            None => None,
        };
        let mut field = Rect { x: start, width: room, ..area };
        if let Some(said) = said {
            let x = start.saturating_add(typed).saturating_add(2).min(area.right());
            draw_line(buf, (x, area.y), area.right() - x, &said, Style::new(), theme);
            field.width = room.min(typed + 2);
        }
        let cursor = self.field.draw(field, self.typing, theme, buf);
        if let Some(wrong) = self.wrong.as_ref().filter(|_| typed < room) {
            let column = |at: usize| {
                u16::try_from(text::display_width(&text::sanitize_line(&self.text()[..at]))).unwrap_or(0)
            };
            let (from, to) = (column(wrong.at.start), column(wrong.at.end).max(column(wrong.at.start) + 1));
            let place = Rect { x: start + from, width: to - from, ..area };
            buf.set_style(
                place.intersection(area),
                theme.style(StyleRole::Danger).add_modifier(Modifier::UNDERLINED),
            );
        }
        cursor
    }
}
