//! The `keyward` program: parses the arguments and runs the command they name. Wiring only; nothing is decided here.

use std::io::IsTerminal as _;

use anyhow::Context as _;
use keyward::cli::connect::ServerTarget;
use keyward::cli::{self, Cli, Command, CommandContext, CommandError, DemoArgs, ExitCode, UiArgs, output};
use keyward::client::state::StateFolder;
use keyward::client::{Credential, ServerAddress};
use keyward::clock::Clock;
use keyward::config::{Config, Environment, ProfileSettings, UserPaths};
use keyward::terminal::device::NoTerminal;
use keyward::terminal::process_memory::protect_process_memory;
use keyward::terminal::restore::install_panic_hook;
use keyward::tui::runtime::{RunError, UiExit, UiOptions};
use keyward::tui::welcome::WelcomeChoice;
use keyward::ui_options::UiSession;
use keyward::{admin, demo, tui, ui_options};
use tokio::runtime::{Builder, Runtime};

const RUNTIME_ERROR: &str = "The operating system does not allow more threads";
/// Default address of `keyward serve`. The welcome screen uses it until the user enters an address.
const DEFAULT_SERVER: &str = "http://127.0.0.1:7711";

fn main() -> std::process::ExitCode {
    protect_process_memory();
    match run() {
        Ok(exit_code) => exit_code.into(),
        Err(error) => {
            if !error.message.is_empty() {
                output::print_message(&format!("keyward: {error}"));
            }
            error.exit_code.into()
        }
    }
}

/// Runs the command that the arguments name and returns the exit code of the process. For a demo, this may be the exit code of
/// another program.
fn run() -> Result<u8, CommandError> {
    let arguments = cli::process_arguments();
    let Some(Cli { connect, ui, command }) = cli::parse_arguments(&arguments)? else { return Ok(0) };
    let environment = Environment::read();
    let paths = UserPaths::of_user()?;
    install_panic_hook(Some(paths.state.join("faults.log")));
    let mut config = Config::load(connect.config.as_deref(), &environment, &paths)?;
    ui.apply_to(&mut config);
    let context = CommandContext {
        environment,
        config,
        state: StateFolder::new(paths.state),
        clock: Clock::System,
        flags: connect,
    };
    let exit_code = match command {
        None => return run_ui(&context, &ui),
        Some(Command::Demo(args)) => return Ok(run_demo(args, &ui, &context)),
        Some(Command::Serve(args)) => return multi_thread_runtime()?.block_on(admin::serve(&args, &context)),
        Some(Command::Admin(command)) => current_thread_runtime()?.block_on(admin::admin(command, &context)),
        Some(Command::Backup(args)) => current_thread_runtime()?.block_on(admin::backup(&args, &context)),
        Some(Command::Remote(command)) => {
            current_thread_runtime()?.block_on(cli::run_remote(command, &context))
        }
    };
    exit_code.map(|exit_code| exit_code as u8)
}

/// Runs the terminal UI with the selected profile, after the welcome screen if no profile exists yet.
fn run_ui(context: &CommandContext, ui: &UiArgs) -> Result<u8, CommandError> {
    if !std::io::stdin().is_terminal() && !std::io::stdout().is_terminal() {
        return Err(CommandError::usage(format!("{}\n\n{}", RunError::from(NoTerminal), cli::render_help())));
    }
    if context.has_no_profile()? {
        match run_welcome(context, ui)? {
            (exit, None) => return Ok(exit.code()),
            (_, Some(WelcomeChoice::Demo)) => return Ok(run_demo(DemoArgs::default(), ui, context)),
            (_, Some(WelcomeChoice::SignedIn)) => {}
        }
    }
    let connection = context.connect()?;
    let profile = connection.target.profile.clone().unwrap_or_default();
    let options = ui_options(&connection.target, connection.credential, profile, context, ui)?;
    let runtime = single_worker_runtime()?;
    let result = tui::runtime::run(options, runtime.handle());
    runtime.shutdown_background();
    result.map(UiExit::code).map_err(|e| to_command_error(&e))
}

/// Runs the welcome screen, for users without a profile, and returns what they chose.
fn run_welcome(
    context: &CommandContext,
    ui: &UiArgs,
) -> Result<(UiExit, Option<WelcomeChoice>), CommandError> {
    let address: ServerAddress = DEFAULT_SERVER.parse()?;
    let target = ServerTarget { address, profile: None, settings: ProfileSettings::default() };
    let options = ui_options(&target, Credential::none(), String::new(), context, ui)?;
    let runtime = single_worker_runtime()?;
    let result = tui::runtime::run_welcome(options, runtime.handle());
    runtime.shutdown_background();
    result.map_err(|e| to_command_error(&e))
}

fn ui_options(
    target: &ServerTarget,
    credential: Credential,
    profile: String,
    context: &CommandContext,
    ui: &UiArgs,
) -> Result<UiOptions, CommandError> {
    let session = UiSession {
        address: target.address.clone(),
        credential,
        ca_certs: context.ca_certs(target)?,
        profile,
        settings: target.settings.clone(),
        state: Some(context.state.clone()),
        restricted: ui.restricted,
    };
    ui_options::build_options(session, &context.config, &context.environment)
        .map_err(|mistakes| CommandError::usage(ui_options::describe_mistakes(&mistakes)))
}

fn to_command_error(error: &RunError) -> CommandError {
    match error {
        RunError::NoTerminal(_) => CommandError::usage(error.to_string()),
        RunError::Io(_) => CommandError::new(ExitCode::Failure, error.to_string()),
    }
}

/// Runs the demo and returns the exit code of the process, which may be that of the command run by the demo.
fn run_demo(args: DemoArgs, ui: &UiArgs, context: &CommandContext) -> u8 {
    let keys = usize::try_from(args.keys).unwrap_or(usize::MAX);
    let options = demo::DemoOptions {
        keys,
        role: args.role,
        command: args.command,
        restricted: ui.restricted,
        config: &context.config,
        environment: &context.environment,
    };
    match demo::run(&options) {
        Ok(exit_code) => exit_code,
        Err(error) => {
            output::print_message(&format!("keyward: {error}"));
            error.exit_code()
        }
    }
}

/// Creates a single-threaded runtime for commands, which mostly wait for the network.
fn current_thread_runtime() -> Result<Runtime, CommandError> {
    Ok(Builder::new_current_thread().enable_all().build().context(RUNTIME_ERROR)?)
}

/// Creates a runtime for the UI's effects. It has only one worker thread, because each further worker would wake the others.
fn single_worker_runtime() -> Result<Runtime, CommandError> {
    Ok(Builder::new_multi_thread().worker_threads(1).enable_all().build().context(RUNTIME_ERROR)?)
}

/// Creates a runtime for the server, with one worker thread per core.
fn multi_thread_runtime() -> Result<Runtime, CommandError> {
    Ok(Builder::new_multi_thread().enable_all().build().context(RUNTIME_ERROR)?)
}
