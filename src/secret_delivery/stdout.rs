//! Writes a secret to standard output: through a pipe to another program, or to the user's terminal.

use std::io::{self, Write as _};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::FileType;

use super::error::DeliveryError;

/// Maximum time to wait for the reader of a pipe to consume the secret.
const READ_TIMEOUT: Duration = Duration::from_secs(5);
/// Time between two checks whether the secret has been read from the pipe.
const POLL_INTERVAL: Timespec = Timespec { tv_sec: 0, tv_nsec: 10_000_000 };

/// Whether a secret that was written to standard output has been read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Receipt {
    /// The secret was read, or standard output is not a pipe, so that this cannot be checked.
    Read,
    /// After five seconds, the secret is still unread in the pipe.
    NotYetRead,
}

/// Writes the secret to standard output without a line break, for another program to read.
///
/// A pipe accepts the secret before anyone reads it, so this function blocks for up to five seconds until the secret has been read.
///
/// # Errors
/// Fails if standard output cannot be written, or if the reader of the pipe closed it without reading.
pub fn write_to_pipe(secret: &str) -> Result<Receipt, DeliveryError> {
    let mut stdout = io::stdout().lock();
    stdout
        .write_all(secret.as_bytes())
        .and_then(|()| stdout.flush())
        .map_err(DeliveryError::StdoutNotWritten)?;
    let is_pipe =
        rustix::fs::fstat(&stdout).is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Fifo);
    if !is_pipe {
        return Ok(Receipt::Read);
    }
    let start = crate::clock::monotonic_now();
    loop {
        let mut descriptors = [PollFd::new(&stdout, PollFlags::empty())];
        let is_broken = poll(&mut descriptors, Some(&POLL_INTERVAL)).is_ok_and(|ready| ready > 0)
            && descriptors[0].revents().intersects(PollFlags::ERR);
        if rustix::io::ioctl_fionread(&stdout).is_ok_and(|unread_bytes| unread_bytes == 0) {
            return Ok(Receipt::Read);
        } else if is_broken {
            return Err(DeliveryError::PipeNotRead);
        } else if start.elapsed() > READ_TIMEOUT {
            return Ok(Receipt::NotYetRead);
        }
    }
}

/// Writes the secret on its own line, for a person at the terminal.
///
/// # Errors
/// Fails if standard output cannot be written.
pub fn write_to_terminal(secret: &str) -> Result<(), DeliveryError> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{secret}").and_then(|()| stdout.flush()).map_err(DeliveryError::StdoutNotWritten)
}
