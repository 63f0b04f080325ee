//! The loop: takes what waits (keys, answers, signals, the time), lets the model decide, draws one frame, carries out effects.
//!
//! It never waits for a server, a disk or a program: effects run on the other runtime and come back as messages.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossterm::event::Event;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::time::timeout;
use zeroize::{Zeroize as _, Zeroizing};

use super::api::Api;
use super::delivery::{Deliveries, DeliveryStep};
use super::drafts::DraftWrite;
use super::effects::Effects;
use super::saved_state::SavedState;
use super::signals::{self, SignalEvent, Signals};
use super::timer::Timer;
use super::{Options, UiExit};
use crate::clock;
use crate::terminal::device::{TerminalDevice, TerminalWriter};
use crate::terminal::frame::{FrameWriter, ScrollRegion};
use crate::terminal::input::{InputDecoder, PendingInput};
use crate::terminal::restore::{
    ENTER_SEQUENCE, RestoreMode, TerminalGuard, restore_terminal, stop_process_group,
};
use crate::tui::context::StartOptions;
use crate::tui::msg::{Effect, Msg, UiTime};
use crate::tui::ui_model::UiModel;

/// Answers that wait for the model before the network has to wait.
const MAILBOX: usize = 8;
/// A batch of messages ends after this long, so that a frame is drawn.
const BATCH: Duration = Duration::from_millis(8);
/// While keys come faster than this, news of the tables ride in the frame of the next key: one write for both.
const RIDE: Duration = Duration::from_millis(60);
/// How long an Esc waits for what might make it another key; more than one packet takes after another.
const ESC: Duration = Duration::from_millis(30);
/// How long half a sequence or a paste waits for its rest.
const REST: Duration = Duration::from_secs(2);
/// A stop takes effect within this time, or never (nobody could continue us).
const STOP: Duration = Duration::from_millis(500);
/// What counts as the signal where the terminal is gone.
const HANGUP: i32 = 1;

/// What ends the loop.
enum Ended {
    Quit,
    Signal(i32),
    /// The terminal is gone.
    Gone,
}

/// When the frame after a batch is drawn.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Frame {
    /// Something happened that somebody waits to see.
    Now,
    /// With that of the next key, or a little later.
    Soon,
}

/// The screens, the terminal, and what goes on between them.
pub(super) struct EventLoop<S> {
    model: S,
    painter: FrameWriter<TerminalWriter>,
    device: TerminalDevice,
    hold: TerminalGuard,
    keys: AsyncFd<OwnedFd>,
    decoder: InputDecoder,
    input: Zeroizing<Vec<u8>>,
    /// Input may be left over from the last batch.
    more: bool,
    signals: Signals,
    alarm: Timer,
    messages: mpsc::Receiver<Msg>,
    effects: Effects,
    began: Instant,
    /// When keys came last.
    pressed: Option<Instant>,
    /// When the news that are not drawn yet will be, if no key comes first.
    owed: Option<Instant>,
    frame: Frame,
    suspend: bool,
    quit: bool,
}

impl<S: UiModel> EventLoop<S> {
    /// Takes the terminal and shows the first frame of what `open` makes.
    pub(super) fn start(
        options: Options,
        device: TerminalDevice,
        handle: &Handle,
        open: impl FnOnce(StartOptions) -> (S, Vec<Effect>),
    ) -> io::Result<Self> {
        let began = clock::monotonic_now();
        signals::watch_over(handle);
        let signals = Signals::listen()?;
        let (sender, messages) = mpsc::channel(MAILBOX);
        let records = SavedState::new(options.state, options.profile.clone(), options.clock);
        let start = StartOptions {
            profile: options.profile,
            server: options.address.authority(),
            production: options.production,
            read_only: options.read_only,
            restricted: options.restricted,
            theme: options.theme,
            keymap: options.keymap,
            refresh_interval: options.refresh_interval,
            size: device.size(),
            seed: clock::random_bytes(),
            unfinished_creates: records.take_over_abandoned(&options.address),
            drafts: records.drafts(),
        };
        let line = Api::new(options.address, options.credential, options.client, records);
        let deliveries = Deliveries {
            clipboard: options.clipboard,
            hints: options.hints,
            restricted: options.restricted,
            home: options.home,
            private_variables: options.private_variables,
        };
        let keys = watched(device.input().try_clone_to_owned()?)?;
        let hold = TerminalGuard::acquire(&device)?;
        let mut painter = FrameWriter::new(device.writer()?, options.capabilities, device.size());
        painter.queue_prefix(ENTER_SEQUENCE);
        let (model, effects) = open(start);
        let mut ui = Self {
            model,
            painter,
            device,
            hold,
            keys,
            decoder: InputDecoder::default(),
            input: Zeroizing::new(vec![0; 16 * 1024]),
            more: false,
            signals,
            alarm: Timer::new()?,
            messages,
            effects: Effects::new(handle.clone(), Arc::new(line), Arc::new(deliveries), sender),
            began,
            pressed: None,
            owed: None,
            frame: Frame::Now,
            suspend: false,
            quit: false,
        };
        ui.perform(effects)?;
        ui.draw()?;
        Ok(ui)
    }

