//! Encodes styled characters at screen positions as escape sequences, in as few bytes as possible.
//!
//! Start at [`AnsiEncoder::write_symbol`]; `cell_style` encodes colours and modifiers. Used by [`frame`](super::frame), whose module
//! comment explains why keyward has its own encoder. The sequences are those of ECMA-48 that the Linux console and the VT100 understand.

use std::io::Write as _;

pub(super) use cell_style::CellStyle;
use cell_style::{encode_style_change, write_number};

mod cell_style;

/// Encodes one frame as escape sequences. Tracks the terminal's cursor position and current style.
#[derive(Clone, Debug)]
pub struct AnsiEncoder {
    out: Vec<u8>,
    position: Option<(u16, u16)>,
    style: CellStyle,
    unicode: bool,
}

impl AnsiEncoder {
    /// Creates an encoder that appends to `out`. `position` is the cursor's position, if known; the terminal must have its default
    /// style.
    pub fn new(out: Vec<u8>, position: Option<(u16, u16)>, unicode: bool) -> Self {
        Self { out, position, style: CellStyle::default(), unicode }
    }

    /// Resets the style. Returns all bytes, and the cursor position after they are written, if it is known.
    pub fn finish(mut self) -> (Vec<u8>, Option<(u16, u16)>) {
        self.set_style(CellStyle::default());
        (self.out, self.position)
    }

    /// Returns the number of encoded bytes.
    pub fn len(&self) -> usize {
        self.out.len()
    }

