use super::*;
use crate::terminal::capabilities::ColorDepth;
use ratatui::buffer::Cell;
use ratatui::style::Color;
use ratatui::style::Style;

fn encoder(at: (u16, u16)) -> AnsiEncoder {
    AnsiEncoder::new(Vec::new(), Some(at), true)
}

fn style_of(style: Style, depth: ColorDepth) -> CellStyle {
    CellStyle::of_cell(Cell::new("x").set_style(style), depth)
}

#[test]
fn cursor_movements_use_the_shortest_sequence() {
    for (from, to, expected) in [
        ((5, 5), (5, 5), ""),
        ((5, 5), (6, 5), "\x1b[C"),
        ((5, 5), (0, 5), "\r"),
        ((5, 5), (4, 5), "\x08"),
        ((2, 5), (0, 6), "\n\r"),
        ((5, 5), (5, 4), "\x1b[A"),
        ((5, 5), (40, 20), "\x1b[21;41H"),
        ((70, 20), (0, 0), "\x1b[H"),
        ((70, 20), (0, 10), "\x1b[11H"),
    ] {
        let mut encoder = encoder(from);
        encoder.move_to(to.0, to.1);
        assert_eq!(String::from_utf8(encoder.out).unwrap(), expected, "{from:?} → {to:?}");
    }
}

#[test]
fn a_style_change_uses_the_shorter_of_difference_and_reset() {
    let mut encoder = encoder((0, 0));
    encoder.set_style(style_of(Style::new().bold().red(), ColorDepth::Ansi16));
    encoder.set_style(style_of(Style::new().bold().green(), ColorDepth::Ansi16));
    encoder.set_style(style_of(Style::new().dim(), ColorDepth::Ansi16));
    encoder.set_style(style_of(Style::new(), ColorDepth::Ansi16));
    assert_eq!(String::from_utf8(encoder.out).unwrap(), "\x1b[1;31m\x1b[32m\x1b[0;2m\x1b[m");
}

#[test]
fn modifiers_are_kept_at_every_colour_depth() {
    let style = Style::new().reversed().fg(Color::Rgb(255, 0, 0)).bg(Color::Indexed(200));
    for (depth, expected) in [
        (ColorDepth::Mono, "\x1b[7m"),
        (ColorDepth::Ansi16, "\x1b[7m"),
        (ColorDepth::Indexed256, "\x1b[7;38;5;196;48;5;200m"),
        (ColorDepth::TrueColor, "\x1b[7;38;2;255;0;0;48;5;200m"),
    ] {
        let mut encoder = encoder((0, 0));
        encoder.set_style(style_of(style, depth));
        assert_eq!(String::from_utf8(encoder.out).unwrap(), expected, "{depth:?}");
    }
}

#[test]
fn control_characters_are_never_written() {
    for symbol in ["\x1b[2J", "\u{9b}", "\x07", "a\u{90}"] {
        for unicode in [true, false] {
            let mut encoder = AnsiEncoder::new(Vec::new(), Some((0, 0)), unicode);
            encoder.write_symbol(symbol, 1, CellStyle::default(), 80);
            let out = String::from_utf8(encoder.out).unwrap();
            assert!(!out.chars().any(char::is_control), "{symbol:?} → {out:?}");
        }
    }
}
