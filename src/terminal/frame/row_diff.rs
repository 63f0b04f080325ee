//! Encodes the difference between two frames row by row, including wide characters and characters of disputed width.
//!
//! Start at [`encode_differences`].

use ratatui::buffer::{Buffer, Cell, CellWidth as _};

use crate::terminal::ansi_encoder::{AnsiEncoder, CellStyle};
use crate::terminal::capabilities::ColorDepth;

/// Longest run of unchanged cells, in columns, that is written again instead of moving the cursor past it.
const MAX_REWRITTEN_GAP: u16 = 3;

/// Maximum number of code points in one character that a terminal is assumed to draw as separate wide characters.
const MAX_PARTS: usize = 4;

/// Returns the cells of row `y`.
pub(super) fn row_cells(buffer: &Buffer, y: u16) -> &[Cell] {
    let width = usize::from(buffer.area.width);
    &buffer.content[usize::from(y) * width..][..width]
}

/// Encodes the rows in which `next` differs from `previous`.
pub(super) fn encode_differences(
    encoder: &mut AnsiEncoder,
    previous: &Buffer,
    next: &Buffer,
    depth: ColorDepth,
) {
    for y in 0..next.area.height {
        let (old, new) = (row_cells(previous, y), row_cells(next, y));
        if old != new {
            encode_row_differences(encoder, old, new, y, depth);
        }
    }
}

/// Returns the width in columns of the character at `x`: 1 or 2, and never beyond the end of the row.
fn character_width(row: &[Cell], x: usize) -> usize {
    usize::from(row[x].cell_width()).clamp(1, 2).min(row.len() - x)
}

/// Returns, for each cell, whether it is the second half of a wide character.
pub(super) fn trailing_halves(row: &[Cell]) -> Vec<bool> {
    let mut halves = vec![false; row.len()];
    let mut x = 0;
    while x < row.len() {
        let w = character_width(row, x);
        halves[x + 1..x + w].fill(true);
        x += w;
    }
    halves
}

/// Returns whether terminals disagree on the width of this character. They do for wide characters of several code points (skin
/// tone, flag, emoji presentation), which some terminals draw as separate characters.
fn has_disputed_width(cell: &Cell) -> bool {
    cell.symbol().len() > 4 && cell.cell_width() > 1 && cell.symbol().chars().nth(1).is_some()
}

/// Returns, for each cell, whether it must be written because an old or new character of disputed width to its left may have been
/// drawn over it.
fn cells_overlapped_by_wide_characters(old: &[Cell], new: &[Cell]) -> Vec<bool> {
    let mut overdrawn = vec![false; new.len()];
    for x in 0..new.len() {
        let row = match (has_disputed_width(&old[x]), has_disputed_width(&new[x])) {
            _ if old[x].symbol() == new[x].symbol() => continue,
            (_, true) => new,
            (true, false) => old,
            (false, false) => continue,
        };
        let parts = row[x].symbol().chars().count().min(MAX_PARTS);
        let end = (x + 2 * parts).min(new.len());
        overdrawn[x..end].fill(true);
    }
    overdrawn
}

/// Encodes the cells in which row `y` changes from `old` to `new`.
pub(super) fn encode_row_differences(
    encoder: &mut AnsiEncoder,
    old: &[Cell],
    new: &[Cell],
    y: u16,
    depth: ColorDepth,
) {
    let width = new.len();
    let (old_halves, new_halves) = (trailing_halves(old), trailing_halves(new));
    let overdrawn = cells_overlapped_by_wide_characters(old, new);
    let same = |x: usize| {
        !overdrawn[x]
            && old_halves[x] == new_halves[x]
            && (new_halves[x]
                || old[x].symbol() == new[x].symbol()
                    && CellStyle::of_cell(&old[x], depth) == CellStyle::of_cell(&new[x], depth))
    };
    let is_blank = |x: usize| {
        new[x].symbol() == " " && CellStyle::of_cell(&new[x], depth) == CellStyle::default() && !new_halves[x]
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
        bridge_gap(encoder, new, x, y, depth);
        encoder.move_to(column(x), y);
        // A wide character in the last column is replaced by a blank, because the terminal would wrap it to the next row.
        let symbol = if usize::from(new[x].cell_width()) > w { " " } else { new[x].symbol() };
        if has_disputed_width(&new[x]) {
            // Some terminals fill only one of the two columns, so blank both first.
            for _ in 0..w {
                encoder.write_symbol(" ", 1, CellStyle::of_cell(&new[x], depth), column(width));
            }
            encoder.move_to(column(x), y);
        }
        encoder.write_symbol(symbol, column(w), CellStyle::of_cell(&new[x], depth), column(width));
        x += w;
    }
    let Some(first) = (tail..width).find(|&x| !same(x)) else { return };
    let last = (first..width).rfind(|&x| !same(x)).unwrap_or(first);
    bridge_gap(encoder, new, first, y, depth);
    encoder.move_to(column(first), y);
    if last - first < 4 {
        for _ in first..=last {
            encoder.write_symbol(" ", 1, CellStyle::default(), column(width));
        }
    } else {
        encoder.erase_to_line_end();
    }
}

/// Moves the cursor a few columns to the right by writing the cells in between again, if that takes fewer bytes than a cursor
/// movement. All of these cells must have the current style or the style of the target cell.
fn bridge_gap(encoder: &mut AnsiEncoder, new: &[Cell], to: usize, y: u16, depth: ColorDepth) {
    let Some((x, at_y)) = encoder.position() else { return };
    let from = usize::from(x);
    if at_y != y || from >= to || to - from > usize::from(MAX_REWRITTEN_GAP) {
        return;
    }
    let between = &new[from..to];
    let all_in_style = |style: CellStyle| {
        between.iter().all(|cell| match cell.symbol().as_bytes() {
            b" " => style.looks_same_on_blank(CellStyle::of_cell(cell, depth)),
            [b'!'..=b'~'] => CellStyle::of_cell(cell, depth) == style,
            _ => false,
        })
    };
    let target = CellStyle::of_cell(&new[to], depth);
    if !all_in_style(encoder.style()) {
        if !all_in_style(target) {
            return;
        }
        encoder.set_style(target);
    }
    let width = u16::try_from(new.len()).unwrap_or(u16::MAX);
    for cell in between {
        encoder.write_symbol(cell.symbol(), 1, CellStyle::of_cell(cell, depth), width);
    }
}
