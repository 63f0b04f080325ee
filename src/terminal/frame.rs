//! Shows frames: compares the next one with what is on the screen and writes only the difference, in one write.

use std::io::{self, Write};

use ratatui::buffer::{Buffer, Cell, CellWidth as _};
use ratatui::layout::Rect;
use zeroize::Zeroize as _;

use super::ansi_encoder::{AnsiEncoder, CellStyle};
use super::capabilities::{Capabilities, ColorDepth};

/// Rows of the frame that show a part of something longer, and may be scrolled by the terminal itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScrollRegion {
    /// The first of these rows, from 0.
    pub first_row: u16,
    /// How many rows.
    pub rows: u16,
    /// Which row of the longer thing stands first.
    pub top: usize,
    /// Changes whenever the rows are others, or in another order, than before.
    pub generation: u64,
}

const SYNCHRONIZED: (&[u8], &[u8]) = (b"\x1b[?2026h", b"\x1b[?2026l");
const CURSOR_SHOWN: (&[u8], &[u8]) = (b"\x1b[?25h", b"\x1b[?25l");
/// A run of unchanged cells up to this long is written again rather than jumped over.
const BRIDGE: u16 = 3;

/// Parts of one character that are expected to be drawn one after the other, at most.
const SPILLING_PARTS: usize = 4;

/// Draws on a terminal whose content it remembers.
pub struct FrameWriter<W> {
    out: W,
    can: Capabilities,
    /// What is on the screen.
    shown: Buffer,
    /// What will be.
    next: Buffer,
    /// Whether `shown` is to be believed.
    known: bool,
    at: Option<(u16, u16)>,
    cursor: Option<(u16, u16)>,
    scroll: Option<ScrollRegion>,
    /// Goes out ahead of the next frame, in the same write.
    prelude: Vec<u8>,
    bytes: Vec<u8>,
}

impl<W: Write> FrameWriter<W> {
    /// A painter for a terminal of this many columns and rows, with unknown content and a hidden cursor.
    pub fn new(out: W, can: Capabilities, size: (u16, u16)) -> Self {
        let area = Rect::new(0, 0, size.0, size.1);
        Self {
            out,
            can,
            shown: Buffer::empty(area),
            next: Buffer::empty(area),
            known: false,
            at: None,
            cursor: None,
            scroll: None,
            prelude: Vec::new(),
            bytes: Vec::new(),
        }
    }

    /// The buffer to draw the next frame into, blank.
    pub fn canvas(&mut self) -> &mut Buffer {
        &mut self.next
    }

    /// Columns and rows.
    pub fn size(&self) -> (u16, u16) {
        (self.next.area.width, self.next.area.height)
    }

    /// Takes a new size. What the terminal made of the old content is unknown.
    pub fn resize(&mut self, size: (u16, u16)) {
        let area = Rect::new(0, 0, size.0, size.1);
        self.next = Buffer::empty(area);
        self.invalidate();
    }

    /// The next frame is drawn in full.
    pub fn invalidate(&mut self) {
        self.known = false;
        self.scroll = None;
    }

    /// Puts bytes ahead of the next frame, to go out in the same write. They hide the cursor or leave it hidden.
    pub fn queue_prefix(&mut self, bytes: &[u8]) {
        self.prelude.extend_from_slice(bytes);
        self.at = None;
        self.cursor = None;
    }

    /// Shows what was drawn on the canvas, with the cursor at a column and row or hidden. Says whether anything was written.
    ///
    /// # Errors
    /// The terminal takes no output: it is gone.
    pub fn write_frame(
        &mut self,
        cursor: Option<(u16, u16)>,
        scroll: Option<ScrollRegion>,
    ) -> io::Result<bool> {
        let mut pen = AnsiEncoder::new(std::mem::take(&mut self.bytes), self.at, self.can.unicode);
        if self.can.synchronized {
            pen.append_raw(SYNCHRONIZED.0);
        }
        pen.append_raw(&self.prelude);
        let empty = pen.len() - self.prelude.len();
        if self.known {
            self.encode_changes(&mut pen, scroll);
        } else {
            self.encode_all(&mut pen);
        }
        let cursor = cursor.filter(|&(x, y)| x < self.next.area.width && y < self.next.area.height);
        match cursor {
            Some((x, y)) => {
                pen.move_to(x, y);
                if self.cursor.is_none() {
                    pen.append_raw(CURSOR_SHOWN.0);
                }
            }
            None if self.cursor.is_some() => pen.append_raw(CURSOR_SHOWN.1),
            None => {}
        }
        (self.bytes, self.at) = pen.finish();
        let written = if self.bytes.len() > empty {
            if self.can.synchronized {
                self.bytes.extend_from_slice(SYNCHRONIZED.1);
            }
            self.out.write_all(&self.bytes).and_then(|()| self.out.flush()).map(|()| true)
        } else {
            Ok(false)
        };
        // A frame may have held a secret: neither its bytes nor the frame before it stay in memory.
        self.bytes.zeroize();
        self.prelude.clear();
        std::mem::swap(&mut self.shown, &mut self.next);
        if self.next.area == self.shown.area {
            self.next.reset();
        } else {
            self.next = Buffer::empty(self.shown.area);
        }
        (self.known, self.cursor, self.scroll) = (written.is_ok(), cursor, scroll);
        written
    }

