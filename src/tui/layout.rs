//! Areas and pieces that several screens share: the rows around a table, the detail pane beside it, messages in place of rows.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Line;

use super::frame::ScrollableRows;
use super::table::Table;
use super::text_layout::{draw_line, wrap_first_lines, wrap_paragraph};
use super::theme::{StyleRole, Theme, ThemeSymbol};

/// Window width from which the detail pane is shown beside the table.
pub const SIDE_PANE_FROM: u16 = 110;
/// Width of the detail pane beside the table: a label and an id, or a label and an exact time, fit on one line.
pub const SIDE_PANE_WIDTH: u16 = 48;
/// Body height from which the text below the table gets one more row.
const ROOMY_FROM: u16 = 20;

/// Splits the body into the filter line and the table below it.
pub fn split_filter_line(body: Rect) -> (Rect, Rect) {
    let bar = Rect { height: body.height.min(1), ..body };
    (bar, Rect { y: body.y + bar.height, height: body.height - bar.height, ..body })
}

/// Returns the area of the table: below the filter line, and with room below it for the text of the selected row.
pub fn table_with_text_below(body: Rect) -> Rect {
    let below = if body.height >= ROOMY_FROM { 3 } else { 2 };
    Rect { y: body.y + 1, height: body.height.saturating_sub(1 + below), ..body }
}

/// Draws text of the selected row that is too long for a column, below the table.
pub fn draw_text_below(text: &str, table: Rect, body: Rect, theme: Theme, buf: &mut Buffer) {
    let columns = body.width.saturating_sub(2);
    let rows = usize::from(body.bottom().saturating_sub(table.bottom()));
    let style = theme.style(StyleRole::Plain);
    let lines = wrap_first_lines(&theme.text(text), style, usize::from(columns), rows);
    for (y, line) in (table.bottom()..body.bottom()).zip(&lines) {
        draw_line(buf, (body.x + 1, y), columns, line, Style::new(), theme);
    }
}

/// Draws a message in place of the table rows.
pub fn draw_message(text: &str, area: Rect, theme: Theme, buf: &mut Buffer) {
    let columns = usize::from(area.width.saturating_sub(6)).min(64);
    let lines = wrap_paragraph(text, theme.style(StyleRole::Muted), columns);
    for (y, line) in (area.y + 1..area.bottom()).zip(&lines) {
        draw_line(buf, (area.x + 3, y), area.width.saturating_sub(4), line, Style::new(), theme);
    }
}

/// Draws lines in the middle of an area, the first one emphasized. An empty string is a blank line.
pub fn draw_centered(lines: &[String], area: Rect, theme: Theme, buf: &mut Buffer) {
    let columns = area.width.saturating_sub(6).min(64);
    let mut wrapped: Vec<Line<'static>> = Vec::new();
    for (index, text) in lines.iter().enumerate() {
        let style = theme.style(if index == 0 { StyleRole::Strong } else { StyleRole::Plain });
        if text.is_empty() {
            wrapped.push(Line::default());
        }
        wrapped.extend(wrap_paragraph(&theme.text(text), style, usize::from(columns)));
    }
    let height = u16::try_from(wrapped.len()).unwrap_or(u16::MAX);
    let top = area.y + area.height.saturating_sub(height) / 3;
    for (y, line) in (top..area.bottom()).zip(&wrapped) {
        let width = u16::try_from(line.width()).unwrap_or(columns).min(area.width);
        draw_line(buf, (area.x + (area.width - width) / 2, y), width, line, Style::new(), theme);
    }
}

/// Draws a horizontal rule in row `y`, as wide as the area.
pub fn draw_rule(y: u16, area: Rect, theme: Theme, buf: &mut Buffer) {
    let rule = theme.symbol(ThemeSymbol::Rule).repeat(usize::from(area.width.saturating_sub(2)));
    buf.set_stringn(area.x + 1, y, rule, usize::from(area.width), theme.style(StyleRole::Muted));
}

/// Draws the divider between a table and the detail pane beside it.
pub fn draw_divider(pane: Rect, theme: Theme, buf: &mut Buffer) {
    for y in pane.y..pane.bottom() {
        buf.set_string(pane.x - 2, y, theme.symbol(ThemeSymbol::Divider), theme.style(StyleRole::Muted));
    }
}

/// Returns the table rows below the header, which the terminal can scroll as one block; `None` if no rows are shown.
pub fn scrollable_rows(table: &Table, area: Rect) -> Option<ScrollableRows> {
    (area.height > 1).then(|| ScrollableRows {
        first_row_y: area.y + 1,
        rows: area.height - 1,
        top: table.first_visible(),
        generation: table.generation(),
    })
}

/// Returns how many rows fit below the header in a table's area.
pub fn visible_row_count(table: Rect) -> usize {
    usize::from(table.height.saturating_sub(1))
}
