//! Runs a command on the demo: its streams and signals are its own, its exit status becomes ours.

use std::ffi::OsString;
use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;

use rustix::process::{Pid, kill_process};
use tokio::process::{Child, Command};
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::{DemoError, DemoSession, ServerStartup};
use crate::domain::text;

/// Variables of the user's own keyward, which would lead the command away from the demo.
const NOT_FOR_THE_DEMO: [&str; 3] = ["KEYWARD_PROFILE", "KEYWARD_CONFIG", "KEYWARD_CA_CERT"];

/// Runs the command once the server answers; gives its exit code, or 128 and the number of the signal that ended it.
///
/// # Errors
/// The server does not start, or the command cannot be run.
pub async fn run(command: &[OsString], guest: &DemoSession, opening: ServerStartup) -> Result<u8, DemoError> {
    let mut signals = Signals::listen().map_err(DemoError::System)?;
    let running = tokio::select! {
        opened = opening => opened??,
        number = signals.ending() => return Ok(code(number)),
    };
    let mut child = spawn(command, guest)?;
    let status = loop {
        tokio::select! {
            status = child.wait() => break status.map_err(DemoError::System)?,
            signal = signals.forwarded() => forward(&child, signal),
        }
    };
    running.shutdown().await;
    Ok(exit_code(status))
}

fn spawn(command: &[OsString], guest: &DemoSession) -> Result<Child, DemoError> {
    let (program, arguments) = command.split_first().expect("there is a command, or the UI would run");
    let mut child = Command::new(program);
    for name in NOT_FOR_THE_DEMO {
        child.env_remove(name);
    }
    child
        .args(arguments)
        .env("KEYWARD_URL", format!("http://{}", guest.address))
        .env("KEYWARD_TOKEN", guest.token.expose())
        .spawn()
        .map_err(|why| DemoError::Command {
            program: text::sanitize_line(&program.to_string_lossy()).into_owned(),
            why,
        })
}

/// Signals of the terminal reach the command by themselves; those sent to us alone are handed on.
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

    /// The number of the next signal that ends the demo while no command runs.
    pub(super) async fn ending(&mut self) -> i32 {
        let kind = tokio::select! {
            _ = self.interrupt.recv() => SignalKind::interrupt(),
            _ = self.quit.recv() => SignalKind::quit(),
            _ = self.hangup.recv() => SignalKind::hangup(),
            _ = self.terminate.recv() => SignalKind::terminate(),
        };
        kind.as_raw_value()
    }

    /// The next signal that the command has to be told of. Ctrl-C and Ctrl-\ are taken and left to the command.
    async fn forwarded(&mut self) -> rustix::process::Signal {
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
        // It may have ended a moment ago; then its status comes next.
        let _ = kill_process(pid, signal);
    }
}

fn exit_code(status: ExitStatus) -> u8 {
    match (status.code(), status.signal()) {
        (Some(code), _) => u8::try_from(code).unwrap_or(1),
        (None, Some(number)) => code(number),
        (None, None) => 1,
    }
}

fn code(signal: i32) -> u8 {
    u8::try_from(128 + signal).unwrap_or(1)
}
