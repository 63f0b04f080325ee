//! UI driver: presses keys on the model, replies to its requests like a server, and returns the screen as text.

use std::collections::VecDeque;
use std::time::Duration;

use keyward::domain::activity::Activity;
use keyward::domain::key::Key;
use keyward::domain::member::Role;
use keyward::domain::review::ReviewRecord;
use keyward::domain::secret::Secret;
use keyward::domain::text;
use keyward::tui::app::Model;
use keyward::tui::context::StartOptions;
use keyward::tui::frame::FrameInfo;
use keyward::tui::keymap::{KeySequence, Keymap};
use keyward::tui::msg::{Delivery, Effect, Msg, Reply, RequestError, Ticket, UiTime};
use keyward::tui::theme::{ColorScheme, Theme};
use keyward::tui::view;
use keyward::wire::keys::Rotation;
use keyward::wire::members::Member;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::key_fixtures;
use super::member_fixtures;
use crate::support::ui_harness::key_names;

mod fake_replies;

/// Returns the secret that every created key gets.
pub fn created_secret() -> Secret {
    Secret::generate(|| std::array::from_fn(|i| u8::try_from(i * 37 % 256).unwrap()))
}

pub fn start_options(columns: u16, rows: u16) -> StartOptions {
    StartOptions {
        profile: String::new(),
        server: "https://keys.plant.example".to_owned(),
        production: false,
        read_only: false,
        restricted: false,
        theme: Theme::default(),
        keymap: Keymap::default(),
        refresh_interval: Duration::from_secs(5),
        size: (columns, rows),
        seed: [7; 16],
        unfinished_creates: Vec::new(),
        drafts: String::new(),
    }
}

/// The model with a fake server, which replies at once unless replies are held back.
pub struct Driver {
    pub model: Model,
    /// Keys on the fake server.
    pub keys: Vec<Key>,
    pub role: Role,
    /// Members, rotations and activity rows on the fake server.
    pub members: Vec<Member>,
    pub rotations: Vec<Rotation>,
    pub log: Vec<Activity>,
    /// Review decisions that the fake server recorded.
    pub reviews: Vec<ReviewRecord>,
    /// Debug output of every request, in order.
    pub requests: Vec<String>,
    /// Errors for the next requests and deliveries, in order.
    pub failures: VecDeque<RequestError>,
    /// Whether key lists are refused for every role.
    pub deny_key_lists: bool,
    /// Descriptions of the deliveries and other effects outside the model, in order.
    pub effects: Vec<String>,
    /// For each reply, whether the model allowed its redraw to be deferred.
    pub deferrable: Vec<bool>,
    /// Whether replies are held back.
    pub is_holding: bool,
    held_effects: VecDeque<Effect>,
    buffer: Buffer,
    pub drawn: FrameInfo,
    now: UiTime,
}

impl Driver {
    pub fn new() -> Self {
        Self::with_size(80, 24)
    }

    pub fn with_size(columns: u16, rows: u16) -> Self {
        Self::with_options(start_options(columns, rows), Role::Admin)
    }

    pub fn with_options(start: StartOptions, role: Role) -> Self {
        Self::with_held_replies(start, role).release()
    }

    /// Creates the model and holds back all replies.
    pub fn with_held_replies(start: StartOptions, role: Role) -> Self {
        let (columns, rows) = start.size;
        let (model, effects) = Model::new(start);
        let mut keys = key_fixtures::organization_keys();
        keys.extend(key_fixtures::personal_keys());
        Self {
            model,
            keys,
            role,
            members: member_fixtures::members(),
            rotations: member_fixtures::rotations(),
            log: member_fixtures::activity_rows(450),
            reviews: Vec::new(),
            requests: Vec::new(),
            failures: VecDeque::new(),
            deny_key_lists: false,
            effects: Vec::new(),
            deferrable: Vec::new(),
            is_holding: false,
            held_effects: effects.into(),
            buffer: Buffer::empty(Rect::new(0, 0, columns, rows)),
            drawn: FrameInfo::default(),
            now: UiTime::default(),
        }
    }

    /// Sends all replies that are held back, and stops holding back.
    pub fn release(mut self) -> Self {
        self.is_holding = false;
        while let Some(effect) = self.held_effects.pop_front() {
            self.run_effect(effect);
        }
        self.draw_frame();
        self
    }

    /// Sends the replies that are held back, and holds back the replies to the requests that follow from them.
    pub fn release_batch(mut self) -> Self {
        for effect in std::mem::take(&mut self.held_effects) {
            self.run_effect(effect);
        }
        self.draw_frame();
        self
    }

    /// Sends only the replies to held-back requests whose debug output starts with `request`.
    pub fn release_only(mut self, request: &str) -> Self {
        let (now, later): (Vec<_>, Vec<_>) = std::mem::take(&mut self.held_effects).into_iter().partition(
            |effect| matches!(effect, Effect::Request { request: held, .. } if format!("{held:?}").starts_with(request)),
        );
        self.held_effects = later.into();
        assert!(!now.is_empty(), "{request} is not held back: {:?}", self.held_effects);
        for effect in now {
            self.run_effect(effect);
        }
        self.draw_frame();
        self
    }

