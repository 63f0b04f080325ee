//! Delivers to standard output: through a pipe to another program, or onto the user's own terminal.

use std::io::{self, Write as _};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::FileType;

use super::error::DeliveryError;

/// Time limit for the reader of a pipe to read the secret.
const READER_LIMIT: Duration = Duration::from_secs(5);
/// Interval at which the pipe is checked.
const POLL_INTERVAL: Timespec = Timespec { tv_sec: 0, tv_nsec: 10_000_000 };

/// State of a secret that was written to standard output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Receipt {
    /// The secret was read, or standard output is not a pipe.
    Read,
    /// The secret still lies in the pipe after five seconds.
    NotYetRead,
}

/// Writes the secret without a line break, for another program. A pipe accepts it before anyone reads it, so this waits up to
/// five seconds for the reader. Blocks.
///
/// # Errors
/// Standard output cannot be written, or its reader went away without reading.
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
        } else if start.elapsed() > READER_LIMIT {
            return Ok(Receipt::NotYetRead);
        }
    }
}

/// Writes the secret on a line of its own, for a person at the terminal.
///
/// # Errors
/// Standard output cannot be written.
pub fn write_to_terminal(secret: &str) -> Result<(), DeliveryError> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{secret}").and_then(|()| stdout.flush()).map_err(DeliveryError::StdoutNotWritten)
}
