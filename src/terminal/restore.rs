//! Puts the terminal into raw mode, and restores it however keyward ends: normally, by a signal or by a panic.
//!
//! Start at [`TerminalGuard`]. The screen is blanked before the alternate screen is left, because tmux (with
//! `alternate-screen off`) and GNU screen would keep showing what was on it, which may be a secret.

use std::fs::{DirBuilder, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};

use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};

use super::device::{TerminalDevice, TerminalWriter, has_hung_up, terminal_size};

/// Switches to the alternate screen, hides the cursor and turns on bracketed paste. Sent in the same write as the first frame.
pub const ENTER_SEQUENCE: &[u8] = b"\x1b[?1049h\x1b[?25l\x1b[?2004h";

/// The terminal to restore; `None` unless it is in raw mode. Global, because the panic hook and the signal thread need it.
static SAVED_TERMINAL: Mutex<Option<SavedTerminal>> = Mutex::new(None);

struct SavedTerminal {
    terminal: TerminalWriter,
    original_mode: Termios,
    owner: ThreadId,
}

fn lock_saved_terminal() -> MutexGuard<'static, Option<SavedTerminal>> {
    SAVED_TERMINAL.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How completely [`restore_terminal`] restores the terminal, and whether it may wait for the terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RestoreMode {
    /// Restores the terminal mode, blanks the screen, leaves the alternate screen and shows the cursor. Waits until the terminal
    /// has accepted all output.
    Full,
    /// Like `Full`, but never waits: output that the terminal does not accept immediately is dropped.
    WithoutWaiting,
    /// Restores the terminal mode but writes nothing, for a terminal that has hung up or might block.
    NoOutput,
}

/// Keeps the terminal in raw mode, and restores it on drop.
#[derive(Debug)]
pub struct TerminalGuard(());

impl TerminalGuard {
    /// Puts the terminal into raw mode. The caller must send [`ENTER_SEQUENCE`] with the first frame.
    ///
    /// # Errors
    /// Fails if the terminal's mode cannot be changed, because the terminal is gone.
    pub fn acquire(device: &TerminalDevice) -> io::Result<Self> {
        let guard = Self(());
        guard.enter_raw_mode(device)?;
        Ok(guard)
    }

    /// Puts the terminal back into raw mode after it was restored or a shell changed its mode.
    ///
    /// # Errors
    /// Fails as [`TerminalGuard::acquire`] does.
    pub fn enter_raw_mode(&self, device: &TerminalDevice) -> io::Result<()> {
        let current_mode = tcgetattr(device.input())?;
        let terminal = device.writer()?;
        let mut raw = current_mode.clone();
        raw.make_raw();
        // Saved before the mode changes, so that a signal in between restores the terminal.
        let mut saved = lock_saved_terminal();
        let original_mode = saved.take().map_or(current_mode, |saved| saved.original_mode);
        *saved = Some(SavedTerminal { terminal, original_mode, owner: thread::current().id() });
        drop(saved);
        Ok(tcsetattr(device.input(), OptionalActions::Now, &raw)?)
    }
}

impl Drop for TerminalGuard {
    fn drop(&mut self) {
        restore_terminal(RestoreMode::Full);
    }
}

/// Restores the terminal if it is in raw mode. May be called from any thread; a second call does nothing.
pub fn restore_terminal(mode: RestoreMode) {
    let Some(mut saved) = lock_saved_terminal().take() else { return };
    // The mode comes first, because the write below may wait for a terminal that accepts no output.
    let _ = tcsetattr(&saved.terminal, OptionalActions::Now, &saved.original_mode);
    if mode == RestoreMode::NoOutput || has_hung_up(&saved.terminal) {
        return;
    }
    let (_, rows) = terminal_size(&saved.terminal);
    let bytes = leave_sequence(rows);
    // Write errors are ignored: nothing else can be done for a terminal that accepts no output.
    let _ = match mode {
        RestoreMode::WithoutWaiting => saved.terminal.write_without_waiting(&bytes),
        RestoreMode::Full | RestoreMode::NoOutput => saved.terminal.write_all(&bytes),
    };
}

/// Returns the bytes that blank the screen and undo [`ENTER_SEQUENCE`].
///
/// Rows are erased one by one, because tmux without an alternate screen moves what "erase display" erases into its history.
fn leave_sequence(rows: u16) -> Vec<u8> {
    let mut bytes = b"\x1b[?2026l\x1b[m\x1b[r\x1b[H\x1b[K".to_vec();
    for _ in 1..rows {
        bytes.extend_from_slice(b"\n\x1b[K");
    }
    bytes.extend_from_slice(b"\x1b[H\x1b[?2004l\x1b[?25h\x1b[?1049l");
    bytes
}

/// Stops keyward's process group, as Ctrl-Z does. Call [`restore_terminal`] first.
///
/// Sends SIGTTIN, because keyward handles SIGTSTP itself. The kernel ignores both in an orphaned process group, so `ssh -t HOST
/// keyward`, which no shell could resume, is not stopped forever.
pub fn stop_process_group() {
    let _ = rustix::process::kill_current_process_group(rustix::process::Signal::TTIN);
}

/// Installs a panic hook that restores the terminal, appends the panic's location and a backtrace to `log`, and prints the path of
/// the log.
///
/// The panic message itself is never shown or logged, because it may contain a secret. The log's folder is created if necessary.
pub fn install_panic_hook(log: Option<PathBuf>) {
    std::panic::set_hook(Box::new(move |panic| {
        let location = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(location, "internal error in keyward");
        let owner = lock_saved_terminal().as_ref().map(|saved| saved.owner);
        let is_ui_thread = owner.is_none_or(|owner| owner == thread::current().id());
        if is_ui_thread {
            restore_terminal(RestoreMode::Full);
        }
        let written_log = log.as_ref().filter(|log| append_panic_log(log, &location).is_ok());
        if is_ui_thread {
            let _ = io::stderr().write_all(panic_message(&location, written_log).as_bytes());
        }
    }));
}

/// Appends the panic's location and a backtrace to the log, which only its owner can read.
fn append_panic_log(log: &Path, location: &str) -> io::Result<()> {
    if let Some(directory) = log.parent() {
        DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    }
    let mut file = OpenOptions::new().append(true).create(true).mode(0o600).open(log)?;
    let backtrace = std::backtrace::Backtrace::force_capture();
    writeln!(file, "keyward {}: internal error at {location}\n{backtrace}", env!("CARGO_PKG_VERSION"))
}

fn panic_message(location: &str, log: Option<&PathBuf>) -> String {
    let log = match log {
        Some(path) => format!("Details are in {}.", path.display()),
        None => "The log could not be written.".to_owned(),
    };
    format!(
        "keyward: internal error at {location}. Changes that the server confirmed are done; check all others before you \
         retry them. {log} Please report this error.\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leaving_the_screen_blanks_each_row_without_erasing_the_display() {
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
    fn the_panic_message_names_the_location_and_the_log() {
        let text = panic_message("src/x.rs:1:2", Some(&PathBuf::from("/var/log/k.log")));
        assert!(text.contains("src/x.rs:1:2") && text.contains("/var/log/k.log"));
    }
}
