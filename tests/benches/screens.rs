//! Benchmark of the key table: bytes written to the terminal at 80×24, and the time of a key press, a sort and a filter:
//! `cargo bench --bench screens`.
//!
//! The model gets replies like those of a server, and draws to a writer that counts bytes. Times depend on the machine; byte counts do
//! not.

#![expect(clippy::unwrap_used, reason = "benchmarks fail by panicking")]
#![expect(clippy::print_stdout, reason = "benchmarks print their results")]

mod fixtures;

use std::cell::RefCell;
use std::io::{self, Write};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use fixtures::{NOW, ada, me, page, start_options};
use keyward::clock::monotonic_now;
use keyward::domain::key::{ClientInfo, Key, KeyKind};
use keyward::domain::member::MemberRef;
use keyward::domain::time::TimeDelta;
use keyward::terminal::capabilities::{Capabilities, TerminalEnv};
use keyward::terminal::frame::{FrameWriter, ScrollRegion};
use keyward::terminal::restore::ENTER_SEQUENCE;
use keyward::tui::app::Model;
use keyward::tui::keymap::KeySequence;
use keyward::tui::msg::{ApiRequest, Effect, ListRequest, Msg, Reply, UiTime};
use keyward::tui::screen::Screen as _;
use keyward::tui::view;

const WINDOW_SIZE: (u16, u16) = (80, 24);
/// Keys per page, as the client requests them.
const PAGE_SIZE: usize = 1_000;
/// Number of measured key presses of each kind.
const PRESS_COUNT: usize = 400;
/// Number of times that each sort and each filter is measured.
const ROUNDS: usize = 9;

fn main() {
    for count in [1_000, 100_000] {
        let began = monotonic_now();
        let mut screen = BenchmarkedUi::new(count);
        println!("\n{count} keys at {}x{}", WINDOW_SIZE.0, WINDOW_SIZE.1);
        println!(
            "  taken in pages of {PAGE_SIZE}          {:>9.1} ms in all",
            as_ms(monotonic_now() - began)
        );
        println!(
            "  first frame                  {:>9} bytes in {} write",
            screen.bytes_written(),
            screen.write_count()
        );
        // The first row of the first page stayed selected while more pages arrived.
        screen.press("gg");
        let to_the_end = screen.visible_rows();
        screen.measure("move, one row down", "j", to_the_end / 2);
        screen.press(&"j".repeat(to_the_end));
        screen.measure("scroll by one row", "j", PRESS_COUNT);
        screen.measure("page down", "pagedown", 12);
        screen.press("G");
        screen.measure("scroll back by one row", "k", PRESS_COUNT);
        screen.measure_burst();
        screen.measure_sorts();
        screen.measure_filters();
    }
}

/// Writer that records the number of bytes of each write.
#[derive(Clone, Default)]
struct CountingWriter(Rc<RefCell<Vec<usize>>>);

impl Write for CountingWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().push(bytes.len());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct BenchmarkedUi {
    model: Model,
    frame_writer: FrameWriter<CountingWriter>,
    meter: CountingWriter,
}

impl BenchmarkedUi {
    /// Opens the terminal UI of an admin with `count` organization keys.
    fn new(count: usize) -> Self {
        let hints =
            TerminalEnv { term: "xterm-256color".into(), locale: "C.UTF-8".into(), ..TerminalEnv::default() };
        let meter = CountingWriter::default();
        let mut frame_writer = FrameWriter::new(meter.clone(), Capabilities::detect(&hints), WINDOW_SIZE);
        frame_writer.queue_prefix(ENTER_SEQUENCE);
        let (model, effects) = Model::new(start_options(WINDOW_SIZE));
        let mut screen = Self { model, frame_writer, meter };
        screen.reply_to(effects, count);
        screen.draw_frame();
        screen
    }

    fn reply_to(&mut self, effects: Vec<Effect>, count: usize) {
        for effect in effects {
            let Effect::Request { ticket, request } = effect else { continue };
            let replies = match request {
                ApiRequest::Me => vec![Reply::Me(Box::new(me()))],
                ApiRequest::List(ListRequest::Keys(KeyKind::Organization)) => key_pages(count),
                _ => continue,
            };
            for reply in replies {
                let effects = self.model.update(Msg::Reply { ticket, result: Ok(reply) });
                self.reply_to(effects, count);
            }
        }
    }

    fn draw_frame(&mut self) {
        let drawn = view::draw(&self.model, self.frame_writer.canvas());
        let scroll = drawn.scroll.map(|s| ScrollRegion {
            first_row: s.first_row_y,
            rows: s.rows,
            top: s.top,
            generation: s.generation,
        });
        self.frame_writer.write_frame(drawn.cursor, scroll).unwrap();
        self.model.update(Msg::FrameWritten { max_scroll: drawn.max_scroll });
    }

    fn visible_rows(&self) -> usize {
        self.model.screens.workspace.list.table.visible_rows().len()
    }

    fn bytes_written(&self) -> usize {
        self.meter.0.borrow().iter().sum()
    }

    fn write_count(&self) -> usize {
        self.meter.0.borrow().len()
    }

