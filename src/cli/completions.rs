//! `keyward completions` and `keyward man`, generated from the same description of the commands as the help.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Args, CommandFactory as _};

use super::error::{CommandError, ExitCode};
use super::{Cli, output};

/// Arguments of `keyward completions`.
#[derive(Args, Clone, Debug)]
#[command(
    after_help = "Example:\n  keyward completions bash > ~/.local/share/bash-completion/completions/keyward"
)]
pub struct CompletionsArgs {
    /// Shell that will run the completion script
    #[arg(value_enum, value_name = "SHELL")]
    shell: clap_complete::Shell,
}

/// Arguments of `keyward man`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "Example:\n  keyward man | man -l -")]
pub struct ManArgs {
    /// Write one page per command to this folder instead of printing the main page
    #[arg(long, value_name = "FOLDER")]
    to: Option<PathBuf>,
}

pub(super) fn completions(args: &CompletionsArgs) -> Result<ExitCode, CommandError> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "keyward", &mut script);
    output::write_stdout(&script)?;
    Ok(ExitCode::Success)
}

pub(super) fn man(args: &ManArgs) -> Result<ExitCode, CommandError> {
    let command = Cli::command();
    if let Some(folder) = &args.to {
        clap_mangen::generate_to(command, folder).with_context(|| folder.display().to_string())?;
        return Ok(ExitCode::Success);
    }
    let mut page = Vec::new();
    clap_mangen::Man::new(command).render(&mut page)?;
    output::write_stdout(&page)?;
    Ok(ExitCode::Success)
}