    pub fn hold_replies(mut self) -> Self {
        self.is_holding = true;
        self
    }

    pub fn fail_next(mut self, failure: RequestError) -> Self {
        self.failures.push_back(failure);
        self
    }

    pub fn send(&mut self, msg: Msg) {
        let effects = self.model.update(msg);
        for effect in effects {
            if self.is_holding && matches!(effect, Effect::Request { .. } | Effect::Deliver { .. }) {
                self.held_effects.push_back(effect);
            } else {
                self.run_effect(effect);
            }
        }
    }

    fn run_effect(&mut self, effect: Effect) {
        match effect {
            Effect::Request { ticket, request } => {
                self.requests.push(format!("{request:?}"));
                let result = match self.failures.pop_front() {
                    Some(failure) => Err(failure),
                    None => self.reply_to(request),
                };
                self.send_reply(ticket, result);
            }
            Effect::Deliver { ticket, delivery } => {
                let result = match self.failures.pop_front() {
                    Some(failure) => Err(failure),
                    None => Ok(Reply::Done(self.deliver(delivery))),
                };
                self.send_reply(ticket, result);
            }
            Effect::CancelRequest(_) => {}
            Effect::FinishCreate { .. } => self.effects.push("pending dropped".to_owned()),
            other => self.effects.push(format!("{other:?}")),
        }
    }

    fn send_reply(&mut self, ticket: Ticket, result: Result<Reply, RequestError>) {
        let reply = Msg::Reply { ticket, result };
        self.deferrable.push(self.model.is_deferrable(&reply));
        self.send(reply);
    }

    fn deliver(&mut self, delivery: Delivery) -> String {
        let (effect, message) = match delivery {
            Delivery::Copy(text) => (format!("copy {text}"), "sent to your terminal".to_owned()),
            Delivery::CopySecret(s) => (format!("copy {}", s.expose()), "sent to your terminal".to_owned()),
            Delivery::SecretToFile { path, secret } => {
                (format!("write {} to {path}", secret.expose()), format!("written to {path}"))
            }
            Delivery::SecretToCommand { command, secret } => {
                (format!("pipe {} into {command}", secret.expose()), format!("given to `{command}`"))
            }
            Delivery::TextToFile { path, text } => {
                (format!("write {text} to {path}"), format!("written to {path}"))
            }
        };
        self.effects.push(effect);
        message
    }

    /// Presses keys one after the other, such as `3jx<enter>`, and draws a frame after each.
    pub fn press(mut self, keys: &str) -> Self {
        for key in key_names(keys) {
            self.send(Msg::KeyPress(KeySequence::parse(key).unwrap().first));
            self.draw_frame();
        }
        self
    }

    /// Presses keys that all arrive before the next frame.
    pub fn press_in_one_frame(mut self, keys: &str) -> Self {
        for c in keys.chars() {
            self.send(Msg::KeyPress(KeySequence::parse(&c.to_string()).unwrap().first));
        }
        self.draw_frame();
        self
    }

    pub fn paste(mut self, text: &str) -> Self {
        self.send(Msg::Paste(text.to_owned().into()));
        self.draw_frame();
        self
    }

    /// Advances the time by `ms` milliseconds and sends a tick whenever the model requested one.
    pub fn advance_ms(mut self, ms: u64) -> Self {
        let end = self.now.plus(Duration::from_millis(ms));
        while let Some(at) = self.model.wake_at().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            self.send(Msg::Tick { now: self.now });
        }
        self.now = end;
        self.send(Msg::Tick { now: end });
        self.draw_frame();
        self
    }

    pub fn resize(mut self, columns: u16, rows: u16) -> Self {
        self.send(Msg::Resize { columns, rows });
        self.buffer = Buffer::empty(Rect::new(0, 0, columns, rows));
        self.draw_frame();
        self
    }

    fn draw_frame(&mut self) {
        self.drawn = view::draw(&self.model, &mut self.buffer);
        self.send(Msg::FrameWritten { max_scroll: self.drawn.max_scroll });
    }

    pub fn buffer(&self) -> &Buffer {
        &self.buffer
    }

    /// Returns the screen as text without trailing blanks.
    pub fn screen(&self) -> String {
        let area = self.buffer.area;
        let mut out = String::new();
        for y in 0..area.height {
            let mut line = String::new();
            let mut skip = 0;
            for x in 0..area.width {
                if skip > 0 {
                    skip -= 1;
                    continue;
                }
                let symbol = self.buffer[(x, y)].symbol();
                skip = text::display_width(symbol).saturating_sub(1);
                line.push_str(symbol);
            }
            out.push_str(line.trim_end());
            out.push('\n');
        }
        out
    }
}

/// Returns a theme without colours and without Unicode.
pub fn ascii_mono_theme() -> Theme {
    Theme { color_scheme: ColorScheme::Mono, ascii: true }
}
