//! Writes frames: compares the next frame with the one on the screen and sends the difference in a single write.
//!
//! Start at [`FrameWriter`]; `row_diff` compares rows. Our own writer, because ratatui's `Terminal` with its crossterm backend (0.30)
//! - queries the cursor position on `clear` and erases the whole display, which tmux keeps in its history, including secrets;
//! - never lets the terminal scroll rows, so that scrolling a table rewrites most of the screen on a slow link;
//! - loses track of the cursor after characters whose width terminals disagree on:
//!   <https://github.com/ratatui/ratatui/issues/2357>, <https://github.com/ratatui/ratatui/issues/2651>;
//! - cancels reverse video, and with it the selected row, if `NO_COLOR` is set: <https://github.com/crossterm-rs/crossterm/pull/1069>.

use std::io::{self, Write};

use ratatui::buffer::{Buffer, Cell};
use ratatui::layout::Rect;
use zeroize::Zeroize as _;

use super::ansi_encoder::AnsiEncoder;
use super::capabilities::Capabilities;
use row_diff::{encode_differences, encode_row_differences, row_cells};

mod row_diff;

/// Rows of the screen that show a section of a longer list. The terminal can scroll these rows itself, which takes few bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScrollRegion {
    /// First screen row of the region, zero-based.
    pub first_row: u16,
    /// Number of screen rows in the region.
    pub rows: u16,
    /// Index of the list item that is shown in the first row.
    pub top: usize,
    /// Identifies the list's content and order. Regions with different generations are never scrolled into each other.
    pub generation: u64,
}

/// Sequences that begin and end a synchronized update.
const SYNCHRONIZED_UPDATE: (&[u8], &[u8]) = (b"\x1b[?2026h", b"\x1b[?2026l");
/// Sequences that show and hide the cursor.
const CURSOR_VISIBILITY: (&[u8], &[u8]) = (b"\x1b[?25h", b"\x1b[?25l");
/// Writes frames to a terminal. Remembers the frame on the screen, so that only the differences are sent.
pub struct FrameWriter<W> {
    out: W,
    capabilities: Capabilities,
    /// The frame that is on the screen.
    previous: Buffer,
    /// The frame that is being drawn.
    next: Buffer,
    /// Whether `previous` is what the screen shows. If not, the next frame is written in full.
    previous_is_valid: bool,
    /// Cursor position after the last write; `None` if it is unknown.
    position: Option<(u16, u16)>,
    /// Cursor position in the last frame; `None` if the cursor was hidden.
    cursor: Option<(u16, u16)>,
    scroll: Option<ScrollRegion>,
    /// Bytes to send before the next frame, in the same write.
    prefix: Vec<u8>,
    bytes: Vec<u8>,
}

impl<W: Write> FrameWriter<W> {
    /// Creates a writer for a terminal of `size` columns and rows, with a hidden cursor and unknown screen content.
    pub fn new(out: W, capabilities: Capabilities, size: (u16, u16)) -> Self {
        let area = Rect::new(0, 0, size.0, size.1);
        Self {
            out,
            capabilities,
            previous: Buffer::empty(area),
            next: Buffer::empty(area),
            previous_is_valid: false,
            position: None,
            cursor: None,
            scroll: None,
            prefix: Vec::new(),
            bytes: Vec::new(),
        }
    }

    /// Returns the blank buffer to draw the next frame into.
    pub fn canvas(&mut self) -> &mut Buffer {
        &mut self.next
    }

    /// Returns the size of frames in columns and rows.
    pub fn size(&self) -> (u16, u16) {
        (self.next.area.width, self.next.area.height)
    }

    /// Changes the size of frames. The next frame is written in full, because terminals reflow their content differently.
    pub fn resize(&mut self, size: (u16, u16)) {
        let area = Rect::new(0, 0, size.0, size.1);
        self.next = Buffer::empty(area);
        self.invalidate();
    }

    /// Causes the next frame to be written in full, because the screen's content is unknown.
    pub fn invalidate(&mut self) {
        self.previous_is_valid = false;
        self.scroll = None;
    }

    /// Adds bytes to send before the next frame, in the same write. The bytes must leave the cursor hidden.
    pub fn queue_prefix(&mut self, bytes: &[u8]) {
        self.prefix.extend_from_slice(bytes);
        self.position = None;
        self.cursor = None;
    }

