//! Signals. A signal that ends the process does so within a grace period, whatever else the process is doing.

use std::io;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::terminal::restore::{RestoreMode, restore_terminal};

/// Time for an orderly exit after a signal. When it is over, the terminal is restored without further output and the process exits.
const GRACE_PERIOD: Duration = Duration::from_millis(1_500);

/// A signal that the UI handles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SignalEvent {
    /// The UI must end, because of the signal with this number.
    End(i32),
    /// The process must stop, as after Ctrl-Z.
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
    /// Starts listening, even for signals that the parent process ignores, as `nohup` does.
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

/// Ends the process after a termination signal even if the UI thread is stuck, for example while writing to a terminal that accepts
/// no output.
pub(super) fn exit_on_signals(handle: &Handle) {
    handle.spawn(async {
        if let Ok(mut ending) = TerminationSignals::listen() {
            let number = ending.next().await;
            exit_after_delay(number).await;
        }
    });
}

/// Ends the process after the grace period, unless it has ended by itself.
pub(super) fn exit_after_grace_period(handle: &Handle, number: i32) {
    handle.spawn(exit_after_delay(number));
}

#[expect(clippy::disallowed_methods, reason = "the orderly end did not come in time")]
async fn exit_after_delay(number: i32) {
    tokio::time::sleep(GRACE_PERIOD).await;
    restore_terminal(RestoreMode::NoOutput);
    std::process::exit(128 + number);
}
