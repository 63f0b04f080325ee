//! How a command ends: the exit code, and the sentence that goes with it.

use std::fmt;
use std::io;

use crate::client::state::StateError;
use crate::client::{BadAddress, BadCredential, Error};
use crate::config::ConfigError;
use crate::wire::problem::{Problem, ProblemType};

/// Exit codes. They are part of the interface: scripts depend on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Done.
    Done = 0,
    /// Failed.
    Failed = 1,
    /// The command line is wrong, or a value on it.
    Usage = 2,
    /// What was named does not exist.
    NotFound = 3,
    /// Not signed in, or not any more.
    NotSignedIn = 4,
    /// The member's role does not allow it.
    NotPermitted = 5,
    /// Refused: a guard, a conflict, an ambiguous name.
    Refused = 6,
    /// The server cannot be reached or does not answer in time.
    Unreachable = 7,
    /// Some of a batch failed.
    Partial = 8,
    /// Something was found (`--exit-code`).
    Found = 10,
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why a command did not do what it should.
#[derive(Debug)]
pub struct Failure {
    /// The exit code.
    pub exit: Exit,
    /// One or more sentences: what happened, why, and what to do. Empty where everything was said already.
    pub words: String,
}

impl Failure {
    /// A failure with its words.
    pub fn new(exit: Exit, words: impl Into<String>) -> Self {
        Self { exit, words: words.into() }
    }

    /// The command line is wrong.
    pub fn usage(words: impl Into<String>) -> Self {
        Self::new(Exit::Usage, words)
    }

    /// The reader of our output went away: nothing is wrong, and nothing more is to be said.
    fn quiet() -> Self {
        Self::new(Exit::Done, "")
    }

    /// The same with something added, such as what was being done.
    #[must_use]
    pub fn after(self, context: &str) -> Self {
        Self { words: format!("{context}: {}", self.words), ..self }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let exit = match &error {
            Error::Unreachable { .. } | Error::Garbled { status: Some(502..=504), .. } => Exit::Unreachable,
            Error::Garbled { .. } => Exit::Failed,
            Error::Refused(problem) => exit_of(problem),
        };
        let words = match &error {
            Error::Refused(problem) => refusal(problem),
            other => other.to_string(),
        };
        Self { exit, words }
    }
}

fn exit_of(problem: &Problem) -> Exit {
    use ProblemType as P;
    match problem.kind {
        P::NotFound => Exit::NotFound,
        P::FieldInvalid => Exit::Usage,
        P::NotPermitted | P::KeyNotAllowedHere | P::OriginRefused => Exit::NotPermitted,
        P::Unavailable | P::OutcomeUnknown | P::RequestTimeout => Exit::Unreachable,
        P::IdempotencyKeyReused => Exit::Refused,
        _ => match problem.status {
            401 => Exit::NotSignedIn,
            403 => Exit::NotPermitted,
            404 => Exit::NotFound,
            409 | 412 | 428 => Exit::Refused,
            502..=504 => Exit::Unreachable,
            _ => Exit::Failed,
        },
    }
}

/// The server's words, and the command that helps.
fn refusal(problem: &Problem) -> String {
    let mut words = problem.to_string();
    if words.is_empty() {
        words = format!("the server answered {}", problem.status);
    }
    let next = match problem.kind {
        ProblemType::SessionMissing | ProblemType::SessionEnded => "sign in with `keyward login URL`",
        ProblemType::CodeInvalid => "`keyward members invite` makes one",
        ProblemType::OutcomeUnknown => "look whether it was done before you repeat it",
        ProblemType::RateLimited => "wait a minute",
        _ => return words,
    };
    if words.contains("keyward login") { words } else { format!("{}; {next}", words.trim_end_matches('.')) }
}

impl From<StateError> for Failure {
    fn from(error: StateError) -> Self {
        Self::new(Exit::Failed, error.to_string())
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::usage(error.to_string())
    }
}

impl From<BadAddress> for Failure {
    fn from(error: BadAddress) -> Self {
        Self::usage(error.to_string())
    }
}

impl From<BadCredential> for Failure {
    fn from(error: BadCredential) -> Self {
        Self::usage(error.to_string())
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self::quiet();
        }
        Self::new(Exit::Failed, format!("the output cannot be written: {error}"))
    }
}

/// What the system refused, with what it was wanted for.
impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::new(Exit::Failed, format!("{error:#}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_of_the_contract_has_its_code() {
        for &kind in ProblemType::ALL {
            let exit = Failure::from(Error::Refused(Box::new(Problem::new(kind, "x")))).exit;
            let expected = match kind.status() {
                401 => Exit::NotSignedIn,
                403 => Exit::NotPermitted,
                404 => Exit::NotFound,
                408 | 503 => Exit::Unreachable,
                422 if kind == ProblemType::FieldInvalid => Exit::Usage,
                409 | 412 | 422 | 428 => Exit::Refused,
                _ => Exit::Failed,
            };
            assert_eq!(exit, expected, "{}", kind.name());
        }
    }

    #[test]
    fn an_ended_session_says_how_to_sign_in() {
        let problem = Problem::new(ProblemType::SessionEnded, "The session has ended.");
        let failure = Failure::from(Error::Refused(Box::new(problem)));
        assert_eq!(failure.words, "The session has ended; sign in with `keyward login URL`");
    }
}
