//! Passes a text to a command on its standard input. The command runs without a shell and without keyward's environment variables.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;

use super::error::DeliveryError;

/// Time limit for a command that runs in the background.
const BACKGROUND_TIME_LIMIT: Duration = Duration::from_secs(30);
/// Folders that are searched for programs if `PATH` is not set.
const DEFAULT_SEARCH_PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// A program and its arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandLine {
    /// Name or path of the program, as the user entered it.
    program: String,
    arguments: Vec<String>,
    /// Path of the executable file. If it is `None`, the operating system searches for the program when it is started.
    executable: Option<PathBuf>,
}

/// Whether a command may use the terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interaction {
    /// The command may use the terminal: it inherits standard output and standard error, and has no time limit.
    Foreground,
    /// The command runs while the terminal UI stays visible: its output is discarded, it cannot read key presses, and it is killed
    /// after 30 s.
    Background,
}

impl CommandLine {
    /// Splits a command line into words as a shell would, but without expansions.
    ///
    /// # Errors
    /// Fails if the line is empty or a quote is not closed.
    pub fn parse(line: &str) -> Result<Self, DeliveryError> {
        let mut words = shell_words::split(line).map_err(|_| DeliveryError::UnclosedQuote)?.into_iter();
        match words.next() {
            Some(program) if !program.is_empty() => {
                Ok(Self { program, arguments: words.collect(), executable: None })
            }
            _ => Err(DeliveryError::CommandEmpty),
        }
    }

    /// Creates a command line from a program and its arguments.
    pub fn new(program: &str, arguments: &[&str]) -> Self {
        let arguments = arguments.iter().map(|&argument| argument.to_owned()).collect();
        Self { program: program.to_owned(), arguments, executable: None }
    }

    /// Returns the program as the user entered it.
    pub fn program(&self) -> &str {
        &self.program
    }

    /// Finds the program's executable file, so that a missing program is reported before anything else is done.
    ///
    /// # Errors
    /// Fails if no such executable file exists.
    pub fn find_executable(self, search_path: Option<&str>) -> Result<Self, DeliveryError> {
        match find_executable(&self.program, search_path) {
            Some(executable) => Ok(Self { executable: Some(executable), ..self }),
            None => Err(DeliveryError::CommandNotFound { program: self.program }),
        }
    }

    /// Returns the command to run, without the environment variables in `private_variables`.
    pub fn to_command(&self, private_variables: &[String]) -> Command {
        let mut command = match &self.executable {
            Some(executable) => Command::new(executable),
            None => Command::new(&self.program),
        };
        command.args(&self.arguments);
        for name in private_variables {
            command.env_remove(name);
        }
        command
    }

    /// Runs the command with `input` on its standard input, and waits until it exits.
    ///
    /// # Errors
    /// Fails if the command cannot be started, fails, does not read its input, or exceeds the time limit in the background.
    pub async fn run(
        &self,
        input: &str,
        interaction: Interaction,
        private_variables: &[String],
    ) -> Result<(), DeliveryError> {
        let mut command = tokio::process::Command::from(self.to_command(private_variables));
        command.stdin(Stdio::piped());
        match interaction {
            Interaction::Foreground => self.write_input_and_wait(command, input).await,
            Interaction::Background => {
                // A process group of its own cannot read the key presses that are meant for keyward.
                command.stdout(Stdio::null()).stderr(Stdio::null()).process_group(0).kill_on_drop(true);
                tokio::time::timeout(BACKGROUND_TIME_LIMIT, self.write_input_and_wait(command, input))
                    .await
                    .unwrap_or_else(|_| {
                        let program = self.program.clone();
                        Err(DeliveryError::CommandTimedOut { program, limit: BACKGROUND_TIME_LIMIT })
                    })
            }
        }
    }

    async fn write_input_and_wait(
        &self,
        mut command: tokio::process::Command,
        input: &str,
    ) -> Result<(), DeliveryError> {
        let program = || self.program.clone();
        let mut child = command.spawn().map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => DeliveryError::CommandNotFound { program: program() },
            _ => DeliveryError::CommandNotStarted { program: program(), error },
        })?;
        let written = match child.stdin.take() {
            Some(mut stdin) => stdin.write_all(input.as_bytes()).await,
            None => Ok(()),
        };
        let status = child
            .wait()
            .await
            .map_err(|error| DeliveryError::CommandNotStarted { program: program(), error })?;
        if !status.success() {
            return Err(DeliveryError::CommandFailed { program: program(), status });
        }
        written.map_err(|_| DeliveryError::InputNotRead { program: program() })
    }
}

fn find_executable(program: &str, search_path: Option<&str>) -> Option<PathBuf> {
    let is_executable =
        |path: &Path| path.is_file() && rustix::fs::access(path, rustix::fs::Access::EXEC_OK).is_ok();
    if program.contains('/') {
        return Some(PathBuf::from(program)).filter(|path| is_executable(path));
    }
    let folders = search_path.unwrap_or(DEFAULT_SEARCH_PATH).split(':').filter(|folder| !folder.is_empty());
    folders.map(|folder| Path::new(folder).join(program)).find(|path| is_executable(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn run(line: &str, input: &str, private_variables: &[String]) -> Result<(), String> {
        let command_line = CommandLine::parse(line).map_err(|e| e.to_string())?;
        let result = command_line.run(input, Interaction::Background, private_variables).await;
        result.map_err(|e| e.to_string())
    }

    #[tokio::test]
    async fn a_command_receives_the_text_but_not_the_private_variables() {
        let check = "sh -c 'test \"$(cat)\" = hello && test -z \"$HOME\"'";
        assert_eq!(run(check, "hello", &["HOME".to_owned()]).await, Ok(()));
    }

    #[tokio::test]
    async fn words_of_a_command_line_are_not_expanded() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a b; $HOME");
        assert_eq!(run(&format!("tee '{}'", path.display()), "sk_x", &[]).await, Ok(()));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "sk_x");
    }

    #[tokio::test]
    async fn errors_name_the_cause_but_never_the_secret() {
        let cases = [
            ("", "is empty"),
            ("a 'b", "not closed"),
            ("false", "`false` failed"),
            ("/no/such/program", "was not found"),
            ("/", "cannot be started"),
        ];
        for (line, cause) in cases {
            let message = run(line, "sk_x", &[]).await.unwrap_err();
            assert!(message.contains(cause) && !message.contains("sk_x"), "{line}: {message}");
        }
    }

    #[test]
    fn a_missing_program_is_reported_before_anything_is_run() {
        let found = |program| CommandLine::new(program, &[]).find_executable(Some("/usr/bin:/bin"));
        assert!(found("sh").is_ok() && found("/bin/sh").is_ok());
        for missing in ["no-such-program", "/no/such/program", "/bin"] {
            assert!(matches!(found(missing), Err(DeliveryError::CommandNotFound { .. })), "{missing}");
        }
    }
}
