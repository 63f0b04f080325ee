//! `keyward demo`: a server in this process on a free port, a believable organization in a folder that is gone afterwards, and
//! the terminal UI or a command on top of it.

use std::ffi::OsString;
use std::fs::{File, Permissions};
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::client::Credential;
use crate::clock;
use crate::config::{Config, Environment, ProfileSettings};
use crate::domain::member::Role;
use crate::domain::secret::{Token, TokenKind};
use crate::server::observability::logs;
use crate::server::{RunningServer, StartError};
use crate::store::{OpenStoreError, SetUpError};
use crate::tui::runtime::{self, RunError};
use crate::ui_options::{self, UiSession};

pub mod activity_log;
mod command;
pub mod fixtures;
pub mod keys;
pub mod names;
pub mod organization;
pub mod rng;
mod server;
mod traffic;
pub mod usage_history;

pub use organization::{DemoOrganization, KEYS_MAX};

use command::Signals;
use server::DemoServer;

/// What the demo is to do.
pub struct DemoOptions<'a> {
    /// How many keys the organization has, at most [`KEYS_MAX`].
    pub keys: usize,
    /// As whom to sign in.
    pub role: Role,
    /// What to run on it, a program with its arguments; the terminal UI if empty.
    pub command: Vec<OsString>,
    /// Whether the UI may use neither files nor commands.
    pub restricted: bool,
    /// The user's settings, for the UI.
    pub config: &'a Config,
    /// The user's environment, for the UI.
    pub environment: &'a Environment,
}

/// Why the demo did not run, or not to its end.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// No folder for its data.
    #[error("the demo needs a temporary folder: {0}; set TMPDIR to a place where this user may write")]
    Folder(io::Error),
    /// No port on the loopback interface.
    #[error("the demo needs a port on 127.0.0.1: {0}")]
    Port(io::Error),
    /// The system refuses threads or signals.
    #[error("the demo cannot start: {0}")]
    System(io::Error),
    /// The database.
    #[error("the demo's database cannot be opened: {0}")]
    Open(#[from] OpenStoreError),
    /// The organization.
    #[error("the demo's organization cannot be stored: {0}")]
    Seed(#[from] SetUpError),
    /// The server.
    #[error("the demo's server cannot start: {0}")]
    Start(#[from] StartError),
    /// The server's task is gone.
    #[error("the demo's server failed: {0}")]
    Lost(#[from] tokio::task::JoinError),
    /// The settings of the UI, a sentence for each mistake.
    #[error("{}", .0.join("\n"))]
    Settings(Vec<String>),
    /// The terminal.
    #[error(transparent)]
    Ui(#[from] RunError),
    /// The command.
    #[error("cannot run `{program}`: {why}")]
    Command {
        /// The program's name, safe to show.
        program: String,
        /// What is wrong.
        why: io::Error,
    },
}

impl DemoError {
    /// The exit code: for a command that cannot be run those of the shell.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Settings(_) | Self::Ui(RunError::NoTerminal(_)) => 2,
            Self::Command { why, .. } if why.kind() == io::ErrorKind::NotFound => 127,
            Self::Command { .. } => 126,
            _ => 1,
        }
    }
}

/// Address and session of the demo's user.
struct DemoSession {
    address: SocketAddr,
    token: Token,
}

impl DemoSession {
    fn session(&self, restricted: bool) -> UiSession {
        UiSession {
            address: format!("http://{}", self.address).parse().expect("made of a socket's address"),
            credential: Credential::bearer(self.token.expose()).expect("a token is one word of ASCII"),
            ca_certs: None,
            profile: String::new(),
            settings: ProfileSettings::default(),
            state: None,
            restricted,
        }
    }
}

/// How long the end of the demo may take, before its folder is removed under whatever still runs.
const END: Duration = Duration::from_secs(1);

/// Runs the demo to its end; gives the exit code of the process.
///
/// # Errors
/// See [`DemoError`]. The folder is removed in any case.
pub fn run(options: &DemoOptions<'_>) -> Result<u8, DemoError> {
    let folder = folder().map_err(DemoError::Folder)?;
    log_to(&folder.path().join("demo.log"))?;
    // The port is open before anything else, so that whoever connects while the organization is planted only waits.
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(DemoError::Port)?;
    listener.set_nonblocking(true).map_err(DemoError::Port)?;
    let guest = DemoSession {
        address: listener.local_addr().map_err(DemoError::Port)?,
        token: Token::new(TokenKind::Session, clock::random_bytes()),
    };
    let house = DemoServer {
        data: folder.path().join("keyward.db"),
        listener,
        keys: options.keys.min(KEYS_MAX),
        role: options.role,
        session: TokenKind::Session.digest(guest.token.expose()).expect("a new token is well-formed"),
    };
    let session = guest.session(options.restricted);
    let ui = ui_options::build_options(session, options.config, options.environment)
        .map_err(DemoError::Settings)?;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(DemoError::System)?;
    let opening = runtime.spawn(house.open());
    let result = if options.command.is_empty() {
        runtime.spawn(remove_when_ended(folder.path().to_owned()));
        show(ui, runtime.handle(), opening)
    } else {
        runtime.block_on(command::run(&options.command, &guest, opening))
    };
    runtime.shutdown_timeout(END);
    remove(folder);
    result
}

/// Shows the UI at once, while the server is still being made ready.
fn show(ui: runtime::UiOptions, handle: &Handle, opening: ServerStartup) -> Result<u8, DemoError> {
    let exit = runtime::run(ui, handle)?;
    handle.block_on(async {
        if let Ok(opened) = timeout(END, opening).await {
            // What the server refused with is why there was nothing to see.
            let running = opened??;
            // It is about to lose its database anyhow.
            let _ = timeout(END, running.shutdown()).await;
        }
        Ok(exit.code())
    })
}

/// The UI ends the process soon after a signal, even if it is stuck; the folder must not be left behind then.
async fn remove_when_ended(folder: PathBuf) {
    let Ok(mut signals) = Signals::listen() else { return };
    signals.ending().await;
    tokio::time::sleep(END).await;
    // Best effort: nobody is left to be told.
    let _ = std::fs::remove_dir_all(folder);
}

/// A new folder that nobody else can look into.
fn folder() -> io::Result<TempDir> {
    tempfile::Builder::new().prefix("keyward-demo-").permissions(Permissions::from_mode(0o700)).tempdir()
}

/// Removes the folder, also when something still wrote into it meanwhile.
fn remove(folder: TempDir) {
    let path = folder.path().to_owned();
    if folder.close().is_err() {
        // Nobody is left to be told if this does not help either.
        let _ = std::fs::remove_dir_all(path);
    }
}

/// Everything that the server says goes into the demo's folder.
fn log_to(path: &Path) -> Result<(), DemoError> {
    let file = Arc::new(File::create(path).map_err(DemoError::Folder)?);
    // Where a subscriber is there already (tests), that one stays.
    let _ = tracing::subscriber::set_global_default(logs::subscriber(file, logs::DEFAULT_FILTER));
    Ok(())
}

/// The server that was opened, or why there is none.
type ServerStartup = JoinHandle<Result<RunningServer, DemoError>>;
