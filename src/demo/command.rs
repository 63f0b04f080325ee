//! Runs a command on the demo. The command owns the terminal and its signals; its exit status becomes that of keyward.

use std::ffi::OsString;
use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;

use rustix::process::{Pid, kill_process};
use tokio::process::{Child, Command};
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::{DemoError, DemoSession, ServerStartup};
use crate::domain::text;

/// Environment variables that are removed for the command, because they could make it use a server other than the demo's.
const REMOVED_VARIABLES: [&str; 3] = ["KEYWARD_PROFILE", "KEYWARD_CONFIG", "KEYWARD_CA_CERT"];

/// Runs the command after the server has started. Returns the command's exit code, or 128 plus the number of the signal that
/// ended it.
pub async fn run(
    command: &[OsString],
    session: &DemoSession,
    startup: ServerStartup,
) -> Result<u8, DemoError> {
    let mut signals = Signals::listen().map_err(DemoError::System)?;
    let running = tokio::select! {
        started = startup => started??,
        number = signals.next_ending_signal() => return Ok(signal_exit_code(number)),
    };
    let mut child = spawn(command, session)?;
    let status = loop {
        tokio::select! {
            status = child.wait() => break status.map_err(DemoError::System)?,
            signal = signals.next_signal_to_forward() => forward(&child, signal),
        }
    };
    running.shutdown().await;
    Ok(exit_code(status))
}

fn spawn(command: &[OsString], session: &DemoSession) -> Result<Child, DemoError> {
    let (program, arguments) = command.split_first().expect("the UI runs if there is no command");
    let mut child = Command::new(program);
    for name in REMOVED_VARIABLES {
        child.env_remove(name);
    }
    child
        .args(arguments)
        .env("KEYWARD_URL", format!("http://{}", session.address))
        .env("KEYWARD_TOKEN", session.token.expose())
        .spawn()
        .map_err(|error| DemoError::Command {
            program: text::sanitize_line(&program.to_string_lossy()).into_owned(),
            error,
        })
}

/// The signals that end the demo. Signals from the terminal reach the command directly; all others are forwarded to it.
pub(super) struct Signals {
    interrupt: Signal,
    quit: Signal,
    hangup: Signal,
    terminate: Signal,
}

impl Signals {
    pub(super) fn listen() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            quit: signal(SignalKind::quit())?,
            hangup: signal(SignalKind::hangup())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// Waits for a signal that ends the demo, and returns the signal's number. Used while no command is running.
    pub(super) async fn next_ending_signal(&mut self) -> i32 {
        let kind = tokio::select! {
            _ = self.interrupt.recv() => SignalKind::interrupt(),
            _ = self.quit.recv() => SignalKind::quit(),
            _ = self.hangup.recv() => SignalKind::hangup(),
            _ = self.terminate.recv() => SignalKind::terminate(),
        };
        kind.as_raw_value()
    }

    /// Waits for a signal to forward to the command. Ctrl-C and Ctrl-\ are not forwarded, because the command receives them
    /// too.
    async fn next_signal_to_forward(&mut self) -> rustix::process::Signal {
        loop {
            tokio::select! {
                _ = self.interrupt.recv() => {}
                _ = self.quit.recv() => {}
                _ = self.hangup.recv() => return rustix::process::Signal::HUP,
                _ = self.terminate.recv() => return rustix::process::Signal::TERM,
            }
        }
    }
}

fn forward(child: &Child, signal: rustix::process::Signal) {
    let pid = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    if let Some(pid) = pid {
        // Fails if the command has just ended, which the caller notices next.
        let _ = kill_process(pid, signal);
    }
}

fn exit_code(status: ExitStatus) -> u8 {
    match (status.code(), status.signal()) {
        (Some(code), _) => u8::try_from(code).unwrap_or(1),
        (None, Some(number)) => signal_exit_code(number),
        (None, None) => 1,
    }
}

fn signal_exit_code(signal: i32) -> u8 {
    u8::try_from(128 + signal).unwrap_or(1)
}
