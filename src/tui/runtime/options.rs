//! The options of the UI on a real terminal, and how it ends.

use std::path::PathBuf;
use std::time::Duration;

use crate::client::state::StateFolder;
use crate::client::{ClientOptions, Credential, ServerAddress};
use crate::clock::Clock;
use crate::secret_delivery::clipboard::Clipboard;
use crate::terminal::capabilities::{Capabilities, TerminalEnv};
use crate::tui::keymap::Keymap;
use crate::tui::theme::Theme;

/// Options for running the UI.
pub struct UiOptions {
    /// Address of the server.
    pub address: ServerAddress,
    /// Credential that requests are sent with.
    pub credential: Credential,
    /// Certificates and timeouts for connections.
    pub client: ClientOptions,
    /// Name of the profile, under which the session and the drafts are stored; empty if there is none.
    pub profile: String,
    /// Whether the profile is marked as production, which colours the header.
    pub production: bool,
    /// Whether actions that change something are unavailable (`--read-only`).
    pub read_only: bool,
    /// Whether the UI must not write files or start commands (`--restricted`).
    pub restricted: bool,
    /// Colours and symbols.
    pub theme: Theme,
    /// Key bindings.
    pub keymap: Keymap,
    /// Interval between requests for changed keys.
    pub refresh_interval: Duration,
    /// Environment variables that describe the terminal.
    pub hints: TerminalEnv,
    /// Capabilities of the terminal.
    pub capabilities: Capabilities,
    /// How text is copied to the clipboard.
    pub clipboard: Clipboard,
    /// Folder for sessions, drafts and unfinished creates. If `None`, nothing is stored.
    pub state: Option<StateFolder>,
    /// The home folder, for `~/` in paths.
    pub home: Option<PathBuf>,
    /// Names of environment variables that are hidden from commands started by the UI.
    pub private_variables: Vec<String>,
    /// Clock for the timestamps in stored records.
    pub clock: Clock,
}

/// How the UI ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UiExit {
    /// The user quit.
    Quit,
    /// The signal with this number arrived, or the terminal is gone (reported as SIGHUP).
    Signal(i32),
}

impl UiExit {
    /// Returns the exit code of the process: 0, or 128 plus the signal number.
    pub fn code(self) -> u8 {
        match self {
            Self::Quit => 0,
            Self::Signal(number) => u8::try_from(128 + number).unwrap_or(1),
        }
    }
}
