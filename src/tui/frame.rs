//! The frame: its smallest size, the area of its body, and what the terminal needs to know besides the cells.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

/// Size of the smallest usable window, in columns and rows.
pub const SMALLEST_WINDOW: (u16, u16) = (40, 10);

/// Information about a drawn frame, besides its cells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FrameInfo {
    /// Column and row of the text cursor; `None` hides the cursor.
    pub cursor: Option<(u16, u16)>,
    /// Rows that the terminal can scroll as one block, if any.
    pub scroll: Option<ScrollableRows>,
    /// Largest useful scroll offset of the popup, or of the detail pane if no popup is open.
    pub max_scroll: usize,
}

/// A block of full-width rows that the terminal can scroll, so that they need not be written again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScrollableRows {
    /// First row of the block, counted from the top of the window.
    pub first_row_y: u16,
    /// Number of rows in the block.
    pub rows: u16,
    /// Index of the table row that the block's first row shows.
    pub top: usize,
    /// Changes when the table shows other rows or another order, so that the block must be redrawn instead of scrolled.
    pub generation: u64,
}

/// Returns the area between the tabs and the footer in a window of this size.
pub fn body_area((columns, rows): (u16, u16)) -> Rect {
    Rect { x: 0, y: 2, width: columns, height: rows.saturating_sub(3) }
}

/// Returns the area that popups may use: the body, or in low windows everything but the footer.
pub fn popup_area((columns, rows): (u16, u16)) -> Rect {
    if rows < 20 {
        Rect { x: 0, y: 0, width: columns, height: rows.saturating_sub(1) }
    } else {
        body_area((columns, rows))
    }
}

/// Replaces every character outside ASCII, for terminals that show ASCII only.
pub fn replace_non_ascii(buf: &mut Buffer) {
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
