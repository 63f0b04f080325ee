//! The visible style of a cell, reduced to the terminal's colours, and its SGR parameters (ECMA-48, section 8.3.117).

use std::io::Write as _;

use ratatui::buffer::Cell;
use ratatui::style::{Color, Modifier};

use crate::terminal::capabilities::ColorDepth;

/// A cell's visible style, with colours reduced to those that the terminal supports.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CellStyle {
    fg: Color,
    bg: Color,
    modifier: Modifier,
}

/// Modifiers that can be seen on a blank cell.
const VISIBLE_ON_BLANK: Modifier =
    Modifier::REVERSED.union(Modifier::UNDERLINED).union(Modifier::CROSSED_OUT).union(Modifier::SLOW_BLINK);

/// Each modifier with the SGR parameters that turn it on and off.
const MODIFIER_CODES: [(Modifier, u8, u8); 9] = [
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
    /// Returns the style of a cell at this colour depth. Blank cells that look the same get equal styles.
    pub fn of_cell(cell: &Cell, depth: ColorDepth) -> Self {
        let mut style = Self {
            fg: reduce_colour(cell.fg, depth),
            bg: reduce_colour(cell.bg, depth),
            modifier: cell.modifier,
        };
        if cell.symbol() == " " {
            style.modifier &= VISIBLE_ON_BLANK;
            if style.modifier.is_empty() {
                style.fg = Color::Reset;
            }
        }
        style
    }

    /// Returns whether a blank cell looks the same in both styles.
    pub fn looks_same_on_blank(self, other: Self) -> bool {
        let visible = |style: Self| style.modifier & VISIBLE_ON_BLANK;
        self.bg == other.bg
            && visible(self) == visible(other)
            && (visible(self).is_empty() || self.fg == other.fg)
    }
}

/// Returns the closest colour that the terminal can show.
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

/// Appends the SGR parameters of a colour; `base` is 30 for the foreground and 40 for the background.
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

/// Appends the SGR parameters that switch from the style `from` to the style `to`.
pub(super) fn encode_style_change(out: &mut Vec<u8>, from: CellStyle, to: CellStyle) {
    fn next_parameter(out: &mut Vec<u8>) -> &mut Vec<u8> {
        if !out.is_empty() {
            out.push(b';');
        }
        out
    }
    let mut kept = from.modifier;
    let mut last_off = 0;
    for (modifier, _, off) in MODIFIER_CODES {
        if from.modifier.contains(modifier) && !to.modifier.contains(modifier) && off != last_off {
            write_number(next_parameter(out), off);
            last_off = off;
            // One parameter may end two modifiers; those that stay are set again below.
            for (other, _, same) in MODIFIER_CODES {
                if same == off {
                    kept.remove(other);
                }
            }
        }
    }
    for (modifier, on, _) in MODIFIER_CODES {
        if to.modifier.contains(modifier) && !kept.contains(modifier) {
            write_number(next_parameter(out), on);
        }
    }
    if from.fg != to.fg {
        encode_colour(next_parameter(out), to.fg, 30);
    }
    if from.bg != to.bg {
        encode_colour(next_parameter(out), to.bg, 40);
    }
}

/// Appends `n` in decimal.
pub(super) fn write_number(out: &mut Vec<u8>, n: impl std::fmt::Display) {
    write!(out, "{n}").expect("writing to a Vec cannot fail");
}
