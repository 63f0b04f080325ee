//! The event loop: collects key presses, replies, signals and the time as messages, lets the model handle them, carries out its
//! effects, and draws one frame. It never waits for a server, a disk or a program: those run as tasks and return as messages.
//!
//! # From a key press to the HTTP request
//! 1. `EventLoop::run_loop` wakes on terminal input, and `EventLoop::handle_batch` turns the bytes into key presses: `read_waiting`
//!    reads them, [`InputDecoder`] decodes them.
//! 2. `EventLoop::update_model` hands the model a [`Msg::Tick`], then one [`Msg::KeyPress`] for each (`Model::update`).
//! 3. `Model::handle_key` looks the key press up in the keymap. `Model::run_action` runs its action: `x` is `Action::Revoke`, for which
//!    the screen returns a popup to open. Once a frame with the popup is written, [`Msg::FrameWritten`] arms it.
//! 4. `y` is `Action::Yes`: the popup calls `Context::request`, which issues a ticket and queues [`Effect::Request`].
//! 5. `EventLoop::run_effects` hands the request to `Effects::send_request`, which spawns a task on the other runtime. After the batch,
//!    `EventLoop::draw` draws one frame and writes it at once.
//! 6. The task calls `Api::send`: the client builds the HTTP request from the call's method, path and body, and sends it.
//! 7. The reply returns as [`Msg::Reply`] with the ticket. `Model::apply_reply` passes it on to the recipient, here the popup.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossterm::event::Event;
use tokio::io::unix::AsyncFd;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::time::timeout;
use zeroize::{Zeroize as _, Zeroizing};

use super::api::Api;
use super::delivery::{Deliveries, DeliveryStep};
use super::drafts::DraftWrite;
use super::effects::Effects;
use super::options::{UiExit, UiOptions};
use super::saved_state::SavedState;
use super::signals::{self, SignalEvent, Signals};
use super::timer::{Timer, watch_readable};
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

/// Capacity of the reply queue. While the queue is full, requests wait for the model.
const REPLY_QUEUE: usize = 8;
/// Maximum time spent on a batch of messages before a frame is drawn.
const MAX_BATCH_TIME: Duration = Duration::from_millis(8);
/// How long after a key press a deferrable frame waits for the next key press, so that both need only one write.
const DEFER_FRAME_FOR: Duration = Duration::from_millis(60);
/// How long to wait after an Esc byte for the rest of an escape sequence, which may be in the next packet.
const ESCAPE_TIMEOUT: Duration = Duration::from_millis(30);
/// How long to wait for the rest of an incomplete escape sequence or paste.
const SEQUENCE_TIMEOUT: Duration = Duration::from_secs(2);
/// How long to wait for a stop to take effect. The system ignores the stop if no other process could continue this one.
const STOP_TIMEOUT: Duration = Duration::from_millis(500);
/// Signal number of SIGHUP. The UI also ends as if by SIGHUP when the terminal is gone.
const HANGUP: i32 = 1;

/// Why the event loop ended.
enum LoopEnd {
    Quit,
    /// The signal with this number arrived.
    Signal(i32),
    TerminalGone,
}

/// When the frame after a batch is drawn.
#[derive(Clone, Copy, PartialEq, Eq)]
enum FrameTiming {
    Now,
    /// Together with the frame of the next key press, or [`DEFER_FRAME_FOR`] after the last key press.
    Deferred,
}

/// Passes messages to the model, carries out its effects, and draws its frames on the terminal.
pub(super) struct EventLoop<S> {
    model: S,
    frame_writer: FrameWriter<TerminalWriter>,
    device: TerminalDevice,
    terminal_guard: TerminalGuard,
    terminal_input: AsyncFd<OwnedFd>,
    decoder: InputDecoder,
    input_buffer: Zeroizing<Vec<u8>>,
    /// Whether the last batch left input unread.
    has_unread_input: bool,
    signals: Signals,
    timer: Timer,
    messages: mpsc::Receiver<Msg>,
    effects: Effects,
    started_at: Instant,
    last_key_at: Option<Instant>,
    /// When the deferred frame is drawn, if no key press comes first.
    deferred_frame_at: Option<Instant>,
    frame_timing: FrameTiming,
    suspend_requested: bool,
    quit_requested: bool,
}

