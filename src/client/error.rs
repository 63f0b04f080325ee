//! Errors of calls: no reply, a refusal by the server, or a reply that is not from a keyward server. Messages name the cause and
//! the next step.

use super::address::ServerAddress;
use super::sanitize::sentence;
use super::tls_error;
use crate::wire::problem::{Problem, ProblemType};

/// Why an API call failed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ClientError {
    /// No reply arrived. The server may still have acted on the request, see `ClientError::is_outcome_unknown`.
    #[error("{message}")]
    Unreachable {
        /// What prevented the reply from arriving.
        cause: UnreachableCause,
        /// Sanitized text for the user: the cause and the next step.
        message: String,
    },
    /// The server refused the request.
    #[error("{0}")]
    Refused(Box<Problem>),
    /// The reply is not from a keyward server, or the request could not be built.
    #[error("{message}")]
    InvalidReply {
        /// HTTP status of the invalid reply; `None` if the error is not about a single reply.
        status: Option<u16>,
        /// Sanitized text for the user: the cause and the next step.
        message: String,
    },
}

/// What prevented a reply from arriving.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnreachableCause {
    /// Connection refused, or no route to the host.
    NoConnection,
    /// The host name cannot be resolved.
    UnknownName,
    /// The certificate is not trusted, or TLS failed for another reason.
    Tls,
    /// The connection was opened, but the complete reply did not arrive within the time limit.
    Timeout,
    /// The connection was lost before the reply was complete.
    Broken,
}

impl ClientError {
    /// Returns whether the server may have carried out the request although the call failed. Check this before retrying a write.
    pub(crate) fn is_outcome_unknown(&self) -> bool {
        match self {
            Self::Unreachable { cause, .. } => {
                matches!(cause, UnreachableCause::Timeout | UnreachableCause::Broken)
            }
            Self::Refused(problem) => problem.kind == ProblemType::OutcomeUnknown,
            Self::InvalidReply { status, .. } => status.is_none_or(|s| !(300..500).contains(&s)),
        }
    }

    /// Returns the problem with which the server refused the request, or `None` for other errors.
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
            let message = format!("Cannot connect securely to {address}: {}", tls_error::explain(tls));
            return Self::Unreachable { cause: UnreachableCause::Tls, message };
        }
        let (cause, message) = if error.is_dns() {
            let message = format!(
                "The host name in {address} cannot be resolved ({root}). Check the address and the network connection."
            );
            (UnreachableCause::UnknownName, message)
        } else if error.is_connect() || refused {
            let message = if error.is_connect() && error.is_timeout() {
                format!(
                    "{address} did not accept a connection within 5 s. Check that the server is running and can be reached from this machine."
                )
            } else if refused {
                format!(
                    "No server is listening at {address} (connection refused). Check that the server is running and the port is right."
                )
            } else {
                format!(
                    "Cannot connect to {address}: {root}. Check that the server is running and can be reached from this machine."
                )
            };
            (UnreachableCause::NoConnection, message)
        } else if error.is_timeout() {
            let message =
                format!("{address} did not reply within 15 s. It may be overloaded; try again in a moment.");
            (UnreachableCause::Timeout, message)
        } else {
            let message = format!(
                "The connection to {address} was lost before the reply was complete: {root}. Try again."
            );
            (UnreachableCause::Broken, message)
        };
        Self::Unreachable { cause, message }
    }

    pub(super) fn cannot_send(address: &ServerAddress, why: &dyn std::error::Error) -> Self {
        let why = sentence(&why.to_string());
        Self::InvalidReply {
            status: None,
            message: format!("The request to {address} could not be created: {why}."),
        }
    }

    pub(super) fn certificates(message: &str) -> Self {
        Self::InvalidReply { status: None, message: message.to_owned() }
    }

    pub(super) fn foreign(address: &ServerAddress, status: u16, what: &str) -> Self {
        let page = if what == "text/html" { "a web page" } else { "other content" };
        Self::invalid_reply(
            status,
            format!(
                "{address} replied with status {status} and {page} ({}) instead of keyward's JSON. Check the address, \
                 and whether a proxy or a sign-in page intercepts requests.",
                sentence(what)
            ),
        )
    }

    pub(super) fn redirected(address: &ServerAddress, status: u16, to: Option<&str>) -> Self {
        let to = to.map_or_else(|| "another address".to_owned(), sentence);
        Self::invalid_reply(
            status,
            format!(
                "{address} redirects to {to} (status {status}). keyward does not follow redirects, so that no credential \
                 is sent to another server. If that is the right server, sign in there."
            ),
        )
    }

    pub(super) fn empty(address: &ServerAddress, status: u16) -> Self {
        Self::invalid_reply(
            status,
            format!("{address} replied with status {status} and an empty body. {CHECK_SERVER}"),
        )
    }

    pub(super) fn too_long(address: &ServerAddress, status: u16, max: usize) -> Self {
        let mib = max.div_ceil(1024 * 1024);
        Self::invalid_reply(
            status,
            format!(
                "{address} replied with more than {mib} MiB, which is longer than any valid reply. {CHECK_SERVER}"
            ),
        )
    }

    pub(super) fn unreadable(address: &ServerAddress, status: u16, why: &serde_json::Error) -> Self {
        // Only the position: the message of `serde_json` may quote the reply, which may contain a secret.
        Self::invalid_reply(
            status,
            format!(
                "{address} replied with status {status} and unexpected JSON (line {}, column {}). {CHECK_SERVER}",
                why.line(),
                why.column()
            ),
        )
    }

    pub(super) fn endless(address: &ServerAddress, what: &str) -> Self {
        Self::InvalidReply {
            status: None,
            message: format!("{address} sent a list that {what}. {CHECK_SERVER}"),
        }
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

    fn invalid_reply(status: u16, message: String) -> Self {
        Self::InvalidReply { status: Some(status), message }
    }
}

/// Returns the innermost of nested I/O errors, which `Error::source` skips.
fn innermost<'a>(error: &'a (dyn std::error::Error + 'static)) -> &'a (dyn std::error::Error + 'static) {
    match error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref) {
        Some(inner) => innermost(inner),
        None => error,
    }
}

const CHECK_SERVER: &str =
    "Check that it is a keyward server with a compatible version. `keyward doctor` shows details.";