    /// Writes the frame that was drawn on the canvas. Shows the cursor at `cursor` (column, row), or hides it if `cursor` is
    /// `None`. Returns whether any bytes were written.
    ///
    /// # Errors
    /// Fails if the terminal accepts no output, because it is gone.
    pub fn write_frame(
        &mut self,
        cursor: Option<(u16, u16)>,
        scroll: Option<ScrollRegion>,
    ) -> io::Result<bool> {
        let mut encoder =
            AnsiEncoder::new(std::mem::take(&mut self.bytes), self.position, self.capabilities.unicode);
        if self.capabilities.synchronized {
            encoder.append_raw(SYNCHRONIZED_UPDATE.0);
        }
        encoder.append_raw(&self.prefix);
        let empty_length = encoder.len() - self.prefix.len();
        if self.previous_is_valid {
            self.encode_changes(&mut encoder, scroll);
        } else {
            self.encode_all(&mut encoder);
        }
        let cursor = cursor.filter(|&(x, y)| x < self.next.area.width && y < self.next.area.height);
        match cursor {
            Some((x, y)) => {
                encoder.move_to(x, y);
                if self.cursor.is_none() {
                    encoder.append_raw(CURSOR_VISIBILITY.0);
                }
            }
            None if self.cursor.is_some() => encoder.append_raw(CURSOR_VISIBILITY.1),
            None => {}
        }
        (self.bytes, self.position) = encoder.finish();
        let written = if self.bytes.len() > empty_length {
            if self.capabilities.synchronized {
                self.bytes.extend_from_slice(SYNCHRONIZED_UPDATE.1);
            }
            self.out.write_all(&self.bytes).and_then(|()| self.out.flush()).map(|()| true)
        } else {
            Ok(false)
        };
        // A frame may contain a secret, so neither its bytes nor the previous frame stay in memory.
        self.bytes.zeroize();
        self.prefix.clear();
        std::mem::swap(&mut self.previous, &mut self.next);
        if self.next.area == self.previous.area {
            self.next.reset();
        } else {
            self.next = Buffer::empty(self.previous.area);
        }
        (self.previous_is_valid, self.cursor, self.scroll) = (written.is_ok(), cursor, scroll);
        written
    }

    /// Writes bytes that do not change the screen, such as a sequence that copies to the clipboard.
    ///
    /// # Errors
    /// Fails if the terminal accepts no output, because it is gone.
    pub fn write_bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.out.write_all(bytes)?;
        self.out.flush()
    }

    fn encode_changes(&self, encoder: &mut AnsiEncoder, scroll: Option<ScrollRegion>) {
        let depth = self.capabilities.depth;
        let distance = self.scroll.zip(scroll).and_then(|(old, new)| scroll_distance(old, new));
        if let (Some(by), Some(scroll)) = (distance, scroll) {
            let mut scrolled = encoder.clone();
            let mut shifted = self.previous.clone();
            scrolled.scroll_rows(scroll.first_row, scroll.rows, by);
            shift_rows(&mut shifted, scroll, by);
            encode_differences(&mut scrolled, &shifted, &self.next, depth);
            // Short enough: encoding the frame without scrolling would hardly take fewer bytes.
            if scrolled.len() - encoder.len() <= usize::from(self.next.area.width) * 3 {
                *encoder = scrolled;
                return;
            }
            encode_differences(encoder, &self.previous, &self.next, depth);
            if scrolled.len() < encoder.len() {
                *encoder = scrolled;
            }
        } else {
            encode_differences(encoder, &self.previous, &self.next, depth);
        }
    }

    /// Encodes the whole frame. Erases row by row, because tmux moves what "erase display" erases into its history.
    fn encode_all(&self, encoder: &mut AnsiEncoder) {
        let blank = Buffer::empty(Rect { height: 1, ..self.next.area });
        encoder.append_raw(b"\x1b[m\x1b[r");
        for y in 0..self.next.area.height {
            encoder.move_to(0, y);
            encoder.erase_to_line_end();
            encode_row_differences(
                encoder,
                &blank.content,
                row_cells(&self.next, y),
                y,
                self.capabilities.depth,
            );
        }
    }
}

/// Returns how many rows the list has moved up (negative: down); `None` if the regions do not overlap or also differ in something
/// else.
fn scroll_distance(old: ScrollRegion, new: ScrollRegion) -> Option<isize> {
    let only_scrolled = ScrollRegion { top: new.top, ..old } == new;
    let by = isize::try_from(new.top).ok()? - isize::try_from(old.top).ok()?;
    (only_scrolled && by != 0 && by.unsigned_abs() < usize::from(new.rows)).then_some(by)
}

/// Scrolls rows of the buffer in the same way as the terminal scrolls the rows of its screen.
fn shift_rows(buffer: &mut Buffer, scroll: ScrollRegion, by: isize) {
    let width = usize::from(buffer.area.width);
    let height = usize::from(buffer.area.height);
    let first = usize::from(scroll.first_row).min(height);
    let end = (first + usize::from(scroll.rows)).min(height);
    let body = &mut buffer.content[first * width..end * width];
    let n = (by.unsigned_abs() * width).min(body.len());
    if by > 0 {
        body.rotate_left(n);
        let keep = body.len() - n;
        body[keep..].fill(Cell::EMPTY);
    } else {
        body.rotate_right(n);
        body[..n].fill(Cell::EMPTY);
    }
}

#[cfg(test)]
mod tests;
