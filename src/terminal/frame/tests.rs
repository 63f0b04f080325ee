use super::*;
use ratatui::style::{Color, Modifier, Style};

const CAN: Capabilities = Capabilities { depth: ColorDepth::Indexed256, unicode: true, synchronized: true };

/// A painter and the emulator that it writes to.
struct Bench {
    painter: FrameWriter<Vec<u8>>,
    emulator: vt100::Parser,
    last: Vec<u8>,
}

impl Bench {
    fn new(columns: u16, rows: u16) -> Self {
        let mut emulator = vt100::Parser::new(rows.try_into().unwrap(), columns.try_into().unwrap(), 0);
        // What was there before is to be gone.
        emulator.process("junk".repeat(usize::from(columns)).as_bytes());
        Self { painter: FrameWriter::new(Vec::new(), CAN, (columns, rows)), emulator, last: Vec::new() }
    }

    fn show(&mut self, scroll: Option<ScrollRegion>, draw: impl Fn(&mut Buffer)) -> &[u8] {
        draw(self.painter.canvas());
        self.painter.write_frame(None, scroll).unwrap();
        self.last = std::mem::take(&mut self.painter.out);
        self.emulator.process(&self.last);
        self.agree();
        &self.last
    }

    /// What the emulator shows is what was drawn.
    fn agree(&self) {
        let area = self.painter.shown.area;
        for y in 0..area.height {
            let cells = row_cells(&self.painter.shown, y);
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
fn a_frame_that_changes_nothing_writes_nothing() {
    let mut bench = Bench::new(80, 24);
    let (scroll, draw) = table(0, 0);
    let first = bench.show(Some(scroll), &draw).len();
    assert!((500..4_000).contains(&first), "{first}");
    assert_eq!(bench.show(Some(scroll), &draw), b"");
}

#[test]
fn a_move_and_a_scroll_cost_few_bytes() {
    let mut bench = Bench::new(80, 24);
    let (scroll, draw) = table(0, 3);
    bench.show(Some(scroll), draw);
    let (scroll, draw) = table(0, 4);
    let moved = bench.show(Some(scroll), draw).len();
    let (scroll, draw) = table(1, 20);
    bench.show(Some(scroll), draw);
    let (scroll, draw) = table(2, 21);
    let scrolled = bench.show(Some(scroll), draw).len();
    let (scroll, draw) = table(1, 20);
    let back = bench.show(Some(scroll), draw).len();
    assert!(moved < 200 && scrolled < 300 && back < 300, "{moved} {scrolled} {back}");
}

#[test]
fn other_rows_are_not_scrolled_into_place() {
    let mut bench = Bench::new(80, 24);
    let (scroll, draw) = table(0, 3);
    bench.show(Some(scroll), draw);
    let (scroll, draw) = table(5, 6);
    bench.show(Some(ScrollRegion { generation: 8, ..scroll }), draw);
    assert!(!String::from_utf8_lossy(&bench.last).contains("\x1b[2;21r"));
}

#[test]
fn any_frame_after_any_frame_shows_what_was_drawn() {
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
            let mut bench = Bench::new(20, 6);
            for (cells, top, forget) in frames {
                if forget {
                    bench.painter.invalidate();
                }
                let scroll = ScrollRegion { first_row: 1, rows: 4, top, generation: 0 };
                bench.show(Some(scroll), |buffer| {
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
fn a_resize_and_a_lost_screen_are_drawn_in_full() {
    let mut bench = Bench::new(80, 24);
    let (scroll, draw) = table(0, 0);
    bench.show(Some(scroll), &draw);
    bench.emulator.process(b"\x1b[2J\x1b[5;5Hnoise");
    bench.painter.invalidate();
    bench.show(Some(scroll), &draw);
    assert!(!String::from_utf8_lossy(&bench.last).contains("\x1b[2J"));
    for size in [(1, 1), (2, 1), (300, 100), (40, 10)] {
        bench.emulator.screen_mut().set_size(size.1.try_into().unwrap(), size.0.try_into().unwrap());
        bench.painter.resize(size);
        bench.show(None, |buffer| {
            buffer.set_stringn(0, 0, "keyward", usize::from(size.0), Style::new());
        });
    }
}

#[test]
fn the_cursor_is_shown_only_where_it_is_asked_for() {
    let mut painter = FrameWriter::new(Vec::new(), CAN, (10, 2));
    painter.write_frame(Some((3, 1)), None).unwrap();
    assert!(painter.out.ends_with(b"\x1b[3C\x1b[?25h\x1b[?2026l"));
    painter.out.clear();
    assert!(!painter.write_frame(Some((3, 1)), None).unwrap());
    assert!(painter.write_frame(Some((4, 1)), None).unwrap());
    assert_eq!(painter.out, b"\x1b[?2026h\x1b[C\x1b[?2026l");
    painter.out.clear();
    painter.write_frame(None, None).unwrap();
    assert_eq!(painter.out, b"\x1b[?2026h\x1b[?25l\x1b[?2026l");
}

#[test]
fn without_unicode_every_byte_is_ascii() {
    let can = Capabilities { unicode: false, synchronized: false, ..CAN };
    let mut painter = FrameWriter::new(Vec::new(), can, (30, 1));
    painter.canvas().set_string(0, 0, "│ sk_…5G08 工場 ● é", Style::new());
    painter.write_frame(None, None).unwrap();
    let text = String::from_utf8(painter.out).unwrap();
    assert!(text.is_ascii() && text.contains("| sk_.5G08 ? ?  * ?"), "{text:?}");
}

#[test]
fn nothing_is_left_of_characters_that_terminals_take_apart() {
    // The emulator, like tmux, draws a skin tone as a character of its own.
    let rows = |bench: &Bench| -> Vec<String> { bench.emulator.screen().rows(0, 30).collect() };
    for name in ["\u{270a}\u{1f3ff}", "\u{1f469}\u{1f3fd} \u{1f1e9}\u{1f1ea}", "\u{2764}\u{fe0f}"] {
        for after in ["", "x", "工工", "│ Note   │"] {
            let mut bench = Bench::new(30, 2);
            let show = |bench: &mut Bench, text: &str| {
                bench.painter.canvas().set_string(3, 0, text, Style::new());
                bench.painter.canvas().set_string(20, 0, "sk_", Style::new());
                bench.painter.write_frame(None, None).unwrap();
                let bytes = std::mem::take(&mut bench.painter.out);
                bench.emulator.process(&bytes);
            };
            show(&mut bench, "");
            show(&mut bench, name);
            assert!(rows(&bench)[0].ends_with("sk_"), "{:?}", rows(&bench));
            show(&mut bench, after);
            bench.agree();
        }
    }
}
