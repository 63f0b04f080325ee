//! Questions to the person at the terminal. Secrets are read without showing them.

use std::io::{self, BufRead as _, IsTerminal as _, Read as _, Write as _};

use anyhow::Context as _;
use rustix::process::{Signal, getpid, kill_process};
use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr};
use zeroize::{Zeroize as _, Zeroizing};

use super::error::{CommandError, ExitCode};
use crate::domain::text;

const UNREADABLE: &str = "the answer cannot be read";
/// Longest secret that is read, in bytes.
const SECRET_MAX: u64 = 16 * 1024;

/// Whether there is someone to ask.
pub fn possible() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Asks for a line.
///
/// # Errors
/// There is no line, since the input ended.
pub fn line(question: &str) -> Result<String, CommandError> {
    let mut err = io::stderr().lock();
    let _ = write!(err, "{} ", text::sanitize_line(question)).and_then(|()| err.flush());
    let mut answer = String::new();
    let n = io::stdin().lock().read_line(&mut answer).context(UNREADABLE)?;
    if n == 0 {
        let _ = writeln!(err);
        return Err(CommandError::new(ExitCode::Failure, "cancelled: nothing was done"));
    }
    Ok(answer.trim().to_owned())
}

/// Asks to type `wanted`; anything else cancels.
///
/// # Errors
/// Something else was typed.
pub fn confirm(question: &str, wanted: &str) -> Result<(), CommandError> {
    if line(question)? == wanted {
        return Ok(());
    }
    Err(CommandError::new(ExitCode::Failure, "cancelled: nothing was done"))
}

/// A secret: asked for without showing it on a terminal, else all of standard input as it came.
///
/// # Errors
/// Nothing came, or it is no text.
pub fn secret(question: &str) -> Result<Zeroizing<String>, CommandError> {
    if !io::stdin().is_terminal() {
        return piped();
    }
    let hidden = Hidden::new()?;
    let mut err = io::stderr().lock();
    let _ = write!(err, "{} ", text::sanitize_line(question)).and_then(|()| err.flush());
    let typed = typed();
    drop(hidden);
    let _ = writeln!(err);
    let typed = typed.context(UNREADABLE)?;
    if typed.contains(&INTERRUPT) {
        // Now that the terminal is as it was: end as Ctrl-C does everywhere else.
        let _ = kill_process(getpid(), Signal::INT);
    }
    match std::str::from_utf8(&typed) {
        Ok(text) if !text.is_empty() && !typed.contains(&INTERRUPT) => {
            // The key that ended the line is no part of what was typed.
            Ok(Zeroizing::new(text.strip_suffix('\n').unwrap_or(text).to_owned()))
        }
        Ok(_) => Err(CommandError::new(ExitCode::Failure, "cancelled: nothing was done")),
        Err(_) => Err(CommandError::usage("what was typed is not text")),
    }
}

/// What Ctrl-C sends where it is no signal.
const INTERRUPT: u8 = 3;

/// One line, its end included; Ctrl-C ends it too.
fn typed() -> io::Result<Zeroizing<Vec<u8>>> {
    let mut line = Zeroizing::new(Vec::with_capacity(1024));
    let mut piece = Zeroizing::new([0; 256]);
    let mut stdin = io::stdin().lock();
    while line.len() < 16 * 1024 {
        let n = stdin.read(&mut *piece)?;
        line.extend_from_slice(&piece[..n]);
        if n == 0 || piece[..n].contains(&b'\n') || piece[..n].contains(&INTERRUPT) {
            break;
        }
    }
    Ok(line)
}

/// All of standard input as a secret.
///
/// # Errors
/// Nothing came, or it is no text.
pub fn piped() -> Result<Zeroizing<String>, CommandError> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(1024));
    io::stdin().lock().take(SECRET_MAX).read_to_end(&mut bytes).context(UNREADABLE)?;
    match String::from_utf8(std::mem::take(&mut *bytes)) {
        Ok(text) => Ok(Zeroizing::new(text)),
        Err(e) => {
            e.into_bytes().zeroize();
            Err(CommandError::usage("what came on standard input is not text"))
        }
    }
}

/// The terminal does not show what is typed, until this is dropped.
struct Hidden(Termios);

impl Hidden {
    fn new() -> Result<Self, CommandError> {
        let stdin = io::stdin();
        let hide = || {
            let before = tcgetattr(&stdin)?;
            let mut hidden = before.clone();
            // Ctrl-C becomes an ordinary character that ends the line: as a signal it would leave the terminal silent.
            hidden.local_modes.remove(LocalModes::ECHO | LocalModes::ISIG);
            hidden.special_codes[SpecialCodeIndex::VEOL] = INTERRUPT;
            tcsetattr(&stdin, OptionalActions::Flush, &hidden)?;
            Ok(Self(before))
        };
        let hidden: Result<Self, rustix::io::Errno> = hide();
        Ok(hidden.context(UNREADABLE)?)
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        let _ = tcsetattr(io::stdin(), OptionalActions::Flush, &self.0);
    }
}
