//! The one list of reasons why a delivery fails, and their messages.

use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

/// The reason why a delivery failed, with what to do about it, in full sentences. Paths and program names come from the user
/// and may hold control characters.
#[derive(Debug, thiserror::Error)]
pub enum DeliveryError {
    /// The file exists.
    #[error("{} exists and is never overwritten. Name another file.", path.display())]
    FileExists {
        /// The file as the user named it.
        path: PathBuf,
    },
    /// The path names a folder.
    #[error("{} is a folder. Name a new file in it.", path.display())]
    IsFolder {
        /// The folder as the user named it.
        path: PathBuf,
    },
    /// The parent folder does not exist.
    #[error("The folder of {} does not exist. Create it first, or name another file.", path.display())]
    FolderMissing {
        /// The file as the user named it.
        path: PathBuf,
    },
    /// The file cannot be created, written or synced. It was removed again.
    #[error("{} cannot be written: {error}. Name another file.", path.display())]
    FileNotWritten {
        /// The file as the user named it.
        path: PathBuf,
        /// The system's reason.
        error: io::Error,
    },
    /// The command line has no words.
    #[error("The command is empty. Name a program and its arguments.")]
    CommandEmpty,
    /// The command line has an odd number of quotes.
    #[error("A quote in the command is not closed.")]
    UnclosedQuote,
    /// The program is neither a file nor in `PATH`.
    #[error("There is no command `{program}`. Check that it is installed and in PATH.")]
    CommandNotFound {
        /// The program as the user named it.
        program: String,
    },
    /// The program exists and cannot be run.
    #[error("`{program}` cannot be started: {error}.")]
    CommandNotStarted {
        /// The program as the user named it.
        program: String,
        /// The system's reason.
        error: io::Error,
    },
    /// The program ended with an error.
    #[error("`{program}` failed ({status}).{}", if program == "tmux" { " Copying needs tmux 3.2 or newer." } else { "" })]
    CommandFailed {
        /// The program as the user named it.
        program: String,
        /// Its exit status, or the signal that ended it.
        status: ExitStatus,
    },
    /// The program ended successfully without reading its whole input.
    #[error("`{program}` did not read what it was given.")]
    InputNotRead {
        /// The program as the user named it.
        program: String,
    },
    /// The program ran for too long and was killed.
    #[error("`{program}` did not end within {} s.", limit.as_secs())]
    CommandTimedOut {
        /// The program as the user named it.
        program: String,
        /// The time that it had.
        limit: Duration,
    },
    /// Copying is turned off in the configuration.
    #[error(
        "Copying is turned off (`clipboard = \"off\"` in keyward.toml). Write it to a file, or pipe it into a command."
    )]
    ClipboardOff,
    /// The text is longer than terminals accept.
    #[error(
        "Nothing was copied: this is {kib} KiB, and a terminal takes {max_kib} KiB at most. Copy fewer rows, or write them to a \
         file: `keyward keys list --json > FILE`."
    )]
    TextTooLong {
        /// Length of the text, rounded up to KiB.
        kib: usize,
        /// Maximum length in KiB.
        max_kib: usize,
    },
    /// Standard output cannot be written.
    #[error("Standard output cannot be written: {0}.")]
    StdoutNotWritten(io::Error),
    /// The reader of standard output went away before it read the secret.
    #[error("The pipe is broken: nobody read it.")]
    PipeNotRead,
}
