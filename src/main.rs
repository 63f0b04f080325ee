//! The `keyward` program: arguments → a command. Wiring only.

use std::process::ExitCode;

use keyward::cli::{self, Cli, Command, Context, Exit, Failure, output};
use keyward::client::state::State;
use keyward::clock::Clock;
use keyward::config::{Config, Environment, Paths};

fn main() -> ExitCode {
    match run() {
        Ok(exit) => exit.into(),
        Err(failure) => {
            if !failure.words.is_empty() {
                output::say(&format!("keyward: {failure}"));
            }
            failure.exit.into()
        }
    }
}

fn run() -> Result<Exit, Failure> {
    let Some(Cli { connect, ui, command }) = cli::parse(&cli::arguments())? else { return Ok(Exit::Done) };
    let environment = Environment::read();
    let paths = Paths::of_user()?;
    let mut config = Config::load(connect.config.as_deref(), &environment, &paths)?;
    ui.lay_over(&mut config);
    let context =
        Context { environment, config, state: State::new(paths.state), clock: Clock::System, flags: connect };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| Failure::new(Exit::Failed, format!("no runtime: {e}")))?;
    match command {
        Some(Command::Remote(command)) => runtime.block_on(cli::run(command, &context)),
        _ => Err(Failure::usage("not built yet")),
    }
}
