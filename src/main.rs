//! The `keyward` program: arguments → a command. Wiring only.

use std::io::IsTerminal as _;
use std::process::ExitCode;

use anyhow::Context as _;
use keyward::cli::connect::Target;
use keyward::cli::{self, Cli, Command, Context, DemoArgs, Exit, Failure, UiArgs, output};
use keyward::client::state::State;
use keyward::client::{Address, Credential};
use keyward::clock::Clock;
use keyward::config::{Config, Environment, Paths, Profile};
use keyward::terminal::device::NoTerminal;
use keyward::terminal::process_memory::protect_process_memory;
use keyward::terminal::restore::install_panic_hook;
use keyward::tui::runtime::RunError;
use keyward::tui::welcome::WelcomeChoice;
use keyward::ui_options::UiSession;
use keyward::{admin, demo, tui, ui_options};
use tokio::runtime::{Builder, Runtime};

const NO_THREADS: &str = "the system gives no threads";

fn main() -> ExitCode {
    protect_process_memory();
    match run() {
        Ok(code) => code.into(),
        Err(failure) => {
            if !failure.words.is_empty() {
                output::say(&format!("keyward: {failure}"));
            }
            failure.exit.into()
        }
    }
}

fn run() -> Result<u8, Failure> {
    let Some(Cli { connect, ui, command }) = cli::parse(&cli::arguments())? else { return Ok(0) };
    let environment = Environment::read();
    let paths = Paths::of_user()?;
    install_panic_hook(Some(paths.state.join("faults.log")));
    let mut config = Config::load(connect.config.as_deref(), &environment, &paths)?;
    ui.lay_over(&mut config);
    let context =
        Context { environment, config, state: State::new(paths.state), clock: Clock::System, flags: connect };
    let done = match command {
        None => return look(&context, &ui),
        Some(Command::Demo(args)) => return Ok(demo(args, &ui, &context)),
        Some(Command::Serve(args)) => return many()?.block_on(admin::serve(&args, &context)),
        Some(Command::Admin(command)) => one()?.block_on(admin::admin(command, &context)),
        Some(Command::Backup(args)) => one()?.block_on(admin::backup(&args, &context)),
        Some(Command::Remote(command)) => one()?.block_on(cli::run(command, &context)),
    };
    done.map(|exit| exit as u8)
}

/// The terminal UI, on a terminal.
fn look(context: &Context, ui: &UiArgs) -> Result<u8, Failure> {
    if !std::io::stdin().is_terminal() && !std::io::stdout().is_terminal() {
        return Err(Failure::usage(format!("{}\n\n{}", RunError::from(NoTerminal), cli::help())));
    }
    if context.is_new_here()? {
        match first(context, ui)? {
            (exit, None) => return Ok(exit.code()),
            (_, Some(WelcomeChoice::Demo)) => return Ok(demo(DemoArgs::default(), ui, context)),
            (_, Some(WelcomeChoice::SignedIn)) => {}
        }
    }
    let connection = context.connect()?;
    let seat = UiSession {
        address: connection.target.address.clone(),
        credential: connection.credential,
        ca_certs: context.ca_certs(&connection.target)?,
        profile: connection.target.profile.clone().unwrap_or_default(),
        settings: connection.target.settings,
        state: Some(context.state.clone()),
        restricted: ui.restricted,
    };
    let options = ui_options::ui(seat, &context.config, &context.environment)
        .map_err(|wrong| Failure::usage(ui_options::misconfigured(&wrong)))?;
    let runtime = beside()?;
    let ended = tui::runtime::run(options, runtime.handle());
    runtime.shutdown_background();
    ended.map(tui::runtime::UiExit::code).map_err(|e| no_screen(&e))
}

/// The first screen, for who is signed in nowhere yet.
fn first(context: &Context, ui: &UiArgs) -> Result<(tui::runtime::UiExit, Option<WelcomeChoice>), Failure> {
    // Where a server of one's own listens when nobody says otherwise; the screen asks for the real one.
    let address: Address = "http://127.0.0.1:7711".parse()?;
    let target = Target { address: address.clone(), profile: None, settings: Profile::default() };
    let seat = UiSession {
        address,
        credential: Credential::none(),
        ca_certs: context.ca_certs(&target)?,
        profile: String::new(),
        settings: target.settings,
        state: Some(context.state.clone()),
        restricted: ui.restricted,
    };
    let options = ui_options::ui(seat, &context.config, &context.environment)
        .map_err(|wrong| Failure::usage(ui_options::misconfigured(&wrong)))?;
    let runtime = beside()?;
    let ended = tui::runtime::first(options, runtime.handle());
    runtime.shutdown_background();
    ended.map_err(|e| no_screen(&e))
}

fn no_screen(error: &RunError) -> Failure {
    match error {
        RunError::NoTerminal(_) => Failure::usage(error.to_string()),
        RunError::Io(_) => Failure::new(Exit::Failed, error.to_string()),
    }
}

/// The demo says itself what went wrong, and its code may be that of the command it ran.
fn demo(args: DemoArgs, ui: &UiArgs, context: &Context) -> u8 {
    let keys = usize::try_from(args.keys).unwrap_or(usize::MAX);
    let options = demo::Options {
        keys,
        role: args.role,
        command: args.command,
        restricted: ui.restricted,
        config: &context.config,
        environment: &context.environment,
    };
    match demo::run(&options) {
        Ok(code) => code,
        Err(e) => {
            output::say(&format!("keyward: {e}"));
            e.code()
        }
    }
}

/// A runtime for what waits most of the time.
fn one() -> Result<Runtime, Failure> {
    Ok(Builder::new_current_thread().enable_all().build().context(NO_THREADS)?)
}

/// A runtime beside a thread of its own: one worker, since every further one wakes the others.
fn beside() -> Result<Runtime, Failure> {
    Ok(Builder::new_multi_thread().worker_threads(1).enable_all().build().context(NO_THREADS)?)
}

/// A runtime for what works on all cores.
fn many() -> Result<Runtime, Failure> {
    Ok(Builder::new_multi_thread().enable_all().build().context(NO_THREADS)?)
}
