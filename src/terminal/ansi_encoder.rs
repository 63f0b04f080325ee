//! Turns "this cell, here, in this style" into the fewest bytes: cursor moves, SGR changes, characters.

use std::io::Write as _;

use ratatui::buffer::Cell;
use ratatui::style::{Color, Modifier};

use super::capabilities::ColorDepth;

/// How a cell looks, in colours that the terminal has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CellStyle {
    fg: Color,
    bg: Color,
    modifier: Modifier,
}

/// Modifiers that can be seen on a blank.
const SEEN_ON_BLANK: Modifier =
    Modifier::REVERSED.union(Modifier::UNDERLINED).union(Modifier::CROSSED_OUT).union(Modifier::SLOW_BLINK);

/// Each modifier with the SGR code that sets it and the one that ends it (ECMA-48).
const CODES: [(Modifier, u8, u8); 9] = [
    (Modifier::BOLD, 1, 22),
    (Modifier::DIM, 2, 22),
    (Modifier::ITALIC, 3, 23),
    (Modifier::UNDERLINED, 4, 24),
    (Modifier::SLOW_BLINK, 5, 25),
    (Modifier::RAPID_BLINK, 6, 25),
    (Modifier::REVERSED, 7, 27),
    (Modifier::HIDDEN, 8, 28),
    (Modifier::CROSSED_OUT, 9, 29),
];

impl CellStyle {
    /// The look of a cell at this depth. Blanks that cannot be told apart are equal.
    pub fn of(cell: &Cell, depth: ColorDepth) -> Self {
        let mut look = Self {
            fg: reduce_colour(cell.fg, depth),
            bg: reduce_colour(cell.bg, depth),
            modifier: cell.modifier,
        };
        if cell.symbol() == " " {
            look.modifier &= SEEN_ON_BLANK;
            if look.modifier.is_empty() {
                look.fg = Color::Reset;
            }
        }
        look
    }

    /// Whether a blank looks the same in both.
    pub fn looks_same_on_blank(self, other: Self) -> bool {
        let seen = |look: Self| look.modifier & SEEN_ON_BLANK;
        self.bg == other.bg && seen(self) == seen(other) && (seen(self).is_empty() || self.fg == other.fg)
    }
}

/// The colour, or what stands for it where the terminal has fewer.
fn reduce_colour(color: Color, depth: ColorDepth) -> Color {
    match (depth, color) {
        (ColorDepth::Mono, _) | (ColorDepth::Ansi16, Color::Rgb(..) | Color::Indexed(16..)) => Color::Reset,
        (ColorDepth::Indexed256, Color::Rgb(r, g, b)) => {
            let step = |c: u8| if c < 48 { 0 } else { ((u16::from(c) - 35) / 40).min(5) };
            Color::Indexed(u8::try_from(16 + 36 * step(r) + 6 * step(g) + step(b)).unwrap_or(u8::MAX))
        }
        _ => color,
    }
}

/// The SGR parameters of a colour; `base` is 30 for the foreground and 40 for the background.
fn encode_colour(out: &mut Vec<u8>, color: Color, base: u8) {
    let index = match color {
        Color::Reset => return write_number(out, base + 9),
        Color::Black => 0,
        Color::Red => 1,
        Color::Green => 2,
        Color::Yellow => 3,
        Color::Blue => 4,
        Color::Magenta => 5,
        Color::Cyan => 6,
        Color::Gray => 7,
        Color::DarkGray => 8,
        Color::LightRed => 9,
        Color::LightGreen => 10,
        Color::LightYellow => 11,
        Color::LightBlue => 12,
        Color::LightMagenta => 13,
        Color::LightCyan => 14,
        Color::White => 15,
        Color::Indexed(i) => i,
        Color::Rgb(r, g, b) => {
            write_number(out, base + 8);
            out.extend_from_slice(b";2");
            for part in [r, g, b] {
                out.push(b';');
                write_number(out, part);
            }
            return;
        }
    };
    match index {
        0..=7 => write_number(out, base + index),
        8..=15 => write_number(out, base + 52 + index),
        _ => {
            write_number(out, base + 8);
            out.extend_from_slice(b";5;");
            write_number(out, index);
        }
    }
}

fn write_number(out: &mut Vec<u8>, n: impl std::fmt::Display) {
    write!(out, "{n}").expect("writing to a Vec cannot fail");
}

/// Gathers the bytes of a frame, and knows where the cursor is and in which style it writes.
#[derive(Clone, Debug)]
pub struct AnsiEncoder {
    out: Vec<u8>,
    at: Option<(u16, u16)>,
    look: CellStyle,
    unicode: bool,
}

impl AnsiEncoder {
    /// A pen at an unknown place, in the terminal's default style.
    pub fn new(out: Vec<u8>, at: Option<(u16, u16)>, unicode: bool) -> Self {
        Self { out, at, look: CellStyle::default(), unicode }
    }

    /// What was gathered, and where the cursor is after it (nowhere known: `None`).
    pub fn finish(mut self) -> (Vec<u8>, Option<(u16, u16)>) {
        self.set_style(CellStyle::default());
        (self.out, self.at)
    }

