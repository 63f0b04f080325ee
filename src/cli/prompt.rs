//! Questions to the person at the terminal, and secrets read from there or from standard input. Typed secrets are not echoed.

use std::io::{self, BufRead as _, IsTerminal as _, Read as _, Write as _};

use anyhow::Context as _;
use rustix::process::{Signal, getpid, kill_process};
use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr};
use zeroize::{Zeroize as _, Zeroizing};

use super::error::{CommandError, ExitCode};
use crate::domain::text;

const INPUT_NOT_READABLE: &str = "Your input cannot be read";
/// Maximum number of bytes read for a secret; further input is ignored.
const SECRET_MAX_BYTES: usize = 16 * 1024;
/// Byte that the terminal sends for Ctrl-C when Ctrl-C does not raise a signal.
const INTERRUPT: u8 = 3;

/// Returns whether the user can be prompted: standard input and standard error are terminals.
pub(super) fn is_interactive() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Prompts for a line and returns it trimmed. The end of input cancels the command.
pub(super) fn ask_line(question: &str) -> Result<String, CommandError> {
    let mut stderr = io::stderr().lock();
    let _ = write!(stderr, "{} ", text::sanitize_line(question)).and_then(|()| stderr.flush());
    let mut answer = String::new();
    let length = io::stdin().lock().read_line(&mut answer).context(INPUT_NOT_READABLE)?;
    if length == 0 {
        let _ = writeln!(stderr);
        return Err(cancelled_error());
    }
    Ok(answer.trim().to_owned())
}

/// Prompts the user to type `expected`. Any other input cancels the command.
pub(super) fn confirm(question: &str, expected: &str) -> Result<(), CommandError> {
    if ask_line(question)? == expected { Ok(()) } else { Err(cancelled_error()) }
}

fn cancelled_error() -> CommandError {
    CommandError::new(ExitCode::Failure, "Cancelled: nothing was done.")
}

/// Reads a secret: one line without echo if standard input is a terminal, otherwise all of standard input. The text is not
/// trimmed.
pub(super) fn read_secret(question: &str) -> Result<Zeroizing<String>, CommandError> {
    if !io::stdin().is_terminal() {
        return read_stdin();
    }
    let echo_off = EchoOff::new()?;
    let mut stderr = io::stderr().lock();
    let _ = write!(stderr, "{} ", text::sanitize_line(question)).and_then(|()| stderr.flush());
    let typed = read_typed_line();
    drop(echo_off);
    let _ = writeln!(stderr);
    let typed = typed.context(INPUT_NOT_READABLE)?;
    if typed.contains(&INTERRUPT) {
        // The terminal echoes again, so the process can end as Ctrl-C ends it everywhere else.
        let _ = kill_process(getpid(), Signal::INT);
    }
    match std::str::from_utf8(&typed) {
        Ok(text) if !text.is_empty() && !typed.contains(&INTERRUPT) => {
            // Enter is not part of the secret.
            Ok(Zeroizing::new(text.strip_suffix('\n').unwrap_or(text).to_owned()))
        }
        Ok(_) => Err(cancelled_error()),
        Err(_) => Err(CommandError::usage("The typed text is not valid UTF-8.")),
    }
}

/// Reads one line, including its line break. Ctrl-C also ends the line.
fn read_typed_line() -> io::Result<Zeroizing<Vec<u8>>> {
    let mut line = Zeroizing::new(Vec::with_capacity(1024));
    let mut chunk = Zeroizing::new([0; 256]);
    let mut stdin = io::stdin().lock();
    while line.len() < SECRET_MAX_BYTES {
        let length = stdin.read(&mut *chunk)?;
        line.extend_from_slice(&chunk[..length]);
        if length == 0 || chunk[..length].contains(&b'\n') || chunk[..length].contains(&INTERRUPT) {
            break;
        }
    }
    Ok(line)
}

/// Reads all of standard input as a secret.
pub(super) fn read_stdin() -> Result<Zeroizing<String>, CommandError> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(1024));
    let mut stdin = io::stdin().lock().take(SECRET_MAX_BYTES as u64);
    stdin.read_to_end(&mut bytes).context(INPUT_NOT_READABLE)?;
    match String::from_utf8(std::mem::take(&mut *bytes)) {
        Ok(text) => Ok(Zeroizing::new(text)),
        Err(e) => {
            e.into_bytes().zeroize();
            Err(CommandError::usage("Standard input is not valid UTF-8."))
        }
    }
}

/// Disables the terminal's echo until dropped.
struct EchoOff(Termios);

impl EchoOff {
    fn new() -> Result<Self, CommandError> {
        let stdin = io::stdin();
        let turn_off = || {
            let before = tcgetattr(&stdin)?;
            let mut without_echo = before.clone();
            // Ctrl-C becomes an ordinary byte that ends the line: as a signal it would leave the terminal without echo.
            without_echo.local_modes.remove(LocalModes::ECHO | LocalModes::ISIG);
            without_echo.special_codes[SpecialCodeIndex::VEOL] = INTERRUPT;
            tcsetattr(&stdin, OptionalActions::Flush, &without_echo)?;
            Ok(Self(before))
        };
        let result: Result<Self, rustix::io::Errno> = turn_off();
        Ok(result.context(INPUT_NOT_READABLE)?)
    }
}

impl Drop for EchoOff {
    fn drop(&mut self) {
        let _ = tcsetattr(io::stdin(), OptionalActions::Flush, &self.0);
    }
}
