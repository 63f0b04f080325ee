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

/// The options of the UI.
pub struct UiOptions {
    /// Address of the server.
    pub address: ServerAddress,
    /// Credential of the session or key that requests are made with.
    pub credential: Credential,
    /// Certificates and timeouts of the connection.
    pub client: ClientOptions,
    /// Name of the profile, under which the session and the drafts are stored; empty if there is none.
    pub profile: String,
    /// Whether the profile is marked as production, which colours the header.
    pub production: bool,
    /// Whether the UI changes nothing (`--read-only`).
    pub read_only: bool,
    /// Whether files and commands are out of reach (`--restricted`).
    pub restricted: bool,
    /// Colours and symbols.
    pub theme: Theme,
    /// Key bindings.
    pub keymap: Keymap,
    /// Time between two requests for changed keys.
    pub refresh_interval: Duration,
    /// The environment variables that describe the terminal.
    pub hints: TerminalEnv,
    /// What the terminal supports.
    pub capabilities: Capabilities,
    /// How texts are copied to the clipboard.
    pub clipboard: Clipboard,
    /// Folder for sessions, drafts and unfinished creates; `None` stores nothing.
    pub state: Option<StateFolder>,
    /// The home folder, for `~/` in paths.
    pub home: Option<PathBuf>,
    /// Names of environment variables that commands started from here must not see.
    pub private_variables: Vec<String>,
    /// Clock for stored records.
    pub clock: Clock,
}

/// How the UI ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UiExit {
    /// The user quit.
    Quit,
    /// By the signal of this number; that of SIGHUP if the terminal is gone.
    Signal(i32),
}

impl UiExit {
    /// The exit code of the process: 0, or 128 plus the number of the signal.
    pub fn code(self) -> u8 {
        match self {
            Self::Quit => 0,
            Self::Signal(number) => u8::try_from(128 + number).unwrap_or(1),
        }
    }
}
