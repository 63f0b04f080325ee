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

/// Settings of one run of the demo.
pub struct DemoOptions<'a> {
    /// Number of keys in the organization, at most 100,000.
    pub keys: usize,
    /// Role of the signed-in member.
    pub role: Role,
    /// Program to run on the demo, with its arguments; the terminal UI if empty.
    pub command: Vec<OsString>,
    /// The UI may use neither files nor commands.
    pub restricted: bool,
    /// Settings of the UI.
    pub config: &'a Config,
    /// Environment of the UI.
    pub environment: &'a Environment,
}

/// The reason why the demo did not run, or not to its end.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// No temporary folder can be created.
    #[error("The demo needs a temporary folder: {0}. Set TMPDIR to a folder that you may write to.")]
    Folder(io::Error),
    /// No port on the loopback interface is available.
    #[error("The demo needs a port on 127.0.0.1: {0}.")]
    Port(io::Error),
    /// The system refuses threads or signal handlers.
    #[error("The demo cannot start: {0}.")]
    System(io::Error),
    /// The database cannot be opened.
    #[error("The database of the demo cannot be opened: {0}")]
    Open(#[from] OpenStoreError),
    /// The organization cannot be stored.
    #[error("The organization of the demo cannot be stored: {0}")]
    Seed(#[from] SetUpError),
    /// The server cannot start.
    #[error("The server of the demo cannot start: {0}")]
    Start(#[from] StartError),
    /// The task of the server ended.
    #[error("The server of the demo failed: {0}.")]
    ServerLost(#[from] tokio::task::JoinError),
    /// The settings of the UI have mistakes, a sentence each.
    #[error("{}", .0.join("\n"))]
    Settings(Vec<String>),
    /// The terminal UI failed.
    #[error(transparent)]
    Ui(#[from] RunError),
    /// The command cannot be run.
    #[error("`{program}` cannot be run: {error}.")]
    Command {
        /// Name of the program, sanitized.
        program: String,
        /// Reason of the operating system.
        error: io::Error,
    },
}

impl DemoError {
    /// Returns the exit code. A command that cannot be run has the code that a shell would return.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Settings(_) | Self::Ui(RunError::NoTerminal(_)) => 2,
            Self::Command { error, .. } if error.kind() == io::ErrorKind::NotFound => 127,
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

/// Time that the demo has to shut down, before its folder is removed in any case.
const SHUTDOWN_LIMIT: Duration = Duration::from_secs(1);

/// Runs the demo to its end and returns the exit code of the process.
///
/// # Errors
/// The demo did not start, or failed. The folder is removed in any case.
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
        session: TokenKind::Session.digest(session.token.expose()).expect("a new token is well-formed"),
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
    runtime.shutdown_timeout(SHUTDOWN_LIMIT);
    remove_folder(folder);
    result
}

/// Runs the UI at once, while the server is still starting.
fn run_ui(ui: runtime::UiOptions, handle: &Handle, startup: ServerStartup) -> Result<u8, DemoError> {
    let exit = runtime::run(ui, handle)?;
    handle.block_on(async {
        if let Ok(started) = timeout(SHUTDOWN_LIMIT, startup).await {
            // An error of the server explains why the UI showed nothing.
            let running = started??;
            let _ = timeout(SHUTDOWN_LIMIT, running.shutdown()).await;
        }
        Ok(exit.code())
    })
}

/// Removes the folder after a signal. The UI ends the process soon after a signal, even if it hangs, and leaves no time for it.
async fn remove_folder_after_signal(folder: PathBuf) {
    let Ok(mut signals) = Signals::listen() else { return };
    signals.next_ending().await;
    tokio::time::sleep(SHUTDOWN_LIMIT).await;
    // Best effort: the process is about to end.
    let _ = std::fs::remove_dir_all(folder);
}

/// Creates a temporary folder that only the user can read.
fn create_folder() -> io::Result<TempDir> {
    tempfile::Builder::new().prefix("keyward-demo-").permissions(Permissions::from_mode(0o700)).tempdir()
}

/// Removes the folder, also if something was written into it in the meantime.
fn remove_folder(folder: TempDir) {
    let path = folder.path().to_owned();
    if folder.close().is_err() {
        // Best effort: the process is about to end.
        let _ = std::fs::remove_dir_all(path);
    }
}

/// Directs the logs of the server to a file in the demo's folder.
fn write_logs_to(path: &Path) -> Result<(), DemoError> {
    let file = Arc::new(File::create(path).map_err(DemoError::Folder)?);
    // In tests, a subscriber may be installed already; that one stays.
    let _ = tracing::subscriber::set_global_default(logs::subscriber(file, logs::DEFAULT_FILTER));
    Ok(())
}

/// The task that starts the server.
type ServerStartup = JoinHandle<Result<RunningServer, DemoError>>;
