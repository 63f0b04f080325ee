//! Runs the screens on a real terminal: what they are started with, and how they end. The loop itself is `work`.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use tokio::runtime::Handle;

use super::app::Model;
use super::context::StartOptions;
use super::keymap::Keymap;
use super::msg::Effect;
use super::theme::Theme;
use super::ui_model::UiModel;
use super::welcome::{Welcome, WelcomeChoice};
use crate::client::state::StateFolder;
use crate::client::{self, Credential, ServerAddress};
use crate::clock::Clock;
use crate::secret_delivery::clipboard::Clipboard;
use crate::terminal::capabilities::{Capabilities, TerminalEnv};
use crate::terminal::device::{NoTerminal, TerminalDevice};

pub mod api;
mod delivery;
mod drafts;
mod effects;
mod event_loop;
pub mod saved_state;
mod signals;
mod timer;

use event_loop::EventLoop;

/// What the UI is started with.
pub struct Options {
    /// The server.
    pub address: ServerAddress,
    /// As whom it is asked.
    pub credential: Credential,
    /// How it is reached.
    pub client: client::ClientOptions,
    /// The profile's name; empty for one that has none. A session is kept under it.
    pub profile: String,
    /// Whether the profile is marked as production.
    pub production: bool,
    /// Whether nothing may be changed.
    pub read_only: bool,
    /// Whether files and commands are out of reach.
    pub restricted: bool,
    /// The look.
    pub theme: Theme,
    /// The keys.
    pub keymap: Keymap,
    /// Time between two requests for changed keys.
    pub refresh_interval: Duration,
    /// What the environment says about the terminal.
    pub hints: TerminalEnv,
    /// What the terminal is given.
    pub capabilities: Capabilities,
    /// How copies are made.
    pub clipboard: Clipboard,
    /// Where records are kept; nothing keeps none.
    pub state: Option<StateFolder>,
    /// What `~` stands for in names of files.
    pub home: Option<PathBuf>,
    /// The names of environment variables that no program started from here may see.
    pub private_variables: Vec<String>,
    /// The time for records.
    pub clock: Clock,
}

/// How the UI ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UiExit {
    /// As asked for.
    Quit,
    /// By a signal of this number, or, with that of SIGHUP, since the terminal was gone.
    Signal(i32),
}

impl UiExit {
    /// The exit code of the process.
    pub fn code(self) -> u8 {
        match self {
            Self::Quit => 0,
            Self::Signal(number) => u8::try_from(128 + number).unwrap_or(1),
        }
    }
}

/// Why the UI did not run.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// No terminal; exit code 2.
    #[error(transparent)]
    NoTerminal(#[from] NoTerminal),
    /// The system refuses something.
    #[error("the terminal cannot be used: {0}")]
    Io(#[from] io::Error),
}

/// Runs the UI on this thread until it ends. `handle`: of a multi-threaded runtime, where effects are carried out.
///
/// # Errors
/// There is no terminal, or the system refuses it to us.
pub fn run(options: Options, handle: &Handle) -> Result<UiExit, RunError> {
    Ok(play(options, handle, Model::new)?.0)
}

/// Runs the first screen, for who is signed in nowhere yet; `options.address` is not asked. What was chosen, if anything.
///
/// # Errors
/// As [`run`].
pub fn first(options: Options, handle: &Handle) -> Result<(UiExit, Option<WelcomeChoice>), RunError> {
    let (exit, first) = play(options, handle, Welcome::new)?;
    Ok((exit, first.chosen))
}

fn play<S: UiModel>(
    options: Options,
    handle: &Handle,
    open: impl FnOnce(StartOptions) -> (S, Vec<Effect>),
) -> Result<(UiExit, S), RunError> {
    let device = TerminalDevice::open()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (exit, stage) =
        runtime.block_on(async { EventLoop::start(options, device, handle, open)?.run().await })?;
    if let UiExit::Signal(number) = exit {
        signals::end_soon(handle, number);
    }
    Ok((exit, stage))
}