    /// Writes bytes that show nothing, such as a copy to the clipboard.
    ///
    /// # Errors
    /// The terminal takes no output: it is gone.
    pub fn write_bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.out.write_all(bytes)?;
        self.out.flush()
    }

    fn encode_changes(&self, pen: &mut AnsiEncoder, scroll: Option<ScrollRegion>) {
        let depth = self.can.depth;
        let by = self.scroll.zip(scroll).and_then(|(old, new)| scroll_distance(old, new));
        if let (Some(by), Some(scroll)) = (by, scroll) {
            let mut scrolled = pen.clone();
            let mut shifted = self.shown.clone();
            scrolled.scroll_rows(scroll.first_row, scroll.rows, by);
            shift_rows(&mut shifted, scroll, by);
            encode_differences(&mut scrolled, &shifted, &self.next, depth);
            // So short that to compare all rows again would hardly find less.
            if scrolled.len() - pen.len() <= usize::from(self.next.area.width) * 3 {
                *pen = scrolled;
                return;
            }
            encode_differences(pen, &self.shown, &self.next, depth);
            if scrolled.len() < pen.len() {
                *pen = scrolled;
            }
        } else {
            encode_differences(pen, &self.shown, &self.next, depth);
        }
    }

    /// Row by row, and never by "erase display": tmux would keep what that erases in its history.
    fn encode_all(&self, pen: &mut AnsiEncoder) {
        let blank = Buffer::empty(Rect { height: 1, ..self.next.area });
        pen.append_raw(b"\x1b[m\x1b[r");
        for y in 0..self.next.area.height {
            pen.move_to(0, y);
            pen.erase_to_line_end();
            encode_row_differences(pen, &blank.content, row_cells(&self.next, y), y, self.can.depth);
        }
    }
}

/// How far the rows moved, where nothing else about them changed.
fn scroll_distance(old: ScrollRegion, new: ScrollRegion) -> Option<isize> {
    let same = ScrollRegion { top: new.top, ..old } == new;
    let by = isize::try_from(new.top).ok()? - isize::try_from(old.top).ok()?;
    (same && by != 0 && by.unsigned_abs() < usize::from(new.rows)).then_some(by)
}

/// Does to the buffer what the terminal does to its screen.
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

fn row_cells(buffer: &Buffer, y: u16) -> &[Cell] {
    let width = usize::from(buffer.area.width);
    &buffer.content[usize::from(y) * width..][..width]
}

fn encode_differences(pen: &mut AnsiEncoder, shown: &Buffer, next: &Buffer, depth: ColorDepth) {
    for y in 0..next.area.height {
        let (old, new) = (row_cells(shown, y), row_cells(next, y));
        if old != new {
            encode_row_differences(pen, old, new, y, depth);
        }
    }
}

/// Columns of the character that starts in this cell: 1 or 2, never beyond the end of the row.
fn character_width(row: &[Cell], x: usize) -> usize {
    usize::from(row[x].cell_width()).clamp(1, 2).min(row.len() - x)
}

/// For each cell: whether it is the second half of a wide character.
fn trailing_halves(row: &[Cell]) -> Vec<bool> {
    let mut halves = vec![false; row.len()];
    let mut x = 0;
    while x < row.len() {
        let w = character_width(row, x);
        halves[x + 1..x + w].fill(true);
        x += w;
    }
    halves
}