    /// Runs to the end; gives back what was on the stage.
    pub(super) async fn run(mut self) -> io::Result<(UiExit, S)> {
        let ended = match self.work().await {
            Ok(ended) => ended,
            // Whatever the terminal refuses, it is gone.
            Err(_) => Ended::Gone,
        };
        self.effects.flush();
        let exit = match ended {
            Ended::Quit => UiExit::Quit,
            Ended::Signal(number) => UiExit::Signal(number),
            Ended::Gone => UiExit::Signal(HANGUP),
        };
        restore_terminal(match ended {
            Ended::Gone => RestoreMode::NoOutput,
            // The terminal has hung up, most of the time, or is about to.
            Ended::Signal(HANGUP) => RestoreMode::WithoutWaiting,
            Ended::Quit | Ended::Signal(_) => RestoreMode::Full,
        });
        Ok((exit, self.model))
    }

    async fn work(&mut self) -> io::Result<Ended> {
        loop {
            let mut first = None;
            let mut given_up = false;
            let wake = self.model.wake_at().map(|at| self.began + at.since_start());
            let wake = wake.into_iter().chain(self.owed).min();
            let patience = match self.decoder.pending() {
                PendingInput::Nothing => None,
                PendingInput::MaybeEscape => Some(ESC),
                PendingInput::PartialSequence => Some(REST),
            };
            self.frame = Frame::Now;
            if !self.more {
                tokio::select! {
                    biased;
                    signal = self.signals.next() => match signal {
                        SignalEvent::End(number) => return Ok(Ended::Signal(number)),
                        SignalEvent::Stop => self.suspend = true,
                        SignalEvent::Continue => self.resume()?,
                        SignalEvent::Window => self.measure()?,
                    },
                    // Cleared first and read after: what comes in between wakes us again.
                    ready = self.keys.readable() => ready?.clear_ready(),
                    message = self.messages.recv() => {
                        first = message;
                        self.frame = Frame::Soon;
                    }
                    () = after(patience) => given_up = true,
                    rung = self.alarm.at(wake) => rung?,
                }
            }
            if self.batch(first, given_up)? {
                return Ok(Ended::Gone);
            }
            if self.quit {
                return Ok(Ended::Quit);
            }
            if self.suspend {
                self.suspend().await?;
            }
            let soon = self.frame == Frame::Soon;
            self.owed = self.pressed.map(|at| at + RIDE).filter(|&at| soon && clock::monotonic_now() < at);
            if self.owed.is_none() {
                self.draw()?;
            }
        }
    }

    /// Hands everything that waits to the model, keys first. Says whether the terminal is gone.
    fn batch(&mut self, first: Option<Msg>, given_up: bool) -> io::Result<bool> {
        let began = clock::monotonic_now();
        self.tell(Msg::Tick { now: self.now() })?;
        let mut events = Vec::new();
        if given_up {
            self.decoder.flush(|event| events.push(event));
        }
        self.more = false;
        let mut gone = false;
        while let Some(n) = self.device.read_waiting(&mut self.input) {
            gone = n == 0;
            self.decoder.feed(&self.input[..n], |event| events.push(event));
            self.input[..n].zeroize();
            self.pressed = Some(began);
            self.frame = Frame::Now;
            for message in events.drain(..).filter_map(message) {
                self.tell(message)?;
            }
            self.more = clock::monotonic_now() - began > BATCH;
            if gone || self.more || self.quit {
                break;
            }
        }
        for message in events.drain(..).filter_map(message) {
            self.tell(message)?;
        }
        let mut next = first;
        while let Some(message) = next {
            if !self.model.is_deferrable(&message) {
                self.frame = Frame::Now;
            }
            self.tell(message)?;
            next = if clock::monotonic_now() - began < BATCH { self.messages.try_recv().ok() } else { None };
        }
        Ok(gone)
    }

