//! Benchmark of the review screen with 100,000 organization keys: opening it, deciding, and drawing the next frame.
//!
//! `cargo bench --bench review` prints medians; nothing is asserted.

mod fixtures;

use std::fmt::Write as _;
use std::hint::black_box;
use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use fixtures::{NOW, ada, me, page, start_options};
use keyward::clock::monotonic_now;
use keyward::domain::key::{ClientInfo, Key, KeyKind};
use keyward::domain::member::MemberRef;
use keyward::domain::time::TimeDelta;
use keyward::tui::app::Model;
use keyward::tui::keymap::KeySequence;
use keyward::tui::msg::{ApiRequest, Effect, ListRequest, Msg, Reply, UiTime};
use keyward::tui::view;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

const KEY_COUNT: u32 = 100_000;

/// Returns a key whose last use depends on `n`, so that a third of all keys are stale.
fn key(n: u32, created_by: &Arc<MemberRef>) -> Key {
    Key {
        created_at: NOW.minus(TimeDelta::days(300)),
        last_used_at: Some(NOW.minus(TimeDelta::days(i64::from(n % 150)))),
        last_used_by: Some(ClientInfo { agent: "Grafana/11.4.0".to_owned(), address: "10.0.3.2".to_owned() }),
        use_count: 1,
        ..fixtures::key(n, created_by)
    }
}

struct BenchmarkedUi {
    model: Model,
    buffer: Buffer,
    drafts: usize,
    report: String,
}

impl BenchmarkedUi {
    fn open() -> Self {
        let (model, effects) = Model::new(start_options((120, 40)));
        let buffer = Buffer::empty(Rect::new(0, 0, 120, 40));
        let mut screen = Self { model, buffer, drafts: 0, report: String::new() };
        screen.reply_to(effects);
        screen
    }

    /// Replies to the requests that the Review tab needs, and ignores all others.
    fn reply_to(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Request { ticket, request } => {
                    let reply = match request {
                        ApiRequest::Me => Reply::Me(Box::new(me())),
                        ApiRequest::List(ListRequest::Keys(KeyKind::Organization)) => {
                            let ada = ada();
                            let keys = (0..KEY_COUNT).map(|n| key(n, &ada)).collect();
                            Reply::Keys(page(keys, true, KEY_COUNT as usize))
                        }
                        ApiRequest::List(ListRequest::Reviews(_)) => {
                            Reply::Reviews(page(Vec::new(), true, 0))
                        }
                        _ => continue,
                    };
                    let more = self.model.update(Msg::Reply { ticket, result: Ok(reply) });
                    self.reply_to(more);
                }
                Effect::SaveDrafts(text) | Effect::AppendDrafts(text) => self.drafts += text.len(),
                _ => {}
            }
        }
    }

    fn draw_frame(&mut self) {
        let drawn = black_box(view::draw(&self.model, &mut self.buffer));
        self.model.update(Msg::FrameWritten { max_scroll: drawn.max_scroll });
    }

    fn send(&mut self, msg: Msg) {
        let effects = self.model.update(msg);
        self.reply_to(effects);
        self.draw_frame();
    }

    fn press(&mut self, keys: &str) {
        for key in keys.split(' ') {
            self.send(Msg::KeyPress(KeySequence::parse(key).expect("a key").first));
        }
    }

    /// Presses `keys` several times, with a frame after each key press, and reports the median time and the bytes of drafts written.
    fn measure(&mut self, what: &str, times: u32, keys: &str, back: &str) {
        let mut took = Vec::new();
        let before = self.drafts;
        for _ in 0..times {
            let began = monotonic_now();
            self.press(keys);
            took.push(began.elapsed());
            if !back.is_empty() {
                self.press(back);
            }
        }
        took.sort_unstable();
        let (median, worst) = (took[took.len() / 2], took[took.len() - 1]);
        let kept = (self.drafts - before) / times as usize;
        writeln!(
            self.report,
            "{what:44} {median:>10.2?} median {worst:>10.2?} worst {kept:>9} bytes of drafts"
        )
        .expect("writing to a String cannot fail");
    }
}

fn main() {
    let mut screen = BenchmarkedUi::open();
    screen.measure("open the tab", 9, "3", "2");
    screen.press("3");
    screen.measure("decide: skip one key", 101, "S", "");
    screen.measure("undo one", 51, "u", "");
    screen.measure("keep: open the popup, accept it", 51, "K enter", "");
    screen.measure("mark all that are shown", 5, "a", "a");
    screen.press("a");
    screen.measure("decide on all of them at once", 1, "x", "");
    screen.measure("undo that", 1, "u", "");
    screen.press("a x");
    screen.measure("decide one more with all decided", 51, "S", "");
    screen.measure("open the preview of all", 5, "A", "esc");
    screen.press("A");
    screen.measure("type a letter in the preview", 21, "r", "");
    screen.press("esc");
    screen.measure("move down", 101, "j", "");
    let began = monotonic_now();
    for n in 0..20 {
        screen.send(Msg::Tick { now: UiTime::after_start(Duration::from_millis(10_000 + n * 6_000)) });
    }
    let each = began.elapsed() / 20;
    writeln!(screen.report, "{:44} {each:>10.2?}", "time passes").expect("writing to a String cannot fail");
    let _ = std::io::stdout().write_all(screen.report.as_bytes());
}
