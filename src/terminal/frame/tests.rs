use super::row_diff::trailing_halves;
use super::*;
use crate::terminal::capabilities::ColorDepth;
use ratatui::style::{Color, Modifier, Style};

const CAPABILITIES: Capabilities =
    Capabilities { depth: ColorDepth::Indexed256, unicode: true, synchronized: true };

/// A frame writer, connected to a terminal emulator.
struct TestTerminal {
    writer: FrameWriter<Vec<u8>>,
    emulator: vt100::Parser,
    last: Vec<u8>,
}

impl TestTerminal {
    fn new(columns: u16, rows: u16) -> Self {
        let mut emulator = vt100::Parser::new(rows.try_into().unwrap(), columns.try_into().unwrap(), 0);
        // Content from before, which the first frame must replace.
        emulator.process("junk".repeat(usize::from(columns)).as_bytes());
        Self {
            writer: FrameWriter::new(Vec::new(), CAPABILITIES, (columns, rows)),
            emulator,
            last: Vec::new(),
        }
    }

    fn show(&mut self, scroll: Option<ScrollRegion>, draw: impl Fn(&mut Buffer)) -> &[u8] {
        draw(self.writer.canvas());
        self.writer.write_frame(None, scroll).unwrap();
        self.last = std::mem::take(&mut self.writer.out);
        self.emulator.process(&self.last);
        self.assert_emulator_shows_frame();
        &self.last
    }

    /// Asserts that the emulator shows the frame that was drawn.
    fn assert_emulator_shows_frame(&self) {
        let area = self.writer.previous.area;
        for y in 0..area.height {
            let cells = row_cells(&self.writer.previous, y);
            let halves = trailing_halves(cells);
            for x in 0..area.width {
                let (drawn, seen) = (&cells[usize::from(x)], self.emulator.screen().cell(y, x).unwrap());
                if halves[usize::from(x)] {
                    assert!(seen.is_wide_continuation(), "{x},{y}");
                    continue;
                }
                let text = if seen.contents().is_empty() { " " } else { seen.contents() };
                assert_eq!(text, drawn.symbol(), "at {x},{y}");
                assert!(text == " " || seen.bold() == drawn.modifier.contains(Modifier::BOLD));
                assert_eq!(seen.inverse(), drawn.modifier.contains(Modifier::REVERSED), "{x},{y}");
                if let (Color::Indexed(i), true) = (drawn.fg, text != " ") {
                    assert_eq!(seen.fgcolor(), vt100::Color::Idx(i));
                }
            }
        }
    }
}

fn table(top: usize, selected: usize) -> (ScrollRegion, impl Fn(&mut Buffer)) {
    let scroll = ScrollRegion { first_row: 1, rows: 20, top, generation: 7 };
    (scroll, move |buffer: &mut Buffer| {
        buffer.set_string(0, 0, "Name        Secret key", Style::new().bold());
        for i in 0..20_u16 {
            let n = top + usize::from(i);
            let mark = if n == selected { ">" } else { " " };
            let style = if n == selected { Style::new().bold() } else { Style::new() };
            let name = format!("{mark} integration {n:<5} 工場  sk_…5G08  {} min ago", n % 60);
            buffer.set_string(0, 1 + i, name, style);
        }
        buffer.set_string(0, 23, format!("{}/1000", selected + 1), Style::new());
    })
}

#[test]
fn an_unchanged_frame_writes_nothing() {
    let mut terminal = TestTerminal::new(80, 24);
    let (scroll, draw) = table(0, 0);
    let first = terminal.show(Some(scroll), &draw).len();
    assert!((500..4_000).contains(&first), "{first}");
    assert_eq!(terminal.show(Some(scroll), &draw), b"");
}

#[test]
fn moving_the_selection_and_scrolling_take_few_bytes() {
    let mut terminal = TestTerminal::new(80, 24);
    let (scroll, draw) = table(0, 3);
    terminal.show(Some(scroll), draw);
    let (scroll, draw) = table(0, 4);
    let moved = terminal.show(Some(scroll), draw).len();
    let (scroll, draw) = table(1, 20);
    terminal.show(Some(scroll), draw);
    let (scroll, draw) = table(2, 21);
    let scrolled = terminal.show(Some(scroll), draw).len();
    let (scroll, draw) = table(1, 20);
    let back = terminal.show(Some(scroll), draw).len();
    assert!(moved < 200 && scrolled < 300 && back < 300, "{moved} {scrolled} {back}");
}

#[test]
fn rows_of_a_different_generation_are_not_scrolled() {
    let mut terminal = TestTerminal::new(80, 24);
    let (scroll, draw) = table(0, 3);
    terminal.show(Some(scroll), draw);
    let (scroll, draw) = table(5, 6);
    terminal.show(Some(ScrollRegion { generation: 8, ..scroll }), draw);
    assert!(!String::from_utf8_lossy(&terminal.last).contains("\x1b[2;21r"));
}

