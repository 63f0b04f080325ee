//! The frame: header, tabs, body, one overlay at most, footer.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::app::{Model, Tab};
use super::screens::{activity, keys, members, review, rotations};
use super::theme::StyleRole;

mod footer;
mod header;

/// What the frame writer needs to know besides the cells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FrameInfo {
    /// Where the cursor blinks (column, row); nothing hides it.
    pub cursor: Option<(u16, u16)>,
    /// The rows that scroll as one.
    pub scroll: Option<ScrollableRows>,
}

/// A block of rows over the full width that scrolls as one, so that the terminal can move it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScrollableRows {
    /// The first row of the window that belongs to it.
    pub first_row_y: u16,
    /// How many rows of the window belong to it.
    pub rows: u16,
    /// Which row of the content is shown first.
    pub top: usize,
    /// Another number where the content is another, so that scrolling would be wrong.
    pub generation: u64,
}

/// The smallest window in which keyward can be used.
pub const SMALLEST: (u16, u16) = (40, 10);

/// Where the body is, in a window of this size.
pub fn body((columns, rows): (u16, u16)) -> Rect {
    Rect { x: 0, y: 2, width: columns, height: rows.saturating_sub(3) }
}

/// Draws the model. The buffer's old content is overwritten.
pub fn draw(model: &Model, buf: &mut Buffer) -> FrameInfo {
    buf.reset();
    let area: Rect = buf.area;
    let context = &model.context;
    if area.width < SMALLEST.0 || area.height < SMALLEST.1 {
        let text = format!("needs {}x{}, has {}x{}", SMALLEST.0, SMALLEST.1, area.width, area.height);
        buf.set_stringn(0, 0, text, usize::from(area.width), Style::new());
        return FrameInfo::default();
    }
    header::draw(model, Rect { height: 1, ..area }, buf);
    header::tabs(model, Rect { y: 1, height: 1, ..area }, buf);
    let body = body((area.width, area.height));
    let mut drawn = FrameInfo::default();
    match model.tab {
        Tab::Personal | Tab::Workspace => {
            if let Some(table) = model.table() {
                (drawn.cursor, drawn.scroll) = keys::draw(table, &model.tables.detail, context, body, buf);
            }
        }
        Tab::Rotations => {
            (drawn.cursor, drawn.scroll) = rotations::draw(&model.tables.rotations, context, body, buf);
        }
        Tab::Members => {
            (drawn.cursor, drawn.scroll) = members::draw(&model.tables.members, context, body, buf);
        }
        Tab::Activity => {
            (drawn.cursor, drawn.scroll) = activity::draw(&model.tables.activity, context, body, buf);
        }
        Tab::Review => (drawn.cursor, drawn.scroll) = review::draw(&model.tables, context, body, buf),
    }
    if let Some(overlay) = &model.popup {
        drawn.scroll = None;
        // What lies below steps back; in low windows the popup takes all but the footer.
        buf.set_style(body, context.theme().style(StyleRole::Dimmed));
        let all = Rect { height: area.height - 1, ..area };
        drawn.cursor =
            overlay.popup().draw(context, &model.tables, if area.height < 20 { all } else { body }, buf);
    }
    if footer::draw(model, area, buf) {
        drawn.scroll = None;
    }
    if context.theme().ascii {
        ascii_only(buf);
    }
    drawn
}

/// The last net of ASCII mode: whatever was drawn without asking the theme.
pub(super) fn ascii_only(buf: &mut Buffer) {
    for cell in &mut buf.content {
        if !cell.symbol().is_ascii() {
            let symbol = match cell.symbol() {
                "─" | "━" => "-",
                "│" => "|",
                "╭" | "╮" | "╰" | "╯" => "+",
                "…" => "~",
                "×" => "x",
                _ => "?",
            };
            cell.set_symbol(symbol);
        }
    }
}