    /// Appends bytes that change neither style nor cursor position.
    pub fn append_raw(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    /// Returns the cursor position as a zero-based column and row; `None` if it is unknown.
    pub fn position(&self) -> Option<(u16, u16)> {
        self.position
    }

    /// Returns the style of the next character.
    pub fn style(&self) -> CellStyle {
        self.style
    }

    /// Moves the cursor to column `x` and row `y`, both zero-based, by the shortest sequence.
    pub fn move_to(&mut self, x: u16, y: u16) {
        if self.position == Some((x, y)) {
            return;
        }
        let start = self.out.len();
        let mut cup = Vec::with_capacity(10);
        cup.extend_from_slice(b"\x1b[");
        if (x, y) != (0, 0) {
            write_number(&mut cup, y + 1);
        }
        if x > 0 {
            cup.push(b';');
            write_number(&mut cup, x + 1);
        }
        cup.push(b'H');
        if let Some((cx, cy)) = self.position {
            self.move_vertically(cy, y);
            self.move_horizontally(cx, x);
            if self.out.len() - start <= cup.len() {
                self.position = Some((x, y));
                return;
            }
            self.out.truncate(start);
        }
        self.out.extend_from_slice(&cup);
        self.position = Some((x, y));
    }

    fn move_vertically(&mut self, from: u16, to: u16) {
        match to.checked_sub(from) {
            Some(0) => {}
            Some(down @ 1..=4) => self.out.extend(std::iter::repeat_n(b'\n', usize::from(down))),
            Some(down) => self.move_relative(down, b'B'),
            None => self.move_relative(from - to, b'A'),
        }
    }

    fn move_horizontally(&mut self, from: u16, to: u16) {
        if to == 0 && from > 0 {
            self.out.push(b'\r');
        } else if to > from {
            self.move_relative(to - from, b'C');
        } else if from - to <= 3 {
            self.out.extend(std::iter::repeat_n(b'\x08', usize::from(from - to)));
        } else {
            self.move_relative(from - to, b'D');
        }
    }

    fn move_relative(&mut self, n: u16, final_byte: u8) {
        self.out.extend_from_slice(b"\x1b[");
        if n > 1 {
            write_number(&mut self.out, n);
        }
        self.out.push(final_byte);
    }

    /// Switches to `style` by the shorter of two sequences: one for the differences, or a reset followed by the complete new style.
    pub fn set_style(&mut self, style: CellStyle) {
        if style == self.style {
            return;
        }
        let mut fresh = Vec::with_capacity(24);
        encode_style_change(&mut fresh, CellStyle::default(), style);
        if !fresh.is_empty() {
            fresh.splice(0..0, *b"0;");
        }
        let mut delta = Vec::with_capacity(24);
        encode_style_change(&mut delta, self.style, style);
        let params = if delta.len() < fresh.len() { delta } else { fresh };
        self.out.extend_from_slice(b"\x1b[");
        self.out.extend_from_slice(&params);
        self.out.push(b'm');
        self.style = style;
    }

    /// Writes one character (grapheme cluster) that is `width` columns wide, at the cursor. `columns` is the width of the screen.
    pub fn write_symbol(&mut self, symbol: &str, width: u16, style: CellStyle, columns: u16) {
        if symbol != " " || !self.style.looks_same_on_blank(style) {
            self.set_style(style);
        }
        let width_is_certain = self.write_characters(symbol, width);
        // The position is unknown after the last column, where terminals differ, and after characters of disputed width.
        self.position =
            self.position.map(|(x, y)| (x + width, y)).filter(|&(x, _)| width_is_certain && x < columns);
    }

    /// Appends a character. Returns whether all terminals agree on its width.
    fn write_characters(&mut self, symbol: &str, width: u16) -> bool {
        if let [byte @ b' '..=b'~'] = *symbol.as_bytes() {
            self.out.push(byte);
            return true;
        }
        let mut chars = symbol.chars();
        let (first, single) = (chars.next().unwrap_or(' '), chars.next().is_none());
        if !self.unicode {
            self.out.push(ascii_substitute(first));
            self.out.extend(std::iter::repeat_n(b' ', usize::from(width) - 1));
            return true;
        }
        // Last line of defence: a control character must never reach the terminal, even if it got into the buffer.
        if symbol.chars().any(char::is_control) {
            self.out.extend_from_slice("\u{FFFD}".as_bytes());
            return false;
        }
        self.out.extend_from_slice(symbol.as_bytes());
        single
            && width == 1
            && matches!(first, '\u{A1}'..='\u{24F}' | '\u{2010}'..='\u{2027}' | '\u{2190}'..='\u{25FF}')
    }

    /// Erases from the cursor to the end of the line, in the default style.
    pub fn erase_to_line_end(&mut self) {
        self.set_style(CellStyle::default());
        self.out.extend_from_slice(b"\x1b[K");
    }

    /// Scrolls `rows` rows, starting at row `first`, up by `by` rows, or down if `by` is negative. The terminal fills the freed
    /// rows with blanks.
    ///
    /// Uses line feed and reverse line feed at the margins (VT100), because the Linux console does not support SU and SD.
    pub fn scroll_rows(&mut self, first: u16, rows: u16, by: isize) {
        self.set_style(CellStyle::default());
        let (top, bottom) = (first + 1, first + rows);
        write!(self.out, "\x1b[{top};{bottom}r").expect("writing to a Vec cannot fail");
        // Setting the margins moves the cursor, and terminals differ in where to.
        self.position = None;
        if by > 0 {
            self.move_to(0, bottom - 1);
            self.out.extend(std::iter::repeat_n(b'\n', by.unsigned_abs()));
        } else {
            self.move_to(0, first);
            for _ in 0..by.unsigned_abs() {
                self.out.extend_from_slice(b"\x1bM");
            }
        }
        self.out.extend_from_slice(b"\x1b[r");
        self.position = None;
    }
}

/// Returns an ASCII character to show instead of `c`: one of similar shape for box-drawing characters and symbols, `?` for letters.
fn ascii_substitute(c: char) -> u8 {
    match c {
        ' '..='~' => u8::try_from(c).unwrap_or(b'?'),
        '\u{A0}' | '\u{2000}'..='\u{200A}' | '\u{2800}' => b' ',
        '─' | '━' | '═' | '–' | '—' | '−' | '‐' | '‑' | '╌' | '┄' => b'-',
        '│' | '┃' | '║' | '╎' | '┆' | '▏' | '▕' | '▌' | '▐' => b'|',
        '\u{250C}'..='\u{254B}' | '\u{2552}'..='\u{2570}' | '✓' | '✔' => b'+',
        '…' | '·' | '▁' => b'.',
        '•' | '●' | '◆' | '■' | '★' | '✱' | '⚠' => b'*',
        '○' | '◇' | '□' => b'o',
        '▶' | '▸' | '►' | '→' | '›' | '❯' => b'>',
        '◀' | '◂' | '◄' | '←' | '‹' => b'<',
        '↑' | '▲' | '▴' => b'^',
        '↓' | '▼' | '▾' => b'v',
        '✗' | '✘' | '×' => b'x',
        '‘' | '’' => b'\'',
        '“' | '”' | '„' => b'"',
        '▂' | '▃' => b'_',
        '▄' | '▅' => b'=',
        '▆' | '▇' | '█' => b'#',
        '░' | '▒' | '▓' => b':',
        _ => b'?',
    }
}

#[cfg(test)]
mod tests;