    fn update(&mut self, key: &str) {
        let now = UiTime::after_start(Duration::from_millis(1));
        self.model.update(Msg::Tick { now });
        self.model.update(Msg::KeyPress(KeySequence::parse(key).unwrap().first));
    }

    /// Presses keys and draws a frame after each key press.
    fn press(&mut self, keys: &str) {
        for key in keys.chars() {
            self.update(&key.to_string());
            self.draw_frame();
        }
    }

    /// Presses one key many times, drawing a frame after each key press, and prints the bytes and the time per key press.
    fn measure(&mut self, what: &str, key: &str, times: usize) {
        let mut durations = Vec::new();
        let mut bytes = Vec::new();
        let mut writes = 0;
        for _ in 0..times {
            self.meter.0.borrow_mut().clear();
            let began = monotonic_now();
            self.update(key);
            self.draw_frame();
            durations.push(monotonic_now() - began);
            bytes.push(self.bytes_written());
            writes = writes.max(self.write_count());
        }
        durations.sort_unstable();
        bytes.sort_unstable();
        println!(
            "  {what:<28} {:>9} bytes a press, at most {} in {writes} write; {:.0} us to update and draw, p99 {:.0} us",
            bytes[times / 2],
            bytes[times - 1],
            as_us(durations[times / 2]),
            as_us(durations[times * 99 / 100])
        );
    }

    /// Handles many key presses before one frame is drawn.
    fn measure_burst(&mut self) {
        self.press("G");
        self.meter.0.borrow_mut().clear();
        let began = monotonic_now();
        for _ in 0..PRESS_COUNT {
            self.update("k");
        }
        self.draw_frame();
        let elapsed = monotonic_now() - began;
        println!(
            "  {PRESS_COUNT} presses at once          {:>9} bytes a press, rounded up, {} in {} write; {:.0} us",
            self.bytes_written().div_ceil(PRESS_COUNT),
            self.bytes_written(),
            self.write_count(),
            as_us(elapsed)
        );
    }

    /// Prints the time to sort by each column.
    fn measure_sorts(&mut self) {
        let columns = self.model.screens.workspace.columns();
        let sortable = (0..columns.len()).filter(|&c| columns[c].order.is_some());
        for column in sortable {
            let mut times = Vec::new();
            for _ in 0..ROUNDS {
                let began = monotonic_now();
                let Model { screens, context, .. } = &mut self.model;
                screens.workspace.sort_by(context, column);
                self.draw_frame();
                times.push(monotonic_now() - began);
            }
            println!("  sort by {:<20} {:>9.1} ms", columns[column].title, as_ms(median(times)));
        }
    }

    /// Types filters, drawing a frame after each letter, and prints the time of the slowest letter.
    fn measure_filters(&mut self) {
        for filter in ["grafana", "!sap line", "~qtyrep", "idle:>90d", "agent:powerbi", "flag:unused"] {
            let mut slowest = Vec::new();
            for _ in 0..ROUNDS {
                self.update("/");
                let mut most = Duration::ZERO;
                for letter in filter.chars() {
                    let key = if letter == ' ' { "space".to_owned() } else { letter.to_string() };
                    let began = monotonic_now();
                    self.update(&key);
                    self.draw_frame();
                    most = most.max(monotonic_now() - began);
                }
                slowest.push(most);
                self.update("esc");
                self.draw_frame();
            }
            println!("  filter {filter:<21} {:>9.1} ms for the slowest letter", as_ms(median(slowest)));
        }
    }
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

fn as_ms(times: Duration) -> f64 {
    times.as_secs_f64() * 1e3
}

fn as_us(times: Duration) -> f64 {
    times.as_secs_f64() * 1e6
}

fn key(n: u32, created_by: &Arc<MemberRef>) -> Key {
    let names = ["Power BI – Sales", "Grafana – Energy", "MES gateway", "Quality report", "SAP order import"];
    let agents = ["enlyze-powerbi/1.0.0", "Grafana/11.4.0", "mes/3.2", "python-requests/2.32", "SAP-CPI/1.0"];
    let at = n as usize % names.len();
    let used = (!n.is_multiple_of(11)).then(|| {
        let ago = TimeDelta::days(i64::from(n % 173))
            + TimeDelta::minutes(i64::from(n.wrapping_mul(2_654_435_761) % 1_440));
        NOW.minus(ago)
    });
    Key {
        name: format!("{} line {n}", names[at]),
        created_at: NOW.minus(TimeDelta::days(i64::from(n % 700)) + TimeDelta::hours(i64::from(n % 24))),
        last_used_at: used,
        last_used_by: used
            .map(|_| ClientInfo { agent: agents[at].to_owned(), address: "10.0.3.7".to_owned() }),
        use_count: i64::from(n),
        ..fixtures::key(n, created_by)
    }
}

fn key_pages(count: usize) -> Vec<Reply> {
    let ada = ada();
    let keys: Vec<Key> = (0..u32::try_from(count).unwrap()).map(|n| key(n, &ada)).collect();
    let last = keys.len().div_ceil(PAGE_SIZE) - 1;
    let reply = |(at, keys): (usize, &[Key])| Reply::Keys(page(keys.to_vec(), at == last, count));
    keys.chunks(PAGE_SIZE).enumerate().map(reply).collect()
}