    /// Bytes gathered so far.
    pub fn len(&self) -> usize {
        self.out.len()
    }

    /// Bytes that change neither style nor place.
    pub fn append_raw(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    /// Where the cursor is, column and row from 0.
    pub fn position(&self) -> Option<(u16, u16)> {
        self.at
    }

    /// The style in force.
    pub fn style(&self) -> CellStyle {
        self.look
    }

    /// Goes to a column and row, by whichever way is the shortest.
    pub fn move_to(&mut self, x: u16, y: u16) {
        if self.at == Some((x, y)) {
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
        if let Some((cx, cy)) = self.at {
            self.move_vertically(cy, y);
            self.move_horizontally(cx, x);
            if self.out.len() - start <= cup.len() {
                self.at = Some((x, y));
                return;
            }
            self.out.truncate(start);
        }
        self.out.extend_from_slice(&cup);
        self.at = Some((x, y));
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

    fn move_relative(&mut self, n: u16, way: u8) {
        self.out.extend_from_slice(b"\x1b[");
        if n > 1 {
            write_number(&mut self.out, n);
        }
        self.out.push(way);
    }

    /// Puts a style in force: by the difference, or by a reset and everything new, whichever is shorter.
    pub fn set_style(&mut self, look: CellStyle) {
        if look == self.look {
            return;
        }
        let mut fresh = Vec::with_capacity(24);
        Self::encode_style_change(&mut fresh, CellStyle::default(), look);
        if !fresh.is_empty() {
            fresh.splice(0..0, *b"0;");
        }
        let mut delta = Vec::with_capacity(24);
        Self::encode_style_change(&mut delta, self.look, look);
        let params = if delta.len() < fresh.len() { delta } else { fresh };
        self.out.extend_from_slice(b"\x1b[");
        self.out.extend_from_slice(&params);
        self.out.push(b'm');
        self.look = look;
    }

    fn encode_style_change(out: &mut Vec<u8>, from: CellStyle, to: CellStyle) {
        fn next(out: &mut Vec<u8>) -> &mut Vec<u8> {
            if !out.is_empty() {
                out.push(b';');
            }
            out
        }
        let mut kept = from.modifier;
        let mut last_off = 0;
        for (modifier, _, off) in CODES {
            if from.modifier.contains(modifier) && !to.modifier.contains(modifier) && off != last_off {
                write_number(next(out), off);
                last_off = off;
                // One code ends several modifiers: those that stay are set again below.
                for (other, _, same) in CODES {
                    if same == off {
                        kept.remove(other);
                    }
                }
            }
        }
        for (modifier, on, _) in CODES {
            if to.modifier.contains(modifier) && !kept.contains(modifier) {
                write_number(next(out), on);
            }
        }
        if from.fg != to.fg {
            encode_colour(next(out), to.fg, 30);
        }
        if from.bg != to.bg {
            encode_colour(next(out), to.bg, 40);
        }
    }

    /// Writes one character (cluster) of this width in a style, at the cursor. `columns` is the width of the screen.
    pub fn write_symbol(&mut self, symbol: &str, width: u16, look: CellStyle, columns: u16) {
        if symbol != " " || !self.look.looks_same_on_blank(look) {
            self.set_style(look);
        }
        let sure = self.write_characters(symbol, width);
        // In the last column the cursor's place is a matter of taste among terminals; after characters whose width they
        // disagree on, it is unknown.
        self.at = self.at.map(|(x, y)| (x + width, y)).filter(|&(x, _)| sure && x < columns);
    }

    /// Whether every terminal agrees on the width of what was written.
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
        // The last line of defence: what acts on a terminal never reaches it, whoever let it into the buffer.
        if symbol.chars().any(char::is_control) {
            self.out.extend_from_slice("\u{FFFD}".as_bytes());
            return false;
        }
        self.out.extend_from_slice(symbol.as_bytes());
        single
            && width == 1
            && matches!(first, '\u{A1}'..='\u{24F}' | '\u{2010}'..='\u{2027}' | '\u{2190}'..='\u{25FF}')
    }

    /// Erases from the cursor to the end of the line.
    pub fn erase_to_line_end(&mut self) {
        self.set_style(CellStyle::default());
        self.out.extend_from_slice(b"\x1b[K");
    }

    /// Scrolls the rows `first..first + rows` by as many rows as `by` says, up when it is positive. The terminal fills with blanks.
    ///
    /// By line feed and reverse line feed at the margins (VT100), since the Linux console has no SU and SD.
    pub fn scroll_rows(&mut self, first: u16, rows: u16, by: isize) {
        self.set_style(CellStyle::default());
        let (top, bottom) = (first + 1, first + rows);
        write!(self.out, "\x1b[{top};{bottom}r").expect("writing to a Vec cannot fail");
        // Setting the margins moves the cursor; emulators differ in where to.
        self.at = None;
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
        self.at = None;
    }
}

/// One ASCII character for a character beyond ASCII: frames and signs keep their form, letters become `?`.
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
