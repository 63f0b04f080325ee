//! The terminal as a device: where keys come from, where frames go, how large it is.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt as _;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::OFlags;
use rustix::termios::{isatty, tcgetwinsize};

/// Used where the terminal does not know its size (serial lines, some containers).
const USUAL_SIZE: (u16, u16) = (80, 24);

/// There is no terminal to work on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "there is no terminal here: use `ssh -t HOST keyward`, or a command such as `keyward keys list --json`"
)]
pub struct NoTerminal;

/// The terminal's two directions, opened apart from the standard streams.
#[derive(Debug)]
pub struct TerminalDevice {
    input: OwnedFd,
    output: File,
}

impl TerminalDevice {
    /// The terminal on standard input and output; `/dev/tty` for whichever of the two is redirected.
    ///
    /// # Errors
    /// Neither is a terminal, or the other cannot be opened.
    pub fn open() -> Result<Self, NoTerminal> {
        let (input, output) = (io::stdin(), io::stdout());
        if !isatty(&input) && !isatty(&output) {
            return Err(NoTerminal);
        }
        let input = open_terminal_end(input.as_fd())?;
        let output = File::from(open_terminal_end(output.as_fd())?);
        Ok(Self { input, output })
    }

    /// Where keys are read.
    pub fn input(&self) -> BorrowedFd<'_> {
        self.input.as_fd()
    }

    /// Another handle for writing to the terminal.
    ///
    /// # Errors
    /// The process has no file descriptors left.
    pub fn writer(&self) -> io::Result<TerminalWriter> {
        self.output.try_clone().map(TerminalWriter)
    }

    /// Columns and rows.
    pub fn size(&self) -> (u16, u16) {
        terminal_size(&self.output)
    }

    /// Reads what is waiting, without ever waiting for it. `None`: nothing is. `Some(0)`: the terminal is gone.
    ///
    /// The descriptor is shared with other programs and therefore left in blocking mode, hence the poll before the read.
    pub fn read_waiting(&self, buffer: &mut [u8]) -> Option<usize> {
        loop {
            let mut fds = [PollFd::new(&self.input, PollFlags::IN)];
            match poll(&mut fds, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })) {
                Ok(0) => return None,
                Ok(_) => {}
                Err(rustix::io::Errno::INTR) => continue,
                Err(_) => return Some(0),
            }
            match rustix::io::read(&self.input, &mut *buffer) {
                Ok(n) => return Some(n),
                Err(rustix::io::Errno::INTR) => {}
                Err(rustix::io::Errno::AGAIN) => return None,
                Err(_) => return Some(0),
            }
        }
    }
}

/// A terminal's columns and rows.
pub(super) fn terminal_size(terminal: impl AsFd) -> (u16, u16) {
    tcgetwinsize(terminal)
        .ok()
        .map(|size| (size.ws_col, size.ws_row))
        .filter(|&(columns, rows)| columns > 0 && rows > 0)
        .unwrap_or(USUAL_SIZE)
}

/// Whether the other end of the terminal has gone.
pub(super) fn has_hung_up(terminal: impl AsFd) -> bool {
    let mut fds = [PollFd::new(&terminal, PollFlags::empty())];
    poll(&mut fds, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })).is_ok_and(|n| n > 0)
}

fn open_terminal_end(stream: BorrowedFd<'_>) -> Result<OwnedFd, NoTerminal> {
    if isatty(stream) {
        return stream.try_clone_to_owned().map_err(|_| NoTerminal);
    }
    OpenOptions::new().read(true).write(true).open("/dev/tty").map(OwnedFd::from).map_err(|_| NoTerminal)
}

/// Writes to the terminal, each buffer in one system call where the terminal takes it.
#[derive(Debug)]
pub struct TerminalWriter(File);

impl TerminalWriter {
    /// Writes as far as the terminal takes it without waiting.
    pub(super) fn write_without_waiting(&mut self, bytes: &[u8]) -> io::Result<()> {
        // By a handle of its own: the mode of this one is shared with everybody who has the terminal.
        let again = format!("/proc/self/fd/{}", self.0.as_raw_fd());
        let flags = (OFlags::NONBLOCK | OFlags::NOCTTY).bits().cast_signed();
        match OpenOptions::new().write(true).custom_flags(flags).open(again) {
            Ok(mut own) => own.write_all(bytes),
            // Somebody else's terminal, as after `su`.
            Err(e) if e.kind() == io::ErrorKind::PermissionDenied && self.accepts_output() => {
                self.0.write_all(bytes)
            }
            Err(e) => Err(e),
        }
    }

    fn accepts_output(&self) -> bool {
        let mut fds = [PollFd::new(&self.0, PollFlags::OUT)];
        poll(&mut fds, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })).is_ok_and(|n| n > 0)
    }
}

impl io::Write for TerminalWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            match self.0.write(bytes) {
                // Somebody who shares the terminal with us put it into non-blocking mode.
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                    poll(&mut [PollFd::new(&self.0, PollFlags::OUT)], None)?;
                }
                done => return done,
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl AsFd for TerminalWriter {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
