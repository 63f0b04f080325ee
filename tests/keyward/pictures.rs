//! The README's pictures: renders frames as SVG and compares them with the committed files.
//!
//! `KEYWARD_BLESS=1 cargo test pictures` rewrites the files.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};
use unicode_width::UnicodeWidthStr as _;

use keyward::domain::member::Role;
use keyward::tui::context::StartOptions;
use keyward::tui::theme::{ColorScheme, Theme};

use crate::screens::driver::{Driver, start_options};

/// Width and height of a cell, font size, and margin, in pixels.
const CELL_SIZE: (f32, f32) = (8.4, 18.0);
const FONT_SIZE: f32 = 14.0;
const MARGIN: f32 = 14.0;
/// Colours of a terminal. The palette is black, red, green, yellow, blue, magenta, cyan, gray, dark gray, white.
pub struct TerminalColours {
    foreground: &'static str,
    background: &'static str,
    palette: [&'static str; 10],
}

/// Colours of the pictures in the README.
const DARK_COLOURS: TerminalColours = TerminalColours {
    foreground: "#d8dce4",
    background: "#15181e",
    palette: [
        "#3b4048", "#f0717a", "#8ecb78", "#e4c06a", "#6cb2f4", "#d488e4", "#5cc4d0", "#b4bac6", "#707884",
        "#ffffff",
    ],
};

/// Colours of xterm on a white background, the combination that is hardest to read.
const LIGHT_COLOURS: TerminalColours = TerminalColours {
    foreground: "#000000",
    background: "#ffffff",
    palette: [
        "#000000", "#cd0000", "#00cd00", "#cdcd00", "#0000ee", "#cd00cd", "#00cdcd", "#e5e5e5", "#7f7f7f",
        "#ffffff",
    ],
};

impl TerminalColours {
    fn css_colour(&self, colour: Color, otherwise: &str) -> String {
        let names = [
            Color::Black,
            Color::Red,
            Color::Green,
            Color::Yellow,
            Color::Blue,
            Color::Magenta,
            Color::Cyan,
            Color::Gray,
            Color::DarkGray,
            Color::White,
        ];
        match (colour, names.iter().position(|&name| name == colour)) {
            (Color::Rgb(r, g, b), _) => format!("#{r:02x}{g:02x}{b:02x}"),
            (_, Some(at)) => self.palette[at].to_owned(),
            (_, None) => otherwise.to_owned(),
        }
    }
}

/// Style of a cell. Adjacent cells with equal styles are drawn together.
#[derive(Clone, PartialEq)]
struct CellStyle {
    ink: String,
    ground: Option<String>,
    modifier: Modifier,
}

fn cell_style(cell: &Cell, colours: &TerminalColours) -> CellStyle {
    let (ink, ground) =
        (colours.css_colour(cell.fg, colours.foreground), colours.css_colour(cell.bg, colours.background));
    let modifier = cell.modifier;
    if modifier.contains(Modifier::REVERSED) {
        return CellStyle { ink: ground, ground: Some(ink), modifier };
    }
    CellStyle { ink, ground: (ground != colours.background).then_some(ground), modifier }
}

fn from_eighths(n: u32) -> f32 {
    f32::from(u16::try_from(n).unwrap())
}

/// Returns the part of a cell that a block element fills, as x, y, width and height in eighths of the cell. Block elements are drawn as
/// rectangles because fonts would leave gaps between them.
fn block_element(symbol: &str) -> Option<(f32, f32, f32, f32)> {
    let c = symbol.chars().next().map(u32::from)?;
    match c {
        0x2581..=0x2588 => {
            let rows = from_eighths(c - 0x2580);
            Some((0.0, 8.0 - rows, 8.0, rows))
        }
        0x2589..=0x258f => Some((0.0, 0.0, from_eighths(0x2590 - c), 8.0)),
        _ => None,
    }
}

fn text_attributes(style: &CellStyle) -> String {
    let mut out = format!(" fill=\"{}\"", style.ink);
    for (modifier, attribute) in [
        (Modifier::BOLD, " font-weight=\"bold\""),
        (Modifier::DIM, " fill-opacity=\"0.62\""),
        (Modifier::ITALIC, " font-style=\"italic\""),
        (Modifier::UNDERLINED, " text-decoration=\"underline\""),
        (Modifier::CROSSED_OUT, " text-decoration=\"line-through\""),
    ] {
        if style.modifier.contains(modifier) {
            out.push_str(attribute);
        }
    }
    out
}

/// Renders a frame as SVG.
pub fn render_svg(buf: &Buffer, colours: &TerminalColours) -> String {
    let (columns, rows) = (f32::from(buf.area.width), f32::from(buf.area.height));
    let (width, height) = (columns * CELL_SIZE.0 + 2.0 * MARGIN, rows * CELL_SIZE.1 + 2.0 * MARGIN);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.1} {height:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" \
         font-family=\"'DejaVu Sans Mono','Noto Sans Mono',Menlo,Consolas,monospace\" font-size=\"{FONT_SIZE}\">\n\
         <rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"{}\"/>\n",
        colours.background
    );
    for y in 0..buf.area.height {
        let mut x = 0;
        while x < buf.area.width {
            let style = cell_style(&buf[(x, y)], colours);
            let filled = block_element(buf[(x, y)].symbol());
            let from = x;
            let mut text = String::new();
            while x < buf.area.width
                && cell_style(&buf[(x, y)], colours) == style
                && block_element(buf[(x, y)].symbol()) == filled
            {
                let symbol = buf[(x, y)].symbol();
                text.push_str(symbol);
                // Skips the cells that a wide character covers.
                x += u16::try_from(symbol.width()).unwrap().max(1);
            }
            render_run(&mut out, (from, x, y), &style, filled, &text);
        }
    }
    out.push_str("</svg>\n");
    out
}

