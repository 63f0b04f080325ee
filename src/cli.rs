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
    /// Choice of the server and the session.
    #[command(flatten)]
    pub connect: ConnectArgs,
    /// Settings of the terminal UI.
    #[command(flatten)]
    pub ui: UiArgs,
    /// Command; without one, the terminal UI starts.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// Every command.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Try keyward on this machine: a server with a made-up organization, deleted at the end
    Demo(DemoArgs),
    /// Run the key server in the foreground
    Serve(ServeArgs),
    /// On the server's host: set up the organization, let an admin in again, accept a restored backup
    #[command(subcommand)]
    Admin(AdminCommand),
    /// Copy the server's SQLite database while the server runs
    Backup(BackupArgs),
    /// A command that talks to a server.
    #[command(flatten)]
    Remote(RemoteCommand),
}

/// Commands that need a server, but neither its host nor its database.
#[derive(Subcommand, Debug)]
pub enum RemoteCommand {
    /// Sign in with a code
    Login(LoginArgs),
    /// Sign out: end the session of a profile
    Logout(login::LogoutArgs),
    /// List the profiles
    Profiles(login::ProfilesArgs),
    /// List, show, create, edit and revoke keys
    #[command(subcommand)]
    Keys(keys::KeysCommand),
    /// Replace a key without interrupting the clients that use it
    #[command(subcommand)]
    Rotate(rotate::RotateCommand),
    /// Review stale organization keys: list, keep, apply prepared decisions, export
    #[command(subcommand)]
    Review(review::ReviewCommand),
    /// List, invite and remove members, and change their roles
    #[command(subcommand)]
    Members(members::MembersCommand),
    /// Show who did what to which key
    Activity(activity::ActivityArgs),
    /// List and end your sessions; sign in on another machine
    #[command(subcommand)]
    Sessions(sessions::SessionsCommand),
    /// Check whether a server accepts a key, and if not, why; counts as a use of the key
    Verify(verify::VerifyArgs),
    /// Look up a key and its owner without using it; without a key, show who is signed in
    Whoami(verify::WhoamiArgs),
    /// Diagnose problems with files, server, certificates, session, clock and terminal
    Doctor(doctor::DoctorArgs),
    /// Find keys in files
    Scan(scan::ScanArgs),
    /// Print shell completions
    Completions(completions::CompletionsArgs),
    /// Print the manual page
    Man(completions::ManArgs),
}

/// Runs a command that talks to a server.
///
/// # Errors
/// The command failed; errors of the server name the profile.
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

/// Returns the end of the main help: environment variables and exit codes.
fn after_help() -> String {
    let variables: Vec<String> = crate::config::ENVIRONMENT_VARIABLES
        .iter()
        .map(|(name, what)| format!("  {name:20}  {what}"))
        .collect();
    let exit_codes: Vec<String> =
        ExitCode::ALL.iter().map(|&code| format!("{} {}", code as u8, code.summary())).collect();
    format!(
        "Without a command, keyward starts the terminal UI on the chosen profile.\n\nEnvironment:\n{}\n\n\
        A flag overrides the environment, and the environment overrides the configuration file.\n\n\
        Exit codes: {}, 129, 130, 143 ended by a signal.",
        variables.join("\n"),
        exit_codes.join(", ")
    )
}

/// Returns the main help, for error messages.
pub fn render_help() -> String {
    <Cli as clap::CommandFactory>::command().render_help().to_string()
}

/// Returns the arguments of this process.
pub fn process_arguments() -> Vec<OsString> {
    std::env::args_os().collect()
}
