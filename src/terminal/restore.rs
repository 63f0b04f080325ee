//! Takes the terminal for the screens, and gives it back as it was found, whichever way the program ends.
//!
//! What was on the screen is blanked before it is left, since tmux (with `alternate-screen off`) and GNU screen keep showing it.

use std::fs::{DirBuilder, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};

use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};

use super::device::{TerminalDevice, TerminalWriter, has_hung_up, terminal_size};

/// Alternate screen, cursor hidden, pastes bracketed. Sent together with the first frame.
pub const ENTER_SEQUENCE: &[u8] = b"\x1b[?1049h\x1b[?25l\x1b[?2004h";

/// The terminal that is to be given back, if one was taken.
static TAKEN: Mutex<Option<Taken>> = Mutex::new(None);

struct Taken {
    terminal: TerminalWriter,
    before: Termios,
    by: ThreadId,
}

fn lock_saved_terminal() -> MutexGuard<'static, Option<Taken>> {
    TAKEN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How the terminal is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RestoreMode {
    /// Screen blanked, alternate screen left, cursor shown, modes restored.
    Blanked,
    /// The same, but nothing is waited for: what the terminal does not take at once it does not get, and one that has hung up gets
    /// nothing.
    Hastily,
    /// Modes restored, nothing written: the terminal has hung up, or would make us wait.
    Silently,
}

/// The terminal while we hold it, in raw mode. Dropped, it is given back.
#[derive(Debug)]
pub struct TerminalGuard(());

impl TerminalGuard {
    /// Puts the terminal into raw mode. [`ENTER`] is for the caller to send, with the first frame.
    ///
    /// # Errors
    /// The terminal refuses to change its mode: it is gone.
    pub fn acquire(device: &TerminalDevice) -> io::Result<Self> {
        let hold = Self(());
        hold.enter_raw_mode(device)?;
        Ok(hold)
    }

    /// Puts it into raw mode again, after it was given back in between or a shell changed its mode.
    ///
    /// # Errors
    /// As [`Hold::take`].
    pub fn enter_raw_mode(&self, device: &TerminalDevice) -> io::Result<()> {
        let now = tcgetattr(device.input())?;
        let terminal = device.writer()?;
        let mut raw = now.clone();
        raw.make_raw();
        // Recorded before it is done: whoever ends us in between gives it back.
        let mut held = lock_saved_terminal();
        let before = held.take().map_or(now, |held| held.before);
        *held = Some(Taken { terminal, before, by: thread::current().id() });
        drop(held);
        Ok(tcsetattr(device.input(), OptionalActions::Now, &raw)?)
    }
}

impl Drop for TerminalGuard {
    fn drop(&mut self) {
        restore_terminal(RestoreMode::Blanked);
    }
}

/// Gives the terminal back if it is held, from whichever thread. Does nothing the second time.
pub fn restore_terminal(how: RestoreMode) {
    let Some(mut held) = lock_saved_terminal().take() else { return };
    // First, since a write may wait for a terminal that takes nothing.
    let _ = tcsetattr(&held.terminal, OptionalActions::Now, &held.before);
    if how == RestoreMode::Silently || has_hung_up(&held.terminal) {
        return;
    }
    let (_, rows) = terminal_size(&held.terminal);
    let bytes = leave_sequence(rows);
    // A terminal that takes no output is beyond help.
    let _ = match how {
        RestoreMode::Hastily => held.terminal.write_without_waiting(&bytes),
        RestoreMode::Blanked | RestoreMode::Silently => held.terminal.write_all(&bytes),
    };
}

/// Blanks the screen and undoes [`ENTER`].
///
/// Row by row: tmux without an alternate screen keeps what "erase display" removes in its history, where it could be read.
fn leave_sequence(rows: u16) -> Vec<u8> {
    let mut bytes = b"\x1b[?2026l\x1b[m\x1b[r\x1b[H\x1b[K".to_vec();
    for _ in 1..rows {
        bytes.extend_from_slice(b"\n\x1b[K");
    }
    bytes.extend_from_slice(b"\x1b[H\x1b[?2004l\x1b[?25h\x1b[?1049l");
    bytes
}

/// Stops this process and those it was started with, as Ctrl-Z does, once the terminal was given back.
///
/// By SIGTTIN, whose handling nobody changed: like SIGTSTP it is ignored where no shell is there to continue us, so that
/// `ssh -t HOST keyward` cannot be stopped for ever.
pub fn stop_process_group() {
    let _ = rustix::process::kill_current_process_group(rustix::process::Signal::TTIN);
}

/// From now on a panic gives the terminal back first, and says where the log is, but never what the panic said: that may hold
/// a secret. `log`: the file that takes the place and the way there; its folder is made if need be.
pub fn install_panic_hook(log: Option<PathBuf>) {
    std::panic::set_hook(Box::new(move |panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, "a fault in keyward itself");
        let holder = lock_saved_terminal().as_ref().map(|held| held.by);
        let on_screen = holder.is_none_or(|by| by == thread::current().id());
        if on_screen {
            restore_terminal(RestoreMode::Blanked);
        }
        let logged = log.as_ref().filter(|log| append_fault_log(log, &place).is_ok());
        if on_screen {
            let _ = io::stderr().write_all(fault_message(&place, logged).as_bytes());
        }
    }));
}

/// Adds a fault to the log, which only its owner can read.
fn append_fault_log(log: &Path, place: &str) -> io::Result<()> {
    if let Some(folder) = log.parent() {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    let mut file = OpenOptions::new().append(true).create(true).mode(0o600).open(log)?;
    let way = std::backtrace::Backtrace::force_capture();
    writeln!(file, "keyward {} met a fault at {place}\n{way}", env!("CARGO_PKG_VERSION"))
}

fn fault_message(place: &str, log: Option<&PathBuf>) -> String {
    let log = match log {
        Some(path) => format!("The log is {}.", path.display()),
        None => "No log could be written.".to_owned(),
    };
    format!(
        "keyward: a fault in keyward itself, at {place}. What the server had confirmed is done; look before you repeat \
         anything else. {log} Please report it.\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leaving_blanks_every_row_without_erasing_the_display() {
        let mut emulator = vt100::Parser::new(5.try_into().unwrap(), 20.try_into().unwrap(), 50);
        emulator.process(ENTER_SEQUENCE);
        emulator.process(b"\x1b[3;4Hsk_secret\x1b[5;1Hsk_other\x1b[2;3r\x1b[7m");
        let bytes = leave_sequence(5);
        let blanked = bytes.len() - b"\x1b[?1049l".len();
        emulator.process(&bytes[..blanked]);
        assert_eq!(emulator.screen().contents().trim(), "");
        emulator.process(&bytes[blanked..]);
        assert!(!emulator.screen().alternate_screen() && !emulator.screen().hide_cursor());
        assert!(!String::from_utf8(bytes).unwrap().contains('J'));
    }

    #[test]
    fn a_fault_names_the_place_and_the_log_alone() {
        let text = fault_message("src/x.rs:1:2", Some(&PathBuf::from("/var/log/k.log")));
        assert!(text.contains("src/x.rs:1:2") && text.contains("/var/log/k.log"));
    }
}
