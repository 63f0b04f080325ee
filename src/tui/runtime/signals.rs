//! Signals, and the promise that the process ends soon after one that ends it, whatever else it is doing.

use std::io;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::terminal::restore::{RestoreMode, restore_terminal};

/// How long an orderly end may take. The terminal is then given back without a word.
const GRACE: Duration = Duration::from_millis(1_500);

/// A signal, as it concerns the UI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SignalEvent {
    /// To end, by this signal's number.
    End(i32),
    /// To stop, as by Ctrl-Z.
    Stop,
    /// Going on after a stop.
    Continue,
    /// The window has another size.
    Window,
}

/// The signals that end the process.
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
    proceed: Signal,
    window: Signal,
}

impl Signals {
    /// Starts to listen, also for signals that whoever started us had ignored (`nohup`).
    pub(super) fn listen() -> io::Result<Self> {
        Ok(Self {
            ending: TerminationSignals::listen()?,
            // tokio has no names for these two.
            stop: signal(SignalKind::from_raw(rustix::process::Signal::TSTP.as_raw()))?,
            proceed: signal(SignalKind::from_raw(rustix::process::Signal::CONT.as_raw()))?,
            window: signal(SignalKind::window_change())?,
        })
    }

    /// The next signal.
    pub(super) async fn next(&mut self) -> SignalEvent {
        tokio::select! {
            number = self.ending.next() => SignalEvent::End(number),
            _ = self.stop.recv() => SignalEvent::Stop,
            _ = self.proceed.recv() => SignalEvent::Continue,
            _ = self.window.recv() => SignalEvent::Window,
        }
    }

    /// Waits until the process goes on after a stop.
    pub(super) async fn proceeding(&mut self) {
        self.proceed.recv().await;
    }
}

/// Watches for signals that end the process, away from the UI's thread: should that one be stuck, perhaps in a write to a
/// terminal that takes nothing, the process ends all the same.
pub(super) fn watch_over(handle: &Handle) {
    handle.spawn(async {
        if let Ok(mut ending) = TerminationSignals::listen() {
            let number = ending.next().await;
            end_after_grace(number).await;
        }
    });
}

/// The process ends soon, if it does not end by itself before.
pub(super) fn end_soon(handle: &Handle, number: i32) {
    handle.spawn(end_after_grace(number));
}

#[expect(clippy::disallowed_methods, reason = "an orderly end was tried, and did not come")]
async fn end_after_grace(number: i32) {
    tokio::time::sleep(GRACE).await;
    restore_terminal(RestoreMode::NoOutput);
    std::process::exit(128 + number);
}
