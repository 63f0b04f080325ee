//! The open terminal: its input, its output and its size.
//!
//! Start at [`TerminalDevice::open`]. Reads never wait and the file descriptors stay in blocking mode, because the shell and other
//! programs share them.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt as _;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::OFlags;
use rustix::termios::{isatty, tcgetwinsize};

/// Columns and rows that are assumed if the terminal does not report its size, as on serial lines and in some containers.
const DEFAULT_SIZE: (u16, u16) = (80, 24);

/// Error: neither standard input nor standard output is a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "standard input and output are not a terminal: use `ssh -t HOST keyward`, or a command such as `keyward keys list --json`"
)]
pub struct NoTerminal;

/// The terminal's input and output, opened separately from the standard streams.
#[derive(Debug)]
pub struct TerminalDevice {
    input: OwnedFd,
    output: File,
}

impl TerminalDevice {
    /// Opens the terminal on standard input and output. If one of them is redirected, opens `/dev/tty` instead.
    ///
    /// # Errors
    /// Fails if both are redirected, or if `/dev/tty` cannot be opened.
    pub fn open() -> Result<Self, NoTerminal> {
        let (input, output) = (io::stdin(), io::stdout());
        if !isatty(&input) && !isatty(&output) {
            return Err(NoTerminal);
        }
        let input = open_terminal_end(input.as_fd())?;
        let output = File::from(open_terminal_end(output.as_fd())?);
        Ok(Self { input, output })
    }

    /// Returns the file descriptor that key presses are read from.
    pub fn input(&self) -> BorrowedFd<'_> {
        self.input.as_fd()
    }

    /// Opens another handle for writing to the terminal.
    ///
    /// # Errors
    /// Fails if the process has no file descriptors left.
    pub fn writer(&self) -> io::Result<TerminalWriter> {
        self.output.try_clone().map(TerminalWriter)
    }

    /// Returns the terminal's size in columns and rows.
    pub fn size(&self) -> (u16, u16) {
        terminal_size(&self.output)
    }

    /// Reads available input without waiting. Returns `None` if there is none, and `Some(0)` if the terminal has hung up.
    ///
    /// Polls before each read, because the descriptor is shared with other programs and must stay in blocking mode.
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

/// Returns the size of a terminal in columns and rows.
pub(super) fn terminal_size(terminal: impl AsFd) -> (u16, u16) {
    tcgetwinsize(terminal)
        .ok()
        .map(|size| (size.ws_col, size.ws_row))
        .filter(|&(columns, rows)| columns > 0 && rows > 0)
        .unwrap_or(DEFAULT_SIZE)
}

/// Returns whether the terminal has hung up, that is, whether its other end is closed.
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

/// Unbuffered writer to the terminal. Each write is one system call, unless the terminal accepts only a part of it.
#[derive(Debug)]
pub struct TerminalWriter(File);

impl TerminalWriter {
    /// Writes without waiting for the terminal. Bytes that it does not accept immediately are dropped.
    pub(super) fn write_without_waiting(&mut self, bytes: &[u8]) -> io::Result<()> {
        // A new file description, because the mode of the existing one is shared with every process on this terminal.
        let path = format!("/proc/self/fd/{}", self.0.as_raw_fd());
        let flags = (OFlags::NONBLOCK | OFlags::NOCTTY).bits().cast_signed();
        match OpenOptions::new().write(true).custom_flags(flags).open(path) {
            Ok(mut nonblocking) => nonblocking.write_all(bytes),
            // The terminal belongs to another user, for example after `su`.
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
                // Another process on this terminal put it into non-blocking mode.
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
