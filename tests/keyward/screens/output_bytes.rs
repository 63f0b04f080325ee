//! Bytes written to the terminal per key press, at 80×24 with 1,000 keys.

use std::cell::RefCell;
use std::io::{self, Write};
use std::rc::Rc;

use keyward::domain::key::KeyKind;
use keyward::domain::time::TimeDelta;
use keyward::terminal::capabilities::{Capabilities, TerminalEnv};
use keyward::terminal::frame::{FrameWriter, ScrollRegion};
use keyward::tui::msg::Msg;
use keyward::tui::view;

use super::driver::Driver;
use super::key_fixtures;

/// Writer that records the number of bytes of each write.
#[derive(Clone, Default)]
struct WriteRecorder(Rc<RefCell<Vec<usize>>>);

impl Write for WriteRecorder {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().push(bytes.len());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct MeasuredUi {
    driver: Driver,
    frame_writer: FrameWriter<WriteRecorder>,
    meter: WriteRecorder,
}

impl MeasuredUi {
    fn with_a_thousand_keys() -> Self {
        let mut driver = Driver::new();
        let names =
            ["Power BI report", "Grafana dashboard", "MES gateway", "Quality export", "SAP order import"];
        driver.keys = (0..1_000u16)
            .map(|n| {
                let name = format!("{} {n}", names[usize::from(n) % names.len()]);
                let used = TimeDelta::minutes(7 * i64::from(n)) + TimeDelta::hours(90 * i64::from(n % 13));
                key_fixtures::key(
                    n,
                    KeyKind::Organization,
                    &name,
                    TimeDelta::hours(9 * i64::from(n)),
                    Some((used, "Grafana/11.4.0")),
                )
            })
            .collect();
        let driver = driver.press("r").advance_ms(300);
        let hints = TerminalEnv { term: "xterm-256color".into(), ..TerminalEnv::default() };
        let meter = WriteRecorder::default();
        let frame_writer = FrameWriter::new(meter.clone(), Capabilities::detect(&hints), (80, 24));
        let mut screen = Self { driver, frame_writer, meter };
        screen.draw_frame();
        screen
    }

    fn draw_frame(&mut self) {
        let drawn = view::draw(&self.driver.model, self.frame_writer.canvas());
        let scroll = drawn.scroll.map(|s| ScrollRegion {
            first_row: s.first_row_y,
            rows: s.rows,
            top: s.top,
            generation: s.generation,
        });
        self.frame_writer.write_frame(drawn.cursor, scroll).unwrap();
    }

    /// Presses keys with a frame after each; returns the size of every write.
    fn press(&mut self, keys: &str) -> Vec<usize> {
        self.meter.0.borrow_mut().clear();
        for key in keys.chars() {
            let key = keyward::tui::keymap::KeySequence::parse(&key.to_string()).unwrap().first;
            self.driver.send(Msg::KeyPress(key));
            self.draw_frame();
        }
        self.meter.0.borrow().clone()
    }
}

#[test]
fn moving_and_scrolling_write_few_bytes() {
    let mut screen = MeasuredUi::with_a_thousand_keys();
    let first = screen.meter.0.borrow().clone();
    assert!(first.len() == 1 && first[0] <= 4_096, "first frame: {first:?}");
    let moves = screen.press(&"j".repeat(12));
    assert!(moves.len() == 12 && moves.iter().all(|&bytes| bytes <= 100), "moves: {moves:?}");
    screen.press(&"j".repeat(20));
    let scrolls = screen.press(&"j".repeat(60));
    assert!(scrolls.len() == 60 && scrolls.iter().all(|&bytes| bytes <= 380), "scrolls: {scrolls:?}");
    assert_eq!(screen.press("k").len(), 1);
}

#[test]
fn an_unchanged_frame_writes_nothing() {
    let mut screen = MeasuredUi::with_a_thousand_keys();
    screen.meter.0.borrow_mut().clear();
    screen.draw_frame();
    assert!(screen.meter.0.borrow().is_empty());
}