    fn tell(&mut self, message: Msg) -> io::Result<()> {
        let effects = self.model.update(message);
        self.perform(effects)
    }

    fn perform(&mut self, effects: Vec<Effect>) -> io::Result<()> {
        for effect in effects {
            match effect {
                Effect::Request { ticket, request } => self.effects.ask(ticket, request),
                Effect::CancelRequest(ticket) => self.effects.forget(ticket),
                Effect::Deliver { ticket, delivery } => match self.effects.deliveries().start(delivery) {
                    DeliveryStep::WriteToTerminal(bytes, reply) => {
                        self.painter.write_bytes(&bytes)?;
                        self.effects.answer(ticket, Ok(reply));
                    }
                    DeliveryStep::InBackground(delivery) => self.effects.finish_delivery(ticket, delivery),
                    DeliveryStep::Refused(error) => self.effects.answer(ticket, Err(error)),
                },
                Effect::FinishCreate { idempotency_key } => self.effects.records().done(&idempotency_key),
                Effect::SaveDrafts(drafts) => self.effects.save_drafts(DraftWrite::Whole(drafts)),
                Effect::AppendDrafts(line) => self.effects.save_drafts(DraftWrite::Line(line)),
                Effect::Suspend => self.suspend = true,
                Effect::Quit => self.quit = true,
            }
        }
        Ok(())
    }

    /// Draws a frame, and tells the model that it was shown: only then does a popup take its confirming key.
    fn draw(&mut self) -> io::Result<()> {
        let drawn = self.model.draw(self.painter.canvas());
        let scroll = drawn.scroll.map(|s| ScrollRegion {
            first_row: s.first_row_y,
            rows: s.rows,
            top: s.top,
            generation: s.generation,
        });
        self.painter.write_frame(drawn.cursor, scroll)?;
        self.tell(Msg::FrameWritten { max_scroll: drawn.max_scroll })
    }

    fn now(&self) -> UiTime {
        UiTime::after_start(clock::monotonic_now() - self.began)
    }

    /// Takes over the window's size.
    fn measure(&mut self) -> io::Result<()> {
        let size = self.device.size();
        self.painter.resize(size);
        self.tell(Msg::Resize { columns: size.0, rows: size.1 })
    }

    /// Gives the terminal back, stops, and takes it again when somebody continues us.
    async fn suspend(&mut self) -> io::Result<()> {
        self.suspend = false;
        self.tell(Msg::HideSecrets)?;
        restore_terminal(RestoreMode::Full);
        stop_process_group();
        // The stop comes with a little delay, and it may not come at all.
        let _ = timeout(STOP, self.signals.proceeding()).await;
        self.resume()
    }

    /// Takes the terminal, whatever others did to it, without asking it anything.
    fn resume(&mut self) -> io::Result<()> {
        self.hold.enter_raw_mode(&self.device)?;
        self.painter.queue_prefix(ENTER_SEQUENCE);
        self.measure()
    }
}

#[expect(
    deprecated,
    reason = "its successor is unsafe, for types that may close or change their descriptor; this one does not"
)]
pub(super) fn watched(descriptor: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    AsyncFd::with_interest(descriptor, Interest::READABLE)
}

/// What a key press or a paste is for the model.
fn message(event: Event) -> Option<Msg> {
    match event {
        Event::Key(key) => Some(Msg::KeyPress(key.into())),
        Event::Paste(text) => Some(Msg::Paste(Zeroizing::new(text))),
        _ => None,
    }
}

async fn after(patience: Option<Duration>) {
    match patience {
        Some(patience) => tokio::time::sleep(patience).await,
        None => std::future::pending().await,
    }
}
