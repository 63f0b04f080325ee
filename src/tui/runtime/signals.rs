//! Signals. A signal that ends the process does so within a grace period, whatever else the process is doing.

use std::io;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::terminal::restore::{RestoreMode, restore_terminal};

/// Time for an orderly end. After it the terminal is restored without output, and the process exits.
const GRACE_PERIOD: Duration = Duration::from_millis(1_500);

/// A signal that the UI handles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SignalEvent {
    /// The UI ends; the number of the signal.
    End(i32),
    /// The process stops, as after Ctrl-Z.
    Stop,
    /// The process continues after a stop.
    Continue,
    /// The size of the window changed.
    WindowSize,
}

/// Signals that end the process.
struct TerminationSignals {
    hangup: Signal,
    interrupt: Signal,
    quit: Signal,
    terminate: Signal,
}

impl TerminationSignals {
    fn listen() -> io::Result<Self> {
        Ok(Self {
            hangup: signal(SignalKind::hangup())?,
            interrupt: signal(SignalKind::interrupt())?,
            quit: signal(SignalKind::quit())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    async fn next(&mut self) -> i32 {
        let kind = tokio::select! {
            _ = self.hangup.recv() => SignalKind::hangup(),
            _ = self.interrupt.recv() => SignalKind::interrupt(),
            _ = self.quit.recv() => SignalKind::quit(),
            _ = self.terminate.recv() => SignalKind::terminate(),
        };
        kind.as_raw_value()
    }
}

/// The signals that the UI handles itself.
pub(super) struct Signals {
    ending: TerminationSignals,
    stop: Signal,
    continued: Signal,
    window: Signal,
}

impl Signals {
    /// Starts to listen, even for signals that the parent process ignores (`nohup`).
    pub(super) fn listen() -> io::Result<Self> {
        Ok(Self {
            ending: TerminationSignals::listen()?,
            // tokio has no names for these two.
            stop: signal(SignalKind::from_raw(rustix::process::Signal::TSTP.as_raw()))?,
            continued: signal(SignalKind::from_raw(rustix::process::Signal::CONT.as_raw()))?,
            window: signal(SignalKind::window_change())?,
        })
    }

    /// Waits for the next signal.
    pub(super) async fn next(&mut self) -> SignalEvent {
        tokio::select! {
            number = self.ending.next() => SignalEvent::End(number),
            _ = self.stop.recv() => SignalEvent::Stop,
            _ = self.continued.recv() => SignalEvent::Continue,
            _ = self.window.recv() => SignalEvent::WindowSize,
        }
    }

    /// Waits until the process continues after a stop.
    pub(super) async fn wait_for_continue(&mut self) {
        self.continued.recv().await;
    }
}

/// Ends the process after such a signal even if the UI's thread is stuck, perhaps in a write to a terminal that accepts nothing.
pub(super) fn exit_on_signals(handle: &Handle) {
    handle.spawn(async {
        if let Ok(mut ending) = TerminationSignals::listen() {
            let number = ending.next().await;
            exit_after_delay(number).await;
        }
    });
}

/// Ends the process after the grace period, unless it ends by itself before.
pub(super) fn exit_after_grace_period(handle: &Handle, number: i32) {
    handle.spawn(exit_after_delay(number));
}

#[expect(clippy::disallowed_methods, reason = "the orderly end did not come in time")]
async fn exit_after_delay(number: i32) {
    tokio::time::sleep(GRACE_PERIOD).await;
    restore_terminal(RestoreMode::NoOutput);
    std::process::exit(128 + number);
}