impl<S: UiModel> EventLoop<S> {
    /// Takes over the terminal and draws the first frame of the model that `new_model` returns.
    pub(super) fn start(
        options: UiOptions,
        device: TerminalDevice,
        handle: &Handle,
        new_model: impl FnOnce(StartOptions) -> (S, Vec<Effect>),
    ) -> io::Result<Self> {
        let started_at = clock::monotonic_now();
        signals::exit_on_signals(handle);
        let signals = Signals::listen()?;
        let (sender, messages) = mpsc::channel(REPLY_QUEUE);
        let saved_state = SavedState::new(options.state, options.profile.clone(), options.clock);
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
            unfinished_creates: saved_state.take_over_abandoned(&options.address),
            drafts: saved_state.drafts(),
        };
        let api = Api::new(options.address, options.credential, options.client, saved_state);
        let deliveries = Deliveries {
            clipboard: options.clipboard,
            hints: options.hints,
            restricted: options.restricted,
            home: options.home,
            private_variables: options.private_variables,
        };
        let terminal_input = watch_readable(device.input().try_clone_to_owned()?)?;
        let terminal_guard = TerminalGuard::acquire(&device)?;
        let mut frame_writer = FrameWriter::new(device.writer()?, options.capabilities, device.size());
        frame_writer.queue_prefix(ENTER_SEQUENCE);
        let (model, effects) = new_model(start);
        let mut event_loop = Self {
            model,
            frame_writer,
            device,
            terminal_guard,
            terminal_input,
            decoder: InputDecoder::default(),
            input_buffer: Zeroizing::new(vec![0; 16 * 1024]),
            has_unread_input: false,
            signals,
            timer: Timer::new()?,
            messages,
            effects: Effects::new(handle.clone(), Arc::new(api), Arc::new(deliveries), sender),
            started_at,
            last_key_at: None,
            deferred_frame_at: None,
            frame_timing: FrameTiming::Now,
            suspend_requested: false,
            quit_requested: false,
        };
        event_loop.run_effects(effects)?;
        event_loop.draw()?;
        Ok(event_loop)
    }

    /// Runs until the UI ends, then restores the terminal. Returns how the UI ended, and the model.
    pub(super) async fn run(mut self) -> io::Result<(UiExit, S)> {
        // An error of the terminal means that it is gone.
        let end = self.run_loop().await.unwrap_or(LoopEnd::TerminalGone);
        self.effects.flush();
        let exit = match end {
            LoopEnd::Quit => UiExit::Quit,
            LoopEnd::Signal(number) => UiExit::Signal(number),
            LoopEnd::TerminalGone => UiExit::Signal(HANGUP),
        };
        restore_terminal(match end {
            LoopEnd::TerminalGone => RestoreMode::NoOutput,
            // In most cases the terminal is gone or about to be.
            LoopEnd::Signal(HANGUP) => RestoreMode::WithoutWaiting,
            LoopEnd::Quit | LoopEnd::Signal(_) => RestoreMode::Full,
        });
        Ok((exit, self.model))
    }

    async fn run_loop(&mut self) -> io::Result<LoopEnd> {
        loop {
            let mut first_message = None;
            let mut input_timed_out = false;
            let wake = self.model.wake_at().map(|at| self.started_at + at.since_start());
            let wake = wake.into_iter().chain(self.deferred_frame_at).min();
            let input_timeout = match self.decoder.pending() {
                PendingInput::Nothing => None,
                PendingInput::MaybeEscape => Some(ESCAPE_TIMEOUT),
                PendingInput::PartialSequence => Some(SEQUENCE_TIMEOUT),
            };
            self.frame_timing = FrameTiming::Now;
            if !self.has_unread_input {
                tokio::select! {
                    biased;
                    signal = self.signals.next() => match signal {
                        SignalEvent::End(number) => return Ok(LoopEnd::Signal(number)),
                        SignalEvent::Stop => self.suspend_requested = true,
                        SignalEvent::Continue => self.resume()?,
                        SignalEvent::WindowSize => self.apply_window_size()?,
                    },
                    // Cleared before reading: input that arrives in between wakes the loop again.
                    ready = self.terminal_input.readable() => ready?.clear_ready(),
                    message = self.messages.recv() => {
                        first_message = message;
                        self.frame_timing = FrameTiming::Deferred;
                    }
                    () = sleep_for(input_timeout) => input_timed_out = true,
                    fired = self.timer.wait_until(wake) => fired?,
                }
            }
            if self.handle_batch(first_message, input_timed_out)? {
                return Ok(LoopEnd::TerminalGone);
            }
            if self.quit_requested {
                return Ok(LoopEnd::Quit);
            }
            if self.suspend_requested {
                self.suspend().await?;
            }
            let is_deferred = self.frame_timing == FrameTiming::Deferred;
            let draw_at = self.last_key_at.map(|at| at + DEFER_FRAME_FOR);
            self.deferred_frame_at = draw_at.filter(|&at| is_deferred && clock::monotonic_now() < at);
            if self.deferred_frame_at.is_none() {
                self.draw()?;
            }
        }
    }

    /// Step 1: passes all waiting messages to the model, key presses before replies. Returns `true` if the terminal is gone.
    fn handle_batch(&mut self, first_message: Option<Msg>, input_timed_out: bool) -> io::Result<bool> {
        let batch_started_at = clock::monotonic_now();
        self.update_model(Msg::Tick { now: self.now() })?;
        let mut events = Vec::new();
        if input_timed_out {
            self.decoder.flush(|event| events.push(event));
        }
        self.has_unread_input = false;
        let mut is_terminal_gone = false;
        while let Some(n) = self.device.read_waiting(&mut self.input_buffer) {
            is_terminal_gone = n == 0;
            self.decoder.feed(&self.input_buffer[..n], |event| events.push(event));
            self.input_buffer[..n].zeroize();
            self.last_key_at = Some(batch_started_at);
            self.frame_timing = FrameTiming::Now;
            for message in events.drain(..).filter_map(to_message) {
                self.update_model(message)?;
            }
            self.has_unread_input = clock::monotonic_now() - batch_started_at > MAX_BATCH_TIME;
            if is_terminal_gone || self.has_unread_input || self.quit_requested {
                break;
            }
        }
        for message in events.drain(..).filter_map(to_message) {
            self.update_model(message)?;
        }
        let mut next_message = first_message;
        while let Some(message) = next_message {
            if !self.model.is_deferrable(&message) {
                self.frame_timing = FrameTiming::Now;
            }
            self.update_model(message)?;
            let has_time = clock::monotonic_now() - batch_started_at < MAX_BATCH_TIME;
            next_message = if has_time { self.messages.try_recv().ok() } else { None };
        }
        Ok(is_terminal_gone)
    }

    /// Step 2: passes a message to the model and carries out the effects.
    fn update_model(&mut self, message: Msg) -> io::Result<()> {
        let effects = self.model.update(message);
        self.run_effects(effects)
    }

    /// Step 5: carries out effects, or starts tasks for those that take time.
    fn run_effects(&mut self, effects: Vec<Effect>) -> io::Result<()> {
        for effect in effects {
            match effect {
                Effect::Request { ticket, request } => self.effects.send_request(ticket, request),
                Effect::CancelRequest(ticket) => self.effects.cancel(ticket),
                Effect::Deliver { ticket, delivery } => match self.effects.deliveries().start(delivery) {
                    DeliveryStep::WriteToTerminal(bytes, reply) => {
                        self.frame_writer.write_bytes(&bytes)?;
                        self.effects.reply(ticket, Ok(reply));
                    }
                    DeliveryStep::InBackground(delivery) => self.effects.finish_delivery(ticket, delivery),
                    DeliveryStep::Refused(error) => self.effects.reply(ticket, Err(error)),
                },
                Effect::FinishCreate { idempotency_key } => {
                    self.effects.saved_state().finish_create(&idempotency_key);
                }
                Effect::SaveDrafts(drafts) => self.effects.save_drafts(DraftWrite::Whole(drafts)),
                Effect::AppendDrafts(line) => self.effects.save_drafts(DraftWrite::Line(line)),
                Effect::Suspend => self.suspend_requested = true,
                Effect::Quit => self.quit_requested = true,
            }
        }
        Ok(())
    }

    /// Draws a frame and tells the model that it was written. A popup accepts a confirmation only after it was shown.
    fn draw(&mut self) -> io::Result<()> {
        let frame = self.model.draw(self.frame_writer.canvas());
        let scroll = frame.scroll.map(|rows| ScrollRegion {
            first_row: rows.first_row_y,
            rows: rows.rows,
            top: rows.top,
            generation: rows.generation,
        });
        self.frame_writer.write_frame(frame.cursor, scroll)?;
        self.update_model(Msg::FrameWritten { max_scroll: frame.max_scroll })
    }

    fn now(&self) -> UiTime {
        UiTime::after_start(clock::monotonic_now() - self.started_at)
    }

    /// Resizes the frame and the model to the current window size.
    fn apply_window_size(&mut self) -> io::Result<()> {
        let size = self.device.size();
        self.frame_writer.resize(size);
        self.update_model(Msg::Resize { columns: size.0, rows: size.1 })
    }

    /// Restores the terminal, stops the process group, and takes over the terminal again when the process continues.
    async fn suspend(&mut self) -> io::Result<()> {
        self.suspend_requested = false;
        self.update_model(Msg::HideSecrets)?;
        restore_terminal(RestoreMode::Full);
        stop_process_group();
        // The stop takes effect with a delay, or not at all.
        let _ = timeout(STOP_TIMEOUT, self.signals.wait_for_continue()).await;
        self.resume()
    }

    /// Takes over the terminal again, whatever its state, without querying it.
    fn resume(&mut self) -> io::Result<()> {
        self.terminal_guard.enter_raw_mode(&self.device)?;
        self.frame_writer.queue_prefix(ENTER_SEQUENCE);
        self.apply_window_size()
    }
}

/// Converts a decoded key press or paste to a message; `None` for other events.
fn to_message(event: Event) -> Option<Msg> {
    match event {
        Event::Key(key) => Some(Msg::KeyPress(key.into())),
        Event::Paste(text) => Some(Msg::Paste(Zeroizing::new(text))),
        _ => None,
    }
}

/// Sleeps for `delay`, or forever if it is `None`.
async fn sleep_for(delay: Option<Duration>) {
    match delay {
        Some(delay) => tokio::time::sleep(delay).await,
        None => std::future::pending().await,
    }
}