/// Whether terminals disagree on the columns of this character: a wide one of several parts (skin tone, flag, emoji form), which some
/// draw one after the other.
fn has_disputed_width(cell: &Cell) -> bool {
    cell.symbol().len() > 4 && cell.cell_width() > 1 && cell.symbol().chars().nth(1).is_some()
}

/// For each cell: whether it may hold a remainder of a disputed character beside it that is written, or was there before, and so has
/// to be written too.
fn overdrawn_cells(old: &[Cell], new: &[Cell]) -> Vec<bool> {
    let mut spilled = vec![false; new.len()];
    for x in 0..new.len() {
        let row = match (has_disputed_width(&old[x]), has_disputed_width(&new[x])) {
            _ if old[x].symbol() == new[x].symbol() => continue,
            (_, true) => new,
            (true, false) => old,
            (false, false) => continue,
        };
        let parts = row[x].symbol().chars().count().min(SPILLING_PARTS);
        let end = (x + 2 * parts).min(new.len());
        spilled[x..end].fill(true);
    }
    spilled
}

fn encode_row_differences(pen: &mut AnsiEncoder, old: &[Cell], new: &[Cell], y: u16, depth: ColorDepth) {
    let width = new.len();
    let (old_halves, new_halves) = (trailing_halves(old), trailing_halves(new));
    let spilled = overdrawn_cells(old, new);
    let same = |x: usize| {
        !spilled[x]
            && old_halves[x] == new_halves[x]
            && (new_halves[x]
                || old[x].symbol() == new[x].symbol()
                    && CellStyle::of(&old[x], depth) == CellStyle::of(&new[x], depth))
    };
    let is_blank = |x: usize| {
        new[x].symbol() == " " && CellStyle::of(&new[x], depth) == CellStyle::default() && !new_halves[x]
    };
    let tail = (0..width).rposition(|x| !is_blank(x)).map_or(0, |x| x + 1);
    let column = |x: usize| u16::try_from(x).unwrap_or(u16::MAX);
    let mut x = 0;
    while x < tail {
        let w = character_width(new, x);
        if (x..x + w).all(same) {
            x += w;
            continue;
        }
        bridge_gap(pen, new, x, y, depth);
        pen.move_to(column(x), y);
        // A wide character has no room in the last column; the terminal would put it on the next row.
        let symbol = if usize::from(new[x].cell_width()) > w { " " } else { new[x].symbol() };
        if has_disputed_width(&new[x]) {
            // Some terminals fill only one of its two columns.
            for _ in 0..w {
                pen.write_symbol(" ", 1, CellStyle::of(&new[x], depth), column(width));
            }
            pen.move_to(column(x), y);
        }
        pen.write_symbol(symbol, column(w), CellStyle::of(&new[x], depth), column(width));
        x += w;
    }
    let Some(first) = (tail..width).find(|&x| !same(x)) else { return };
    let last = (first..width).rfind(|&x| !same(x)).unwrap_or(first);
    bridge_gap(pen, new, first, y, depth);
    pen.move_to(column(first), y);
    if last - first < 4 {
        for _ in first..=last {
            pen.write_symbol(" ", 1, CellStyle::default(), column(width));
        }
    } else {
        pen.erase_to_line_end();
    }
}

/// Gets to a cell a little to the right by writing what stands between, where that is shorter than a move: either in the style in
/// force, or, blanks, in that of the cell.
fn bridge_gap(pen: &mut AnsiEncoder, new: &[Cell], to: usize, y: u16, depth: ColorDepth) {
    let Some((x, at_y)) = pen.position() else { return };
    let from = usize::from(x);
    if at_y != y || from >= to || to - from > usize::from(BRIDGE) {
        return;
    }
    let between = &new[from..to];
    let plain_in = |look: CellStyle| {
        between.iter().all(|cell| match cell.symbol().as_bytes() {
            b" " => look.looks_same_on_blank(CellStyle::of(cell, depth)),
            [b'!'..=b'~'] => CellStyle::of(cell, depth) == look,
            _ => false,
        })
    };
    let target = CellStyle::of(&new[to], depth);
    if !plain_in(pen.style()) {
        if !plain_in(target) {
            return;
        }
        pen.set_style(target);
    }
    let width = u16::try_from(new.len()).unwrap_or(u16::MAX);
    for cell in between {
        pen.write_symbol(cell.symbol(), 1, CellStyle::of(cell, depth), width);
    }
}

#[cfg(test)]
mod tests;
