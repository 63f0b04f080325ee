//! The frame: header, tabs, body, one overlay at most, footer.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::app::Model;
use super::theme::Role;

/// What the frame writer needs to know besides the cells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Drawn {
    /// Where the cursor blinks (column, row); nothing hides it.
    pub cursor: Option<(u16, u16)>,
    /// The rows that scroll as one.
    pub scroll: Option<Scrolled>,
}

/// A block of rows over the full width that scrolls as one, so that the terminal can move it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scrolled {
    /// The first row of the window that belongs to it.
    pub first_row_y: u16,
    /// How many rows of the window belong to it.
    pub rows: u16,
    /// Which row of the content is shown first.
    pub top: usize,
    /// Another number where the content is another, so that scrolling would be wrong.
    pub generation: u64,
}

/// Draws the model. The buffer's old content is overwritten.
pub fn draw(model: &Model, buf: &mut Buffer) -> Drawn {
    buf.reset();
    let area: Rect = buf.area;
    if area.width < 40 || area.height < 10 {
        let style = model.shared.theme().style(Role::Plain);
        buf.set_stringn(0, 0, "keyward needs 40×10 or more", usize::from(area.width), style);
        return Drawn::default();
    }
    Drawn::default()
}
