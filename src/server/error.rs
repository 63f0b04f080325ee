//! Everything a handler may refuse, and the one place that makes an answer of it.

use std::time::Duration;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};

use crate::domain::key::Key;
use crate::domain::member::PermissionError;
use crate::domain::secret::SecretError;
use crate::store;
use crate::wire::BODY_MAX;
use crate::wire::problem::{MEDIA_TYPE, Problem, ProblemType};

/// Why a request is refused. No variant holds a credential, so that none can be echoed.
#[derive(Debug)]
pub enum ApiError {
    /// The request cannot be read; says what is wrong with it.
    Malformed(String),
    /// The cursor is none of ours, or belongs to another list.
    CursorInvalid,
    /// A create or review without `Idempotency-Key`, or with one that is not 1–255 printable ASCII characters.
    IdempotencyKeyMissing,
    /// Data plane: no `Authorization`.
    CredentialsMissing,
    /// Data plane: `Authorization` is not `Bearer` and one token; says how.
    AuthorizationMalformed(&'static str),
    /// Data plane: the token cannot be a key.
    KeyMalformed(SecretError),
    /// Data plane: unknown, revoked, or its member was removed. The same answer for all three.
    KeyInvalid,
    /// Management plane: no session.
    SessionMissing,
    /// Management plane: the session was ended, or never was.
    SessionEnded,
    /// The sign-in code is unknown, used, superseded or too old.
    CodeInvalid,
    /// An API key on the management plane.
    KeyNotAllowedHere,
    /// The rules of the domain say no.
    Denied(PermissionError),
    /// A web page of another origin.
    OriginRefused,
    /// Not there, or another's.
    NotFound,
    /// The method is none of this path's.
    MethodNotAllowed,
    /// The body took too long.
    RequestTimeout,
    /// The first request with this `Idempotency-Key` is still running.
    IdempotencyInProgress,
    /// The last active admin would be lost.
    LastAdmin,
    /// The key to replace is revoked, of another kind or owner, or has a live successor; says which.
    ReplacesConflict(&'static str),
    /// The key is revoked already.
    KeyRevoked,
    /// The member is removed already.
    MemberRemoved,
    /// The key was used since the time given. With the key as it is now, and how it was used, in words.
    UsedSince(Box<Key>, String),
    /// `If-Match` names another version. With the key as it is now.
    VersionMismatch(Box<Key>),
    /// `If-Match` names the version with a weak tag, which never matches. With the key as it is now.
    TagWeak(Box<Key>),
    /// More than the largest body.
    BodyTooLarge,
    /// Not JSON.
    MediaTypeUnsupported,
    /// The `Host` is none of this server's.
    HostUnknown,
    /// A field is not valid: its name, and what is wrong with it, to be read after the name ("must be …").
    Field(String, String),
    /// The `Idempotency-Key` was used with other fields.
    IdempotencyKeyReused,
    /// `If-Match` is required.
    IfMatchMissing,
    /// Too many requests; when to come again.
    RateLimited(Duration),
    /// Busy, starting, stopping, or the database does not answer; says which.
    Unavailable(&'static str),
    /// The commit's outcome is unknown.
    OutcomeUnknown,
    /// The disk is full.
    DiskFull,
    /// A fault of ours. It was logged; nothing of it is shown.
    Internal,
}

/// Seconds after which a client should try again when the server cannot answer.
const TRY_AGAIN_S: u64 = 2;

impl ApiError {
    /// A 422 about one field.
    pub fn field(name: impl Into<String>, wrong: impl std::fmt::Display) -> Self {
        Self::Field(name.into(), wrong.to_string())
    }

    /// The problem of this refusal: its type, and what to do next.
    pub fn problem(self) -> Problem {
        use ProblemType as P;
        match self {
            Self::Malformed(what) => Problem::new(P::Malformed, what),
            Self::CursorInvalid => Problem::new(
                P::CursorInvalid,
                "The cursor does not belong to this list. Begin again without `cursor`.",
            ),
            Self::IdempotencyKeyMissing => Problem::new(
                P::IdempotencyKeyMissing,
                "Send an `Idempotency-Key` header of 1 to 255 printable ASCII characters, a new one for each thing to create, \
                 so that repeating a lost request never creates it twice.",
            ),
            Self::CredentialsMissing => {
                Problem::new(P::CredentialsMissing, "No key was sent. Send `Authorization: Bearer sk_…`.")
            }
            Self::AuthorizationMalformed(how) => Problem::new(P::AuthorizationMalformed, how),
            Self::KeyMalformed(wrong) => Problem::new(
                P::KeyMalformed,
                format!(
                    "The key was truncated or altered when it was copied: {wrong}. Copy it again, or create a new one."
                ),
            ),
            Self::KeyInvalid => Problem::new(
                P::KeyInvalid,
                "The key is not valid: it is unknown or was revoked. Ask an admin for a new one.",
            ),
            Self::SessionMissing => Problem::new(
                P::SessionMissing,
                "Sign in first, then send `Authorization: Bearer ses_…`. With the program: `keyward login`.",
            ),
            Self::SessionEnded | Self::Denied(PermissionError::NotActive) => {
                Problem::new(P::SessionEnded, "The session has ended. Sign in again: `keyward login`.")
            }
            Self::CodeInvalid => Problem::new(
                P::CodeInvalid,
                "The code is unknown, was used already, or is too old. Ask an admin for a new one.",
            ),
            Self::KeyNotAllowedHere => Problem::new(
                P::KeyNotAllowedHere,
                "An API key reads data and never manages keys. Sign in as a member: `keyward login`.",
            ),
            Self::Denied(PermissionError::NotYours) | Self::NotFound => {
                Problem::new(P::NotFound, "There is nothing here, or it is not yours to see.")
            }
            Self::Denied(denied @ PermissionError::Role { .. }) => {
                Problem::new(P::NotPermitted, sentence(&denied.to_string()))
            }
            Self::OriginRefused => Problem::new(
                P::OriginRefused,
                "A web page of another origin asked. This server is not to be driven by web pages.",
            ),
            Self::MethodNotAllowed => Problem::new(
                P::MethodNotAllowed,
                "This path does not take that method. The methods it takes are in the `Allow` header.",
            ),
            Self::RequestTimeout => {
                Problem::new(P::RequestTimeout, "The body did not arrive in time. Send the request again.")
            }
            Self::IdempotencyInProgress => Problem::new(
                P::IdempotencyInProgress,
                "The first request with this `Idempotency-Key` is still running. Repeat it in a moment.",
            ),
            Self::LastAdmin => Problem::new(
                P::LastAdmin,
                "This is the last active admin. Make another member an admin first.",
            ),
            Self::ReplacesConflict(why) => Problem::new(P::ReplacesConflict, why),
            Self::KeyRevoked => Problem::new(P::KeyRevoked, "The key is revoked, which is final."),
            Self::MemberRemoved => {
                Problem::new(P::MemberRemoved, "The member is removed. Invite the address again instead.")
            }
            Self::UsedSince(key, how) => Problem::new(P::UsedSince, how).with_key(*key),
            Self::VersionMismatch(key) => Problem::new(
                P::VersionMismatch,
                "The key was changed since you looked. Look at it again, then decide again.",
            )
            .with_key(*key),
            Self::TagWeak(key) => Problem::new(
                P::VersionMismatch,
                "The tag in `If-Match` is weak (`W/`), and a weak tag never matches: a proxy between us changed it, as some do when \
                 they compress an answer. Send it without the `W/`.",
            )
            .with_key(*key),
            Self::BodyTooLarge => {
                Problem::new(P::BodyTooLarge, format!("The body is larger than {BODY_MAX} bytes."))
            }
            Self::MediaTypeUnsupported => Problem::new(
                P::MediaTypeUnsupported,
                "Send the body as `Content-Type: application/json`, not compressed.",
            ),
            Self::HostUnknown => Problem::new(
                P::HostUnknown,
                "This server does not answer for the host in `Host`. Add the name to `hosts` in the server's configuration.",
            ),
            Self::Field(name, wrong) => Problem::field(&name, wrong),
            Self::IdempotencyKeyReused => Problem::new(
                P::IdempotencyKeyReused,
                "This `Idempotency-Key` was used with other fields. Take a new one for a new request.",
            ),
            Self::IfMatchMissing => Problem::new(
                P::IfMatchMissing,
                "Send `If-Match` with the `ETag` of the key that you looked at, so that nobody's change is lost.",
            ),
            Self::RateLimited(wait) => Problem::new(
                P::RateLimited,
                format!("Too many requests. Try again in {} s.", wait.as_secs().max(1)),
            ),
            Self::Unavailable(why) => Problem::new(P::Unavailable, why),
            Self::OutcomeUnknown => Problem::new(
                P::OutcomeUnknown,
                "The database was lost while it stored this. It may have been done: look before you repeat it.",
            ),
            Self::DiskFull => Problem::new(
                P::DiskFull,
                "The server's disk is full. Nothing was changed. Free some space on the server, then repeat.",
            ),
            Self::Internal => Problem::new(
                P::Internal,
                "Something went wrong in the server. Its log says what, under the id in `X-Request-Id`.",
            ),
        }
    }
}

impl From<PermissionError> for ApiError {
    fn from(denied: PermissionError) -> Self {
        Self::Denied(denied)
    }
}

impl From<store::StoreError> for ApiError {
    fn from(error: store::StoreError) -> Self {
        match error {
            store::StoreError::Busy => {
                Self::Unavailable("The database is busy. Nothing was changed: try again.")
            }
            store::StoreError::Unreachable(_) => {
                Self::Unavailable("The database does not answer. Nothing was changed: try again.")
            }
            store::StoreError::DiskFull => Self::DiskFull,
            store::StoreError::OutcomeUnknown(_) => Self::OutcomeUnknown,
            store::StoreError::Taken(_)
            | store::StoreError::Corrupt { .. }
            | store::StoreError::Failed(_) => {
                tracing::error!(%error, "the database refused a statement");
                Self::Internal
            }
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let wait = match &self {
            Self::RateLimited(wait) => wait.as_secs().max(1),
            _ => TRY_AGAIN_S,
        };
        answer(&self.problem(), wait)
    }
}

/// The answer that carries a problem, with the headers that its status asks for.
fn answer(problem: &Problem, try_again_s: u64) -> Response {
    let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let body = serde_json::to_vec(problem).expect("a problem is plain data");
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(challenge) = challenge(problem.kind) {
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
    }
    if matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
        headers.insert(RETRY_AFTER, HeaderValue::from(try_again_s));
    }
    response
}

/// What `WWW-Authenticate` says, with RFC 6750's words for what is wrong with a token. Every 401 has one.
fn challenge(kind: ProblemType) -> Option<&'static str> {
    use ProblemType as P;
    Some(match kind {
        P::AuthorizationMalformed => "Bearer realm=\"keyward\", error=\"invalid_request\"",
        P::KeyMalformed | P::KeyInvalid | P::SessionEnded => {
            "Bearer realm=\"keyward\", error=\"invalid_token\""
        }
        _ if kind.status() == 401 => "Bearer realm=\"keyward\"",
        _ => return None,
    })
}

/// With a capital letter and a full stop.
fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| format!("{}{}.", first.to_uppercase(), chars.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_401_says_how_to_sign_in_and_every_429_and_503_when_to_come_again() {
        for &kind in ProblemType::ALL {
            let response = answer(&Problem::new(kind, "why"), 7);
            let has = |name| response.headers().contains_key(name);
            assert_eq!(has(WWW_AUTHENTICATE), kind.status() == 401, "{kind:?}");
            assert_eq!(has(RETRY_AFTER), [429, 503].contains(&kind.status()), "{kind:?}");
            assert_eq!(response.headers()[CONTENT_TYPE], MEDIA_TYPE);
        }
    }

    #[test]
    fn forbidden_by_ownership_and_missing_are_the_same_problem() {
        assert_eq!(ApiError::Denied(PermissionError::NotYours).problem(), ApiError::NotFound.problem());
    }
}
