//! The reasons why a delivery fails, and their messages.

use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

/// The reason why a delivery failed. The messages are full sentences that also say what to do. Paths and program names come from
/// the user and may contain control characters.
#[derive(Debug, thiserror::Error)]
pub enum DeliveryError {
    /// The file already exists.
    #[error("{} already exists and is never overwritten. Choose another file.", path.display())]
    FileExists {
        /// Path of the file, as the user entered it.
        path: PathBuf,
    },
    /// The path is a folder, not a file.
    #[error("{} is a folder. Give the path of a new file inside it.", path.display())]
    IsFolder {
        /// Path of the folder, as the user entered it.
        path: PathBuf,
    },
    /// The parent folder does not exist.
    #[error("The folder of {} does not exist. Create it first, or choose another path.", path.display())]
    FolderMissing {
        /// Path of the file, as the user entered it.
        path: PathBuf,
    },
    /// The file cannot be created, written or synced. If it was created, it was also removed.
    #[error("{} cannot be written: {error}. Choose another file.", path.display())]
    FileNotWritten {
        /// Path of the file, as the user entered it.
        path: PathBuf,
        /// The operating system's error.
        error: io::Error,
    },
    /// The command line has no words.
    #[error("The command is empty. Enter a program and its arguments.")]
    CommandEmpty,
    /// A quote in the command line is not closed.
    #[error("A quote in the command is not closed. Close it, or escape it with a backslash.")]
    UnclosedQuote,
    /// The program was not found, neither as a file nor in `PATH`.
    #[error("The program `{program}` was not found. Check that it is installed and in PATH.")]
    CommandNotFound {
        /// The program, as the user entered it.
        program: String,
    },
    /// The program exists but cannot be started.
    #[error("`{program}` cannot be started: {error}.")]
    CommandNotStarted {
        /// The program, as the user entered it.
        program: String,
        /// The operating system's error.
        error: io::Error,
    },
    /// The program exited with an error, or was killed by a signal.
    #[error("`{program}` failed ({status}).{}", if program == "tmux" { " Copying needs tmux 3.2 or newer." } else { "" })]
    CommandFailed {
        /// The program, as the user entered it.
        program: String,
        /// The program's exit status, or the signal that killed it.
        status: ExitStatus,
    },
    /// The program exited successfully, but did not read all of its input.
    #[error("`{program}` exited without reading its input.")]
    InputNotRead {
        /// The program, as the user entered it.
        program: String,
    },
    /// The program exceeded its time limit and was killed.
    #[error("`{program}` did not finish within {} s and was stopped.", limit.as_secs())]
    CommandTimedOut {
        /// The program, as the user entered it.
        program: String,
        /// The time limit that was exceeded.
        limit: Duration,
    },
    /// Copying is turned off in the configuration.
    #[error(
        "Copying is turned off (`clipboard = \"off\"` in keyward.toml). Write the text to a file, or pipe it into a command."
    )]
    ClipboardOff,
    /// The text is longer than terminals accept.
    #[error(
        "Nothing was copied: the text is {kib} KiB long, but terminals accept at most {max_kib} KiB. Copy fewer rows, or write them to a \
         file: `keyward keys list --json > FILE`."
    )]
    TextTooLong {
        /// Length of the text in KiB, rounded up.
        kib: usize,
        /// Length of the longest text that can be copied, in KiB.
        max_kib: usize,
    },
    /// Standard output cannot be written.
    #[error("Cannot write to standard output: {0}.")]
    StdoutNotWritten(io::Error),
    /// The reader of the pipe closed it before it had read the secret.
    #[error("The pipe was closed before the secret was read.")]
    PipeNotRead,
}
