//! Errors of calls: no reply, a refusal by the server, or a reply that is not from a keyward server. Messages name the cause and
//! the next step.

use super::address::ServerAddress;
use super::sanitize::sentence;
use super::tls_error;
use crate::wire::problem::{Problem, ProblemType};

/// The reason why a call failed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ClientError {
    /// No reply arrived. The server may still have acted on the request, see [`ClientError::is_outcome_unknown`].
    #[error("{message}")]
    Unreachable {
        /// The kind of failure.
        cause: UnreachableCause,
        /// The cause and the next step, safe to show.
        message: String,
    },
    /// The server refused the request.
    #[error("{0}")]
    Refused(Box<Problem>),
    /// The reply is not from a keyward server, or the request could not be built.
    #[error("{message}")]
    InvalidReply {
        /// HTTP status of the reply, if there was one.
        status: Option<u16>,
        /// The cause and the next step, safe to show.
        message: String,
    },
}

/// The kind of failure that prevented a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnreachableCause {
    /// Connection refused, or no route to the host.
    NoConnection,
    /// The host name cannot be resolved.
    UnknownName,
    /// The certificate is not trusted, or TLS failed for another reason.
    Tls,
    /// The connection was opened, but the reply did not arrive completely in time.
    Timeout,
    /// The connection was lost before the reply was complete.
    Broken,
}

impl ClientError {
    /// Returns whether the server may have acted on the request although the call failed. Check before repeating a write.
    pub fn is_outcome_unknown(&self) -> bool {
        match self {
            Self::Unreachable { cause, .. } => {
                matches!(cause, UnreachableCause::Timeout | UnreachableCause::Broken)
            }
            Self::Refused(problem) => problem.kind == ProblemType::OutcomeUnknown,
            Self::InvalidReply { status, .. } => status.is_none_or(|s| !(300..500).contains(&s)),
        }
    }

    /// Returns the problem if the server refused the request.
    pub fn problem(&self) -> Option<&Problem> {
        match self {
            Self::Refused(problem) => Some(problem),
            _ => None,
        }
    }

    /// Returns whether the server refused the request with a problem of this type.
    pub fn is_problem(&self, kind: ProblemType) -> bool {
        self.problem().is_some_and(|p| p.kind == kind)
    }

    pub(super) fn transport(error: &reqwest::Error, address: &ServerAddress) -> Self {
        let mut cause: &(dyn std::error::Error + 'static) = error;
        let (mut tls, mut refused) = (None, false);
        loop {
            let inner = innermost(cause);
            tls = tls.or(inner.downcast_ref::<rustls::Error>());
            refused |= inner
                .downcast_ref::<std::io::Error>()
                .is_some_and(|io| io.kind() == std::io::ErrorKind::ConnectionRefused);
            match cause.source() {
                Some(next) => cause = next,
                None => break,
            }
        }
        let root = sentence(&cause.to_string());
        if let Some(tls) = tls {
            let message = format!("No secure connection to {address}: {}", tls_error::explain(tls));
            return Self::Unreachable { cause: UnreachableCause::Tls, message };
        }
        let (cause, message) = if error.is_dns() {
            let message = format!(
                "The name of {address} cannot be found ({root}). Is the address right, and the network up?"
            );
            (UnreachableCause::UnknownName, message)
        } else if error.is_connect() || refused {
            let message = if error.is_connect() && error.is_timeout() {
                format!(
                    "{address} did not accept a connection within 5 s. Is the server running, and reachable from here?"
                )
            } else if refused {
                format!(
                    "Nothing answers at {address} (connection refused). Is the server running, and the port right?"
                )
            } else {
                format!("No connection to {address}: {root}. Is the server running, and reachable from here?")
            };
            (UnreachableCause::NoConnection, message)
        } else if error.is_timeout() {
            let message =
                format!("{address} did not answer within 15 s. It may be overloaded: try again in a moment.");
            (UnreachableCause::Timeout, message)
        } else {
            let message = format!(
                "The connection to {address} broke before the reply was complete: {root}. Try again."
            );
            (UnreachableCause::Broken, message)
        };
        Self::Unreachable { cause, message }
    }

    pub(super) fn cannot_send(address: &ServerAddress, why: &dyn std::error::Error) -> Self {
        let why = sentence(&why.to_string());
        Self::InvalidReply {
            status: None,
            message: format!("The request to {address} could not be made: {why}."),
        }
    }

    pub(super) fn certificates(message: &str) -> Self {
        Self::InvalidReply { status: None, message: message.to_owned() }
    }

    pub(super) fn foreign(address: &ServerAddress, status: u16, what: &str) -> Self {
        let page = if what == "text/html" { "a web page" } else { "something else" };
        Self::garbled(
            status,
            format!(
                "{address} answered {status} with {page} ({}) in place of keyward's JSON. Is the address right, \
                 and does no proxy or sign-in page stand between?",
                sentence(what)
            ),
        )
    }

    pub(super) fn redirected(address: &ServerAddress, status: u16, to: Option<&str>) -> Self {
        let to = to.map_or_else(|| "another address".to_owned(), sentence);
        Self::garbled(
            status,
            format!(
                "{address} answered {status} and points to {to}. Redirects are not followed, so that no credential goes \
                 astray: if that is the right server, sign in there."
            ),
        )
    }

    pub(super) fn empty(address: &ServerAddress, status: u16) -> Self {
        Self::garbled(status, format!("{address} answered {status} without content. {ASK}"))
    }

    pub(super) fn too_long(address: &ServerAddress, status: u16, max: usize) -> Self {
        let mib = max.div_ceil(1024 * 1024);
        Self::garbled(status, format!("{address} answered more than {mib} MiB where less is possible. {ASK}"))
    }

    pub(super) fn unreadable(address: &ServerAddress, status: u16, why: &serde_json::Error) -> Self {
        // Only the position: the message of `serde_json` may quote the reply, which may contain a secret.
        Self::garbled(
            status,
            format!(
                "{address} answered {status} with JSON that is not keyward's (line {}, column {}). {ASK}",
                why.line(),
                why.column()
            ),
        )
    }

    pub(super) fn endless(address: &ServerAddress, what: &str) -> Self {
        Self::InvalidReply { status: None, message: format!("{address} sent a list that {what}. {ASK}") }
    }

    pub(super) fn too_much(address: &ServerAddress, items: u64) -> Self {
        Self::InvalidReply {
            status: None,
            message: format!(
                "{address} sent more than is held in memory, {items} items and no end. `keyward keys list` in the forms json, csv \
                 and id takes any number of keys, where they are not sorted."
            ),
        }
    }

    fn garbled(status: u16, message: String) -> Self {
        Self::InvalidReply { status: Some(status), message }
    }
}

/// Unwraps nested I/O errors, which `source` skips.
fn innermost<'a>(error: &'a (dyn std::error::Error + 'static)) -> &'a (dyn std::error::Error + 'static) {
    match error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref) {
        Some(inner) => innermost(inner),
        None => error,
    }
}

const ASK: &str = "Is it a keyward server, of a version that fits? `keyward doctor` looks closer.";
