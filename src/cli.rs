//! The commands: the actions of the terminal UI for scripts, cron jobs and slow connections.
//!
//! Start reading at [`Cli`] for the command line and [`run_remote`] for the commands that talk to a server. Data goes to standard
//! output, messages to standard error. Exit codes are those of [`error::ExitCode`]. A command never imports the terminal UI.

use std::ffi::OsString;

use clap::{Parser, Subcommand};

mod activity;
mod completions;
pub mod connect;
mod doctor;
pub mod error;
pub mod json_docs;
mod keys;
mod login;
mod members;
pub mod output;
mod parse;
mod prompt;
mod review;
mod rotate;
mod scan;
mod secret_output;
mod server_args;
mod sessions;
pub mod terminal;
mod time_arg;
mod ui;
mod verify;
mod words;

pub use connect::{CommandContext, ConnectArgs};
pub use error::{CommandError, ExitCode};
pub use login::LoginArgs;
pub use parse::parse_arguments;
pub use server_args::{AdminCommand, BackupArgs, DatabaseArgs, DemoArgs, ServeArgs};
pub use ui::UiArgs;

/// Administer API keys: find unused ones, revoke them safely, and rotate the ones that matter.
#[derive(Parser, Debug)]
#[command(
    name = "keyward",
    version,
    about,
    after_help = after_help(),
    max_term_width = 100
)]
pub struct Cli {
    /// Flags that select the server and the session.
    #[command(flatten)]
    pub connect: ConnectArgs,
    /// Flags that control how the terminal UI looks and what it may do.
    #[command(flatten)]
    pub ui: UiArgs,
    /// Command to run; `None` starts the terminal UI.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// All commands of the `keyward` program.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Try keyward with made-up data on a temporary server on this machine
    Demo(DemoArgs),
    /// Run the keyward server in the foreground
    Serve(ServeArgs),
    /// Administer a server from its host: set up the organization, restore admin access, accept a restored backup
    #[command(subcommand)]
    Admin(AdminCommand),
    /// Back up the server's SQLite database while the server is running
    Backup(BackupArgs),
    /// Commands that need no access to the server's database.
    #[command(flatten)]
    Remote(RemoteCommand),
}

/// Commands that need no access to the server's database: most call the HTTP API, a few run without a server.
#[derive(Subcommand, Debug)]
pub enum RemoteCommand {
    /// Sign in with a code
    Login(LoginArgs),
    /// Sign out of a profile and end its session
    Logout(login::LogoutArgs),
    /// List your profiles
    Profiles(login::ProfilesArgs),
    /// List, show, create, edit and revoke keys
    #[command(subcommand)]
    Keys(keys::KeysCommand),
    /// Replace a key without interrupting the clients that use it
    #[command(subcommand)]
    Rotate(rotate::RotateCommand),
    /// Review stale organization keys: list them, keep some, apply drafted decisions, export decisions
    #[command(subcommand)]
    Review(review::ReviewCommand),
    /// List, invite and remove members, and change their roles
    #[command(subcommand)]
    Members(members::MembersCommand),
    /// Show who did what to which key
    Activity(activity::ActivityArgs),
    /// List or end your sessions, or print a code to sign in on another machine
    #[command(subcommand)]
    Sessions(sessions::SessionsCommand),
    /// Check whether a server accepts a key, and if not, why (counts as a use of the key)
    Verify(verify::VerifyArgs),
    /// Look up a key without using it, or show who is signed in
    Whoami(verify::WhoamiArgs),
    /// Diagnose problems with files, the connection, the session, the clock and the terminal
    Doctor(doctor::DoctorArgs),
    /// Find leaked keys in files
    Scan(scan::ScanArgs),
    /// Print a shell completion script
    Completions(completions::CompletionsArgs),
    /// Print the manual page
    Man(completions::ManArgs),
}

/// Runs the command and returns its exit code.
///
/// # Errors
/// Fails if the command fails. The message names the profile if the command talks to a server.
pub async fn run_remote(command: RemoteCommand, context: &CommandContext) -> Result<ExitCode, CommandError> {
    let is_local = matches!(
        command,
        RemoteCommand::Scan(_)
            | RemoteCommand::Completions(_)
            | RemoteCommand::Man(_)
            | RemoteCommand::Profiles(_)
    );
    let result = dispatch(command, context).await;
    if is_local { result } else { result.map_err(|error| context.name_profile(error)) }
}

async fn dispatch(command: RemoteCommand, context: &CommandContext) -> Result<ExitCode, CommandError> {
    match command {
        RemoteCommand::Login(args) => login::login(args, context).await,
        RemoteCommand::Logout(args) => login::logout(&args, context).await,
        RemoteCommand::Profiles(args) => login::profiles(&args, context),
        RemoteCommand::Keys(command) => keys::run(command, context).await,
        RemoteCommand::Rotate(command) => rotate::run(command, context).await,
        RemoteCommand::Review(command) => review::run(command, context).await,
        RemoteCommand::Members(command) => members::run(command, context).await,
        RemoteCommand::Activity(args) => activity::run(args, context).await,
        RemoteCommand::Sessions(command) => sessions::run(command, context).await,
        RemoteCommand::Verify(args) => verify::verify(args, context).await,
        RemoteCommand::Whoami(args) => verify::whoami(args, context).await,
        RemoteCommand::Doctor(args) => doctor::run(args, context).await,
        RemoteCommand::Scan(args) => scan::run(&args, context),
        RemoteCommand::Completions(args) => completions::completions(&args),
        RemoteCommand::Man(args) => completions::man(&args),
    }
}

/// Returns the text at the end of `keyward --help`: environment variables and exit codes.
fn after_help() -> String {
    let variables: Vec<String> = crate::config::ENVIRONMENT_VARIABLES
        .iter()
        .map(|(name, what)| format!("  {name:20}  {what}"))
        .collect();
    let exit_codes: Vec<String> =
        ExitCode::ALL.iter().map(|&code| format!("{} {}", code as u8, code.summary())).collect();
    format!(
        "Without a command, keyward starts the terminal UI with the selected profile.\n\nEnvironment:\n{environment}\n\n\
        A flag overrides the environment, and the environment overrides the configuration file.\n\n\
        Exit codes: {exit_codes}; 129, 130 or 143 if ended by a signal.",
        environment = variables.join("\n"),
        exit_codes = exit_codes.join(", ")
    )
}

/// Returns the text of `keyward -h`, to append to an error message.
pub fn render_help() -> String {
    <Cli as clap::CommandFactory>::command().render_help().to_string()
}

/// Returns the command line of this process, including the program name.
pub fn process_arguments() -> Vec<OsString> {
    std::env::args_os().collect()
}
