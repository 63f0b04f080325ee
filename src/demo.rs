//! `keyward demo`: runs a server in this process on a free port, with a made-up organization in a temporary folder, and the terminal
//! UI or a command on top of it.
//!
//! Start reading at [`run`]. `fixtures` and `keys` hold the data, `organization` generates the rest from a seed, `server` stores it,
//! and `traffic` uses the keys while the demo runs.

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

mod activity_log;
mod command;
mod fixtures;
mod keys;
mod names;
mod organization;
mod rng;
mod server;
mod traffic;
mod usage_history;

use command::Signals;
use organization::KEYS_MAX;
use server::DemoServer;

/// Options of `keyward demo`.
pub struct DemoOptions<'a> {
    /// Number of keys to generate, at most 100,000.
    pub keys: usize,
    /// Role of the member whom the demo signs in.
    pub role: Role,
    /// Command to run instead of the terminal UI, with its arguments; empty for the UI.
    pub command: Vec<OsString>,
    /// Whether the terminal UI is forbidden to use files and external programs (`--restricted`).
    pub restricted: bool,
    /// Settings of the terminal UI.
    pub config: &'a Config,
    /// Environment variables, which tell the UI what the terminal supports.
    pub environment: &'a Environment,
}

/// The reason why the demo could not start, or ended early.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// No temporary folder can be created.
    #[error("The demo cannot create a temporary folder: {0}. Set TMPDIR to a folder that you can write to.")]
    Folder(io::Error),
    /// No port on the loopback interface can be opened.
    #[error("The demo cannot open a port on 127.0.0.1: {0}.")]
    Port(io::Error),
    /// The operating system refused to create threads or signal handlers.
    #[error("The demo cannot start: {0}.")]
    System(io::Error),
    /// The demo's database cannot be opened.
    #[error("The demo's database cannot be opened: {0}")]
    Open(#[from] OpenStoreError),
    /// The generated organization could not be stored.
    #[error("The demo's organization could not be stored: {0}")]
    Seed(#[from] SetUpError),
    /// The demo's server could not start.
    #[error("The demo's server could not start: {0}")]
    Start(#[from] StartError),
    /// The task that runs the demo's server ended unexpectedly.
    #[error("The demo's server failed: {0}.")]
    ServerLost(#[from] tokio::task::JoinError),
    /// The settings of the terminal UI contain mistakes, described in one sentence each.
    #[error("{}", .0.join("\n"))]
    Settings(Vec<String>),
    /// The terminal UI failed.
    #[error(transparent)]
    Ui(#[from] RunError),
    /// The command given to `keyward demo` cannot be run.
    #[error("`{program}` cannot be run: {error}.")]
    Command {
        /// Name of the program, without control characters.
        program: String,
        /// Error from the operating system.
        error: io::Error,
    },
}

impl DemoError {
    /// Returns the exit code of the process. If a command cannot be run, this is the code that a shell would return.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Settings(_) | Self::Ui(RunError::NoTerminal(_)) => 2,
            Self::Command { error, .. } if error.kind() == io::ErrorKind::NotFound => 127,
            Self::Command { .. } => 126,
            _ => 1,
        }
    }
}

/// Server address and session token of the member whom the demo signs in.
struct DemoSession {
    address: SocketAddr,
    token: Token,
}

impl DemoSession {
    fn ui_session(&self, restricted: bool) -> UiSession {
        UiSession {
            address: format!("http://{}", self.address)
                .parse()
                .expect("a URL with a socket address is valid"),
            credential: Credential::bearer(self.token.expose())
                .expect("a session token is a valid header value"),
            ca_certs: None,
            profile: String::new(),
            settings: ProfileSettings::default(),
            state: None,
            restricted,
        }
    }
}

/// Time limit for shutting down the demo, after which its folder is removed anyway.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(1);

/// Runs the demo until the UI or the command ends, and returns the exit code of the process.
///
/// # Errors
/// Fails if the demo cannot start or ends early. Its folder is removed in any case.
pub fn run(options: &DemoOptions<'_>) -> Result<u8, DemoError> {
    let folder = create_folder().map_err(DemoError::Folder)?;
    write_logs_to(&folder.path().join("demo.log"))?;
    // The port is open first, so that clients that connect while the organization is generated wait instead of failing.
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(DemoError::Port)?;
    listener.set_nonblocking(true).map_err(DemoError::Port)?;
    let session = DemoSession {
        address: listener.local_addr().map_err(DemoError::Port)?,
        token: Token::new(TokenKind::Session, clock::random_bytes()),
    };
    let server = DemoServer {
        data: folder.path().join("keyward.db"),
        listener,
        keys: options.keys.min(KEYS_MAX),
        role: options.role,
        session: TokenKind::Session.digest(session.token.expose()).expect("new tokens are well-formed"),
    };
    let ui_session = session.ui_session(options.restricted);
    let ui = ui_options::build_options(ui_session, options.config, options.environment)
        .map_err(DemoError::Settings)?;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(DemoError::System)?;
    let startup = runtime.spawn(server.start());
    let result = if options.command.is_empty() {
        runtime.spawn(remove_folder_after_signal(folder.path().to_owned()));
        run_ui(ui, runtime.handle(), startup)
    } else {
        runtime.block_on(command::run(&options.command, &session, startup))
    };
    runtime.shutdown_timeout(SHUTDOWN_TIMEOUT);
    remove_folder(folder);
    result
}

/// Runs the terminal UI immediately, while the server is still starting.
fn run_ui(ui: runtime::UiOptions, handle: &Handle, startup: ServerStartup) -> Result<u8, DemoError> {
    let exit = runtime::run(ui, handle)?;
    handle.block_on(async {
        if let Ok(started) = timeout(SHUTDOWN_TIMEOUT, startup).await {
            // An error of the server explains why the UI showed nothing.
            let running = started??;
            let _ = timeout(SHUTDOWN_TIMEOUT, running.shutdown()).await;
        }
        Ok(exit.code())
    })
}

/// Waits for a signal, and removes the folder soon after. The UI ends the process after a signal without returning from `run`,
/// so the folder would otherwise be left behind.
async fn remove_folder_after_signal(folder: PathBuf) {
    let Ok(mut signals) = Signals::listen() else { return };
    signals.next_ending_signal().await;
    tokio::time::sleep(SHUTDOWN_TIMEOUT).await;
    // Best effort: the process is about to end.
    let _ = std::fs::remove_dir_all(folder);
}

/// Creates a temporary folder that only the user can read.
fn create_folder() -> io::Result<TempDir> {
    tempfile::Builder::new().prefix("keyward-demo-").permissions(Permissions::from_mode(0o700)).tempdir()
}

/// Removes the folder, even if the server has just written another file to it.
fn remove_folder(folder: TempDir) {
    let path = folder.path().to_owned();
    if folder.close().is_err() {
        // Best effort: the process is about to end.
        let _ = std::fs::remove_dir_all(path);
    }
}

/// Directs the server's logs to a file in the demo's folder.
fn write_logs_to(path: &Path) -> Result<(), DemoError> {
    let file = Arc::new(File::create(path).map_err(DemoError::Folder)?);
    // In tests, a subscriber may be installed already; that one stays.
    let _ = tracing::subscriber::set_global_default(logs::subscriber(file, logs::DEFAULT_FILTER));
    Ok(())
}

/// Handle of the task that starts the demo's server.
type ServerStartup = JoinHandle<Result<RunningServer, DemoError>>;
