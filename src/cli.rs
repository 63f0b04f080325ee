//! The commands: the same actions as in the terminal UI, for scripts, cron jobs and bad connections.
//!
//! Data goes to standard output, messages to standard error. Exit codes are those of [`error::ExitCode`].

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

pub use connect::{CommandContext, ConnectArgs};
pub use error::{CommandError, ExitCode};
pub use login::LoginArgs;
pub use parse::parse_arguments;
pub use server_args::{AdminCommand, BackupArgs, DatabaseArgs, DemoArgs, ServeArgs};
pub use ui::UiArgs;

/// Administer API keys: see which are dead weight, clear them out, rotate the ones that matter.
#[derive(Parser, Debug)]
#[command(
    name = "keyward",
    version,
    about,
    after_help = after_help(),
    max_term_width = 100
)]
pub struct Cli {
    /// Which server, and as whom.
    #[command(flatten)]
    pub connect: ConnectArgs,
    /// How the terminal UI looks.
    #[command(flatten)]
    pub ui: UiArgs,
    /// What to do.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// All commands.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Try everything on this machine: a server with a believable organization, gone when it ends
    Demo(DemoArgs),
    /// Run the key server in the foreground
    Serve(ServeArgs),
    /// On the server's host: set up the organization, rescue, accept a restored backup
    #[command(subcommand)]
    Admin(AdminCommand),
    /// Copy the server's SQLite database while it runs
    Backup(BackupArgs),
    /// Commands that talk to a server.
    #[command(flatten)]
    Remote(RemoteCommand),
}

/// Commands that need nothing but a server to talk to.
#[derive(Subcommand, Debug)]
pub enum RemoteCommand {
    /// Sign in with a code
    Login(LoginArgs),
    /// End the session of a profile
    Logout(login::LogoutArgs),
    /// List the profiles
    Profiles(login::ProfilesArgs),
    /// List, show, create, edit and revoke keys
    #[command(subcommand)]
    Keys(keys::KeysCommand),
    /// Replace a key without cutting off what uses it
    #[command(subcommand)]
    Rotate(rotate::RotateCommand),
    /// Stale organization keys: list, keep, apply what was prepared, export
    #[command(subcommand)]
    Review(review::ReviewCommand),
    /// List, invite, re-role and remove members
    #[command(subcommand)]
    Members(members::MembersCommand),
    /// Who did what to which key
    Activity(activity::ActivityArgs),
    /// Where you are signed in; sign in on another machine
    #[command(subcommand)]
    Sessions(sessions::SessionsCommand),
    /// Is this key good, and if not, why? Counts as a use of the key
    Verify(verify::VerifyArgs),
    /// Which key is this, and whose? No use of the key. Without a key: who is signed in
    Whoami(verify::WhoamiArgs),
    /// Find what is wrong: files, server, certificates, session, clock, terminal
    Doctor(doctor::DoctorArgs),
    /// Find keys of ours in files
    Scan(scan::ScanArgs),
    /// Print the completions of a shell
    Completions(completions::CompletionsArgs),
    /// Print the manual page
    Man(completions::ManArgs),
}

/// Runs a command against a server.
///
/// # Errors
/// What went wrong, with the exit code.
pub async fn run_remote(command: RemoteCommand, context: &CommandContext) -> Result<ExitCode, CommandError> {
    let local = matches!(
        command,
        RemoteCommand::Scan(_)
            | RemoteCommand::Completions(_)
            | RemoteCommand::Man(_)
            | RemoteCommand::Profiles(_)
    );
    let done = dispatch(command, context).await;
    if local { done } else { done.map_err(|failure| context.name_profile(failure)) }
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

/// What stands below the help.
fn after_help() -> String {
    let variables: Vec<String> = crate::config::ENVIRONMENT_VARIABLES
        .iter()
        .map(|(name, what)| format!("  {name:20}  {what}"))
        .collect();
    format!(
        "Without a command: the terminal UI on the chosen profile.\n\nEnvironment:\n{}\n\n\
        A flag is stronger than the environment, and that than the configuration file.\n\n\
        ExitCode codes: 0 done, 1 failed, 2 usage, 3 not found, 4 not signed in, 5 not permitted, 6 refused (guard, conflict, \
        ambiguous name), 7 server unreachable or timed out, 8 some of a batch failed, 10 found (--exit-code), 129, 130, 143 ended by a signal.",
        variables.join("\n")
    )
}

/// The help, for those who did not ask for it.
pub fn render_help() -> String {
    <Cli as clap::CommandFactory>::command().render_help().to_string()
}

/// The arguments of this process.
pub fn process_arguments() -> Vec<OsString> {
    std::env::args_os().collect()
}