#[test]
fn the_terminal_shows_the_drawn_frame_after_any_other_frame() {
    use proptest::prelude::*;
    use proptest::test_runner::{Config, TestRunner};
    let symbol = prop::sample::select(vec!["a", " ", " ", "工", "ü", "…", "│", "é", "🏭", "x"]);
    let style = (0_u8..4).prop_map(|n| match n {
        0 => Style::new(),
        1 => Style::new().add_modifier(Modifier::BOLD),
        2 => Style::new().add_modifier(Modifier::REVERSED),
        _ => Style::new().fg(Color::Indexed(99)),
    });
    let cells = prop::collection::vec((0_u16..20, 0_u16..6, symbol, style), 0..60);
    let frame = (cells, 0_usize..9, any::<bool>());
    let frames = prop::collection::vec(frame, 1..12);
    let mut runner = TestRunner::new(Config { cases: 300, ..Config::default() });
    runner
        .run(&frames, |frames| {
            let mut terminal = TestTerminal::new(20, 6);
            for (cells, top, forget) in frames {
                if forget {
                    terminal.writer.invalidate();
                }
                let scroll = ScrollRegion { first_row: 1, rows: 4, top, generation: 0 };
                terminal.show(Some(scroll), |buffer| {
                    for (x, y, symbol, style) in &cells {
                        buffer.set_stringn(*x, *y, symbol, usize::from(20 - x), *style);
                    }
                });
            }
            Ok(())
        })
        .unwrap();
}

#[test]
fn the_frame_after_a_resize_or_an_invalidation_is_written_in_full() {
    let mut terminal = TestTerminal::new(80, 24);
    let (scroll, draw) = table(0, 0);
    terminal.show(Some(scroll), &draw);
    terminal.emulator.process(b"\x1b[2J\x1b[5;5Hnoise");
    terminal.writer.invalidate();
    terminal.show(Some(scroll), &draw);
    assert!(!String::from_utf8_lossy(&terminal.last).contains("\x1b[2J"));
    for size in [(1, 1), (2, 1), (300, 100), (40, 10)] {
        terminal.emulator.screen_mut().set_size(size.1.try_into().unwrap(), size.0.try_into().unwrap());
        terminal.writer.resize(size);
        terminal.show(None, |buffer| {
            buffer.set_stringn(0, 0, "keyward", usize::from(size.0), Style::new());
        });
    }
}

#[test]
fn the_cursor_is_shown_only_at_the_requested_position() {
    let mut writer = FrameWriter::new(Vec::new(), CAPABILITIES, (10, 2));
    writer.write_frame(Some((3, 1)), None).unwrap();
    assert!(writer.out.ends_with(b"\x1b[3C\x1b[?25h\x1b[?2026l"));
    writer.out.clear();
    assert!(!writer.write_frame(Some((3, 1)), None).unwrap());
    assert!(writer.write_frame(Some((4, 1)), None).unwrap());
    assert_eq!(writer.out, b"\x1b[?2026h\x1b[C\x1b[?2026l");
    writer.out.clear();
    writer.write_frame(None, None).unwrap();
    assert_eq!(writer.out, b"\x1b[?2026h\x1b[?25l\x1b[?2026l");
}

#[test]
fn without_unicode_every_byte_is_ascii() {
    let can = Capabilities { unicode: false, synchronized: false, ..CAPABILITIES };
    let mut writer = FrameWriter::new(Vec::new(), can, (30, 1));
    writer.canvas().set_string(0, 0, "│ sk_…5G08 工場 ● é", Style::new());
    writer.write_frame(None, None).unwrap();
    let text = String::from_utf8(writer.out).unwrap();
    assert!(text.is_ascii() && text.contains("| sk_.5G08 ? ?  * ?"), "{text:?}");
}

#[test]
fn characters_that_terminals_draw_in_parts_leave_nothing_behind() {
    // The emulator draws a skin tone as a separate character, as tmux does.
    let rows = |terminal: &TestTerminal| -> Vec<String> { terminal.emulator.screen().rows(0, 30).collect() };
    for name in ["\u{270a}\u{1f3ff}", "\u{1f469}\u{1f3fd} \u{1f1e9}\u{1f1ea}", "\u{2764}\u{fe0f}"] {
        for after in ["", "x", "工工", "│ Note   │"] {
            let mut terminal = TestTerminal::new(30, 2);
            let show = |terminal: &mut TestTerminal, text: &str| {
                terminal.writer.canvas().set_string(3, 0, text, Style::new());
                terminal.writer.canvas().set_string(20, 0, "sk_", Style::new());
                terminal.writer.write_frame(None, None).unwrap();
                let bytes = std::mem::take(&mut terminal.writer.out);
                terminal.emulator.process(&bytes);
            };
            show(&mut terminal, "");
            show(&mut terminal, name);
            assert!(rows(&terminal)[0].ends_with("sk_"), "{:?}", rows(&terminal));
            show(&mut terminal, after);
            terminal.assert_emulator_shows_frame();
        }
    }
}