fn render_run(
    out: &mut String,
    (from, to, y): (u16, u16, u16),
    style: &CellStyle,
    filled: Option<(f32, f32, f32, f32)>,
    text: &str,
) {
    let (left, top) = (f32::from(from) * CELL_SIZE.0 + MARGIN, f32::from(y) * CELL_SIZE.1 + MARGIN);
    let width = f32::from(to - from) * CELL_SIZE.0;
    let mut line = |text: std::fmt::Arguments| writeln!(out, "{text}").unwrap();
    if let Some(ground) = &style.ground {
        line(format_args!(
            "<rect x=\"{left:.1}\" y=\"{top:.1}\" width=\"{width:.1}\" height=\"{}\" fill=\"{ground}\"/>",
            CELL_SIZE.1
        ));
    }
    if let Some((x, y, w, h)) = filled {
        // A partly filled cell ends a bar, so the run is one cell wide.
        let width = if w < 8.0 { w / 8.0 * CELL_SIZE.0 } else { width };
        let (x, y, height) =
            (left + x / 8.0 * CELL_SIZE.0, top + y / 8.0 * CELL_SIZE.1, h / 8.0 * CELL_SIZE.1);
        line(format_args!(
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\"{}/>",
            text_attributes(style)
        ));
        return;
    }
    let shown = text.trim_end();
    if shown.is_empty() {
        return;
    }
    // Skips leading blanks and sets the text length, so that every font keeps the columns aligned.
    let skipped = u16::try_from(shown.len() - shown.trim_start().len()).unwrap();
    let (left, shown) = (left + f32::from(skipped) * CELL_SIZE.0, shown.trim_start());
    let cells = f32::from(u16::try_from(shown.width()).unwrap());
    let escaped = shown.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    line(format_args!(
        "<text x=\"{left:.1}\" y=\"{:.1}\" textLength=\"{:.1}\" lengthAdjust=\"spacingAndGlyphs\" xml:space=\"preserve\"{}>{escaped}</text>",
        top + CELL_SIZE.1 * 0.74,
        cells * CELL_SIZE.0,
        text_attributes(style)
    ));
}

#[expect(clippy::disallowed_methods, reason = "a setting of the tests, not of the program")]
pub fn is_blessing() -> bool {
    std::env::var_os("KEYWARD_BLESS").is_some_and(|value| value == "1")
}

/// Compares a frame with the picture of this name, or rewrites the picture.
pub fn assert_picture(name: &str, buf: &Buffer) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/screens").join(format!("{name}.svg"));
    let drawn = render_svg(buf, &DARK_COLOURS);
    if is_blessing() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, drawn).unwrap();
        return;
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == drawn, "{} is outdated; KEYWARD_BLESS=1 rewrites it", path.display());
}

#[test]
fn the_picture_of_the_review_is_up_to_date() {
    let driver = Driver::with_size(100, 30).press("3xSKasked Cora, still needed<enter>");
    assert_picture("review", driver.buffer());
}

#[test]
fn the_picture_of_a_draining_rotation_is_up_to_date() {
    let driver = Driver::with_size(100, 30).press("4jj<enter>");
    assert_picture("rotation", driver.buffer());
}

/// Writes pictures of every theme on dark and light backgrounds to the target folder.
#[test]
#[ignore = "draws pictures into a folder; nothing is compared"]
fn every_theme_is_drawn_for_manual_inspection() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("themes");
    fs::create_dir_all(&folder).unwrap();
    let themes = [ColorScheme::Ansi, ColorScheme::HighContrast, ColorScheme::Mono]
        .map(|color_scheme| Theme { color_scheme, ascii: false })
        .into_iter()
        .chain([Theme { color_scheme: ColorScheme::Mono, ascii: true }]);
    for theme in themes {
        for (colours, on) in [(&DARK_COLOURS, "dark"), (&LIGHT_COLOURS, "light")] {
            for (name, keys, size) in [
                ("workspace", "jjj .", (80, 24)),
                ("wide", "jjj<enter>", (140, 24)),
                ("review", "3xSj", (80, 24)),
                ("popup", "jjjx", (80, 24)),
                ("rotation", "4jj<enter>", (80, 24)),
            ] {
                let start = StartOptions { theme, ..start_options(size.0, size.1) };
                let driver = Driver::with_options(start, Role::Admin).press(keys);
                let kind = format!("{:?}{}", theme.color_scheme, if theme.ascii { "-ascii" } else { "" })
                    .to_lowercase();
                let file = folder.join(format!("{kind}-{on}-{name}.svg"));
                fs::write(file, render_svg(driver.buffer(), colours)).unwrap();
            }
        }
    }
}

#[test]
fn a_picture_escapes_text_and_merges_runs() {
    let mut buf = Buffer::empty(ratatui::layout::Rect::new(0, 0, 20, 2));
    buf.set_string(2, 0, "a<b> & 工場", ratatui::style::Style::new().fg(Color::Red));
    buf.set_string(0, 1, "██▌", ratatui::style::Style::new().add_modifier(Modifier::REVERSED));
    let svg = render_svg(&buf, &DARK_COLOURS);
    assert!(svg.contains(">a&lt;b&gt; &amp; 工場</text>"), "{svg}");
    assert_eq!(svg.matches("<text").count(), 1);
    assert_eq!(svg.matches("<rect").count(), 5, "{svg}");
}
