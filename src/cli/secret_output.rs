//! The destination of a new secret: standard output, a file, or a command.
//!
//! The destination is opened before the key is created, so that no secret is issued that has nowhere to go. The deliveries
//! themselves are in [`crate::secret_delivery`].

use std::io::{self, IsTerminal as _};
use std::path::PathBuf;

use clap::Args;

use super::connect::CommandContext;
use super::error::{CommandError, ExitCode};
use crate::secret_delivery::DeliveryError;
use crate::secret_delivery::command::{CommandLine, Interaction};
use crate::secret_delivery::file::NewFile;
use crate::secret_delivery::stdout::{self, Receipt};

/// Flags that select where a new secret is delivered.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Secret output")]
pub struct SecretOutputArgs {
    /// Print the secret on this terminal
    #[arg(long, conflicts_with_all = ["write_to", "exec"])]
    reveal: bool,
    /// Write the secret to a new file that only you can read
    #[arg(long, value_name = "FILE", conflicts_with = "exec")]
    write_to: Option<PathBuf>,
    /// Pipe the secret to a command (`pass insert -m keys/grafana`), which runs without a shell
    #[arg(long, value_name = "COMMAND")]
    exec: Option<String>,
}

/// An open destination for a secret. If it is dropped, a file that was created for the secret is removed.
#[derive(Debug)]
pub(super) enum SecretOutput {
    /// Standard output that is not a terminal.
    Pipe,
    /// Standard output that is a terminal, allowed by `--reveal`.
    Terminal,
    /// A new file, empty until the secret is delivered.
    File(NewFile),
    /// A command whose executable exists.
    Command { command: CommandLine, private_variables: Vec<String> },
}

impl SecretOutputArgs {
    /// Opens the destination that the flags select.
    ///
    /// # Errors
    /// Fails if the destination cannot receive a secret. The message says that no key was created.
    pub(super) fn open(&self, context: &CommandContext) -> Result<SecretOutput, CommandError> {
        let no_key_created = |error: DeliveryError| {
            let error = CommandError::from(error);
            CommandError { message: format!("{error} No key was created.", error = error.message), ..error }
        };
        if let Some(path) = &self.write_to {
            return NewFile::create(path).map(SecretOutput::File).map_err(no_key_created);
        }
        if let Some(line) = &self.exec {
            let command = CommandLine::parse(line)
                .and_then(|command| command.find_executable(context.environment.get("PATH")))
                .map_err(no_key_created)?;
            let private_variables = context.private_variables();
            return Ok(SecretOutput::Command { command, private_variables });
        }
        if !io::stdout().is_terminal() {
            Ok(SecretOutput::Pipe)
        } else if self.reveal {
            Ok(SecretOutput::Terminal)
        } else {
            Err(CommandError::usage(
                "The secret is issued only once, and a terminal does not keep it. Pipe it to a command, pass --write-to FILE \
                 or --exec COMMAND, or pass --reveal to show it here. No key was created.",
            ))
        }
    }
}

impl SecretOutput {
    /// Returns whether the secret is written to standard output, so that nothing else may be printed there.
    pub(super) fn uses_stdout(&self) -> bool {
        matches!(self, Self::Pipe | Self::Terminal)
    }

    /// Delivers the secret to the destination.
    ///
    /// # Errors
    /// Fails if the secret did not reach the destination.
    pub(super) async fn deliver(self, secret: &str) -> Result<Receipt, DeliveryError> {
        match self {
            Self::Pipe => return stdout::write_to_pipe(secret),
            Self::Terminal => stdout::write_to_terminal(secret)?,
            Self::File(file) => file.write(secret)?,
            Self::Command { command, private_variables } => {
                command.run(secret, Interaction::Foreground, &private_variables).await?;
            }
        }
        Ok(Receipt::Read)
    }
}

impl From<DeliveryError> for CommandError {
    fn from(error: DeliveryError) -> Self {
        let exit_code = match &error {
            DeliveryError::FileExists { .. } | DeliveryError::IsFolder { .. } => ExitCode::Refused,
            DeliveryError::CommandNotFound { .. } => ExitCode::NotFound,
            DeliveryError::CommandEmpty | DeliveryError::UnclosedQuote => ExitCode::Usage,
            _ => ExitCode::Failure,
        };
        Self::new(exit_code, error.to_string())
    }
}
