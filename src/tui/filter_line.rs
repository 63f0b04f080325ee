//! The filter line above a table: a text field whose text is parsed at every key press. An error is shown at its place in the text.

use crokey::KeyCombination;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use ratatui::text::Line;

use super::context::Context;
use super::form::TextField;
use super::layout::draw_rule;
use super::text_layout::draw_line;
use super::theme::StyleRole;
use crate::domain::filter::{FieldTest, Filter, FilterError};
use crate::domain::text;

/// The text field of a filter, and the last valid filter that was typed into it.
#[derive(Debug)]
pub struct FilterLine<T> {
    /// Whether key presses go to the text field.
    pub is_typing: bool,
    /// The last valid filter. It remains in effect while the typed text contains a mistake.
    pub parsed: Filter<T>,
    field: TextField,
    error: Option<FilterError>,
}

impl<T> Default for FilterLine<T> {
    fn default() -> Self {
        Self { is_typing: false, parsed: Filter::default(), field: TextField::default(), error: None }
    }
}

impl<T: FieldTest> FilterLine<T> {
    /// Handles a key press in the text field. Returns whether the text may have changed.
    pub fn handle_key(&mut self, key: KeyCombination) -> bool {
        let changed = self.field.handle_key(key);
        self.parse();
        changed
    }

    /// Inserts pasted text at the text cursor.
    pub fn paste(&mut self, text: &str) {
        self.field.paste(text);
        self.parse();
    }

    /// Leaves the text field, and removes the filter if `clear` is set.
    pub fn finish_typing(&mut self, clear: bool) {
        self.is_typing = false;
        if clear {
            self.clear();
        }
    }

    /// Returns `true` if no filter is set.
    pub fn is_empty(&self) -> bool {
        self.field.text().is_empty()
    }

    /// Replaces the text of the filter.
    pub fn set(&mut self, text: &str) {
        self.field = TextField::with_text(text);
        self.parse();
    }

    /// Removes the filter.
    pub fn clear(&mut self) {
        self.set("");
    }

    fn parse(&mut self) {
        match Filter::parse(self.field.text()) {
            Ok(filter) => (self.parsed, self.error) = (filter, None),
            Err(error) => self.error = Some(error),
        }
    }

    /// Returns whether the line is visible: while it is being edited, or while a filter is set.
    pub fn is_visible(&self) -> bool {
        self.is_typing || !self.is_empty()
    }

    /// Draws the line if it is visible, otherwise a horizontal rule. Returns the position of the text cursor, if any.
    pub fn draw_or_rule(
        &self,
        example: &str,
        context: &Context,
        area: Rect,
        buf: &mut Buffer,
    ) -> Option<(u16, u16)> {
        if self.is_visible() {
            return self.draw(example, context, area, buf);
        }
        draw_rule(area.y, area, context.theme(), buf);
        None
    }

    /// Draws the line and returns the position of the text cursor, if any. An empty field shows `example`.
    pub fn draw(&self, example: &str, context: &Context, area: Rect, buf: &mut Buffer) -> Option<(u16, u16)> {
        let theme = context.theme();
        let role = if self.error.is_some() { StyleRole::Danger } else { StyleRole::Accent };
        buf.set_string(area.x + 1, area.y, "/", theme.style(role));
        let start = area.x + 3;
        let room = area.width.saturating_sub(4);
        let typed =
            u16::try_from(text::display_width(&text::sanitize_line(self.field.text()))).unwrap_or(room);
        let beside = match &self.error {
            Some(error) => Some(Line::styled(error.message.as_str(), theme.style(StyleRole::Danger))),
            None if self.is_empty() => Some(Line::styled(example, theme.style(StyleRole::Muted))),
            None => None,
        };
        let mut field = Rect { x: start, width: room, ..area };
        if let Some(beside) = beside {
            let x = start.saturating_add(typed).saturating_add(2).min(area.right());
            draw_line(buf, (x, area.y), area.right() - x, &beside, Style::new(), theme);
            field.width = room.min(typed + 2);
        }
        let cursor = self.field.draw(field, self.is_typing, theme, buf);
        if let Some(error) = self.error.as_ref().filter(|_| typed < room) {
            let column = |at: usize| {
                u16::try_from(text::display_width(&text::sanitize_line(&self.field.text()[..at])))
                    .unwrap_or(0)
            };
            let (from, to) = (column(error.at.start), column(error.at.end).max(column(error.at.start) + 1));
            let place = Rect { x: start + from, width: to - from, ..area };
            buf.set_style(
                place.intersection(area),
                theme.style(StyleRole::Danger).add_modifier(Modifier::UNDERLINED),
            );
        }
        cursor
    }
}
