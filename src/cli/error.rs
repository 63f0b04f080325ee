//! The exit code of a command, and the message of a command that failed.
//!
//! Every error of another layer that a command can meet is converted to a [`CommandError`] here.

use std::fmt;
use std::io;

use crate::client::state::StateError;
use crate::client::{ClientError, CredentialError, ServerAddressError};
use crate::config::ConfigError;
use crate::wire::problem::{Problem, ProblemType};

/// Exit codes. Scripts depend on them, so a code never changes its meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum ExitCode {
    /// The command succeeded.
    Success = 0,
    /// The command failed for a reason that has no exit code of its own.
    Failure = 1,
    /// The command line or one of its values is invalid.
    Usage = 2,
    /// The named key, member or other resource does not exist.
    NotFound = 3,
    /// There is no session, or it has ended.
    NotSignedIn = 4,
    /// The member's role does not allow the command.
    NotPermitted = 5,
    /// A safety check refused the change, the resource is in a conflicting state, or a name is ambiguous.
    Refused = 6,
    /// The server cannot be reached, or did not reply in time.
    Unreachable = 7,
    /// Some items of a batch failed, and others succeeded.
    PartialFailure = 8,
    /// `--exit-code` was passed, and the command found something to report, such as a leaked key.
    Found = 10,
}

impl ExitCode {
    /// Every exit code, in ascending order.
    pub(super) const ALL: [Self; 10] = [
        Self::Success,
        Self::Failure,
        Self::Usage,
        Self::NotFound,
        Self::NotSignedIn,
        Self::NotPermitted,
        Self::Refused,
        Self::Unreachable,
        Self::PartialFailure,
        Self::Found,
    ];

    /// Returns the description of the code in `keyward --help`.
    pub(super) fn summary(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Usage => "invalid command line",
            Self::NotFound => "not found",
            Self::NotSignedIn => "not signed in",
            Self::NotPermitted => "not permitted",
            Self::Refused => "refused (safety check, conflict, ambiguous name)",
            Self::Unreachable => "server unreachable or timed out",
            Self::PartialFailure => "some items of a batch failed",
            Self::Found => "found (--exit-code)",
        }
    }
}

impl From<ExitCode> for std::process::ExitCode {
    fn from(exit_code: ExitCode) -> Self {
        Self::from(exit_code as u8)
    }
}

/// The reason why a command failed, with the message to print and the exit code.
#[derive(Debug)]
pub struct CommandError {
    /// Exit code with which the process ends because of this error.
    pub exit_code: ExitCode,
    /// Sentences that say what happened, why, and what to do; empty if nothing should be printed.
    pub message: String,
}

impl CommandError {
    /// Creates an error with this exit code and message.
    pub fn new(exit_code: ExitCode, message: impl Into<String>) -> Self {
        Self { exit_code, message: message.into() }
    }

    /// Creates an error about an invalid command line, with [`ExitCode::Usage`].
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(ExitCode::Usage, message)
    }

    /// Creates the result for a closed standard output, as in `keyward keys list | head`: exit code 0 and no message.
    fn broken_pipe() -> Self {
        Self::new(ExitCode::Success, "")
    }

    /// Prepends the subject of the error to the message: a flag, a variable, or what was being done.
    #[must_use]
    pub fn with_prefix(self, prefix: &str) -> Self {
        Self { message: format!("{prefix}: {}", self.message), ..self }
    }
}

impl fmt::Display for CommandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl From<ClientError> for CommandError {
    fn from(error: ClientError) -> Self {
        let exit_code = match &error {
            ClientError::Unreachable { .. } | ClientError::InvalidReply { status: Some(502..=504), .. } => {
                ExitCode::Unreachable
            }
            ClientError::InvalidReply { .. } => ExitCode::Failure,
            ClientError::Refused(problem) => exit_code_of(problem),
        };
        let message = match &error {
            ClientError::Refused(problem) => problem_message(problem),
            other => other.to_string(),
        };
        Self { exit_code, message }
    }
}

fn exit_code_of(problem: &Problem) -> ExitCode {
    use ProblemType as P;
    match problem.kind {
        P::NotFound => ExitCode::NotFound,
        P::FieldInvalid => ExitCode::Usage,
        P::NotPermitted | P::KeyNotAllowedHere | P::OriginRefused => ExitCode::NotPermitted,
        P::Unavailable | P::OutcomeUnknown | P::RequestTimeout => ExitCode::Unreachable,
        P::IdempotencyKeyReused => ExitCode::Refused,
        _ => match problem.status {
            401 => ExitCode::NotSignedIn,
            403 => ExitCode::NotPermitted,
            404 => ExitCode::NotFound,
            409 | 412 | 428 => ExitCode::Refused,
            502..=504 => ExitCode::Unreachable,
            _ => ExitCode::Failure,
        },
    }
}

/// Returns the server's message, followed by the command or step that resolves the problem.
fn problem_message(problem: &Problem) -> String {
    let mut message = problem.to_string();
    if message.is_empty() {
        message = format!("The server replied with status {status}.", status = problem.status);
    }
    let next_step = match problem.kind {
        ProblemType::SessionMissing | ProblemType::SessionEnded => "Sign in with `keyward login URL`.",
        ProblemType::CodeInvalid => "An admin can create a new code with `keyward members invite`.",
        ProblemType::OutcomeUnknown => "Check whether the change was made before you retry.",
        ProblemType::RateLimited => "Try again in a minute.",
        _ => return message,
    };
    if message.contains("keyward login") {
        return message;
    }
    format!("{}. {next_step}", message.trim_end_matches('.'))
}

impl From<StateError> for CommandError {
    fn from(error: StateError) -> Self {
        Self::new(ExitCode::Failure, error.to_string())
    }
}

impl From<ConfigError> for CommandError {
    fn from(error: ConfigError) -> Self {
        Self::usage(error.to_string())
    }
}

impl From<ServerAddressError> for CommandError {
    fn from(error: ServerAddressError) -> Self {
        Self::usage(error.to_string())
    }
}

impl From<CredentialError> for CommandError {
    fn from(error: CredentialError) -> Self {
        Self::usage(error.to_string())
    }
}

impl From<io::Error> for CommandError {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self::broken_pipe();
        }
        Self::new(ExitCode::Failure, format!("The output cannot be written: {error}."))
    }
}

/// Converts an error with context, usually from the operating system, to a command error with [`ExitCode::Failure`].
impl From<anyhow::Error> for CommandError {
    fn from(error: anyhow::Error) -> Self {
        Self::new(ExitCode::Failure, format!("{error:#}."))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_problem_type_has_the_expected_exit_code() {
        for &kind in ProblemType::ALL {
            let exit_code =
                CommandError::from(ClientError::Refused(Box::new(Problem::new(kind, "x")))).exit_code;
            let expected = match kind.status() {
                401 => ExitCode::NotSignedIn,
                403 => ExitCode::NotPermitted,
                404 => ExitCode::NotFound,
                408 | 503 => ExitCode::Unreachable,
                422 if kind == ProblemType::FieldInvalid => ExitCode::Usage,
                409 | 412 | 422 | 428 => ExitCode::Refused,
                _ => ExitCode::Failure,
            };
            assert_eq!(exit_code, expected, "{}", kind.name());
        }
    }

    #[test]
    fn the_error_for_an_ended_session_names_the_login_command() {
        let problem = Problem::new(ProblemType::SessionEnded, "The session has ended.");
        let error = CommandError::from(ClientError::Refused(Box::new(problem)));
        assert_eq!(error.message, "The session has ended. Sign in with `keyward login URL`.");
    }
}
