//! Errors of handlers, and their conversion to responses. Every error response is a problem detail (RFC 9457).

use std::time::Duration;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};

use crate::domain::key::Key;
use crate::domain::permission::PermissionError;
use crate::domain::secret::SecretError;
use crate::store;
use crate::wire::BODY_MAX;
use crate::wire::problem::{MEDIA_TYPE, Problem, ProblemType};

/// An error response. No variant holds a credential, so that none can be echoed.
#[derive(Debug)]
pub(super) enum ApiError {
    /// The request cannot be parsed, with the reason as a sentence.
    Malformed(String),
    /// The cursor is damaged, or belongs to another list.
    CursorInvalid,
    /// `Idempotency-Key` is missing, or not 1–255 printable ASCII characters.
    IdempotencyKeyMissing,
    /// Data plane: `Authorization` is missing.
    CredentialsMissing,
    /// Data plane: `Authorization` is not `Bearer` and one token, with the mistake as a sentence.
    AuthorizationMalformed(&'static str),
    /// Data plane: the token cannot be a key.
    KeyMalformed(SecretError),
    /// Data plane: the key is unknown or revoked, or its member was removed. One response for all three.
    KeyInvalid,
    /// Management plane: the request has no session.
    SessionMissing,
    /// Management plane: the session has ended, or never existed.
    SessionEnded,
    /// The sign-in code is unknown, used, superseded or expired.
    CodeInvalid,
    /// An API key was sent to the management plane.
    KeyNotAllowedHere,
    /// The member lacks the permission.
    Denied(PermissionError),
    /// A web page of another origin sent the request.
    OriginRefused,
    /// The resource does not exist, or belongs to another member.
    NotFound,
    /// The path does not support the method.
    MethodNotAllowed,
    /// The body did not arrive in time.
    RequestTimeout,
    /// The first request with this `Idempotency-Key` is still running.
    IdempotencyInProgress,
    /// The change would leave no active admin.
    LastAdmin,
    /// The key to replace is revoked, of another kind or owner, or has an active successor. The sentence says which.
    ReplacesConflict(&'static str),
    /// The key is already revoked.
    KeyRevoked,
    /// The member is already removed.
    MemberRemoved,
    /// The key was used since the given time. Holds the key as it is now, and a sentence with its last use.
    UsedSince(Box<Key>, String),
    /// `If-Match` names another version. Holds the key as it is now.
    VersionMismatch(Box<Key>),
    /// `If-Match` names the version with a weak tag, which never matches. Holds the key as it is now.
    TagWeak(Box<Key>),
    /// The body is larger than [`BODY_MAX`].
    BodyTooLarge,
    /// The body is not declared as uncompressed JSON.
    MediaTypeUnsupported,
    /// The server does not answer for the host.
    HostUnknown,
    /// A field is invalid: its name, and a requirement to be read after the name ("must be …").
    Field(String, String),
    /// The `Idempotency-Key` was used with other fields.
    IdempotencyKeyReused,
    /// `If-Match` is missing.
    IfMatchMissing,
    /// Too many requests, with the time to wait.
    RateLimited(Duration),
    /// The server or its database cannot answer now, with the reason and the next step.
    Unavailable(&'static str),
    /// The connection to the database was lost during a commit, so its outcome is unknown.
    OutcomeUnknown,
    /// The disk is full; nothing was changed.
    DiskFull,
    /// A bug or a corrupt database. The cause is logged, and the client only learns the request id.
    Internal,
}

/// Seconds after which a client should try again when the server is unavailable.
const RETRY_AFTER_S: u64 = 2;

impl ApiError {
    /// Returns a 422 about one field. `requirement` is read after the name: "must be …".
    pub(super) fn field(name: impl Into<String>, requirement: impl std::fmt::Display) -> Self {
        Self::Field(name.into(), requirement.to_string())
    }

    /// Converts the error to its problem, with the next step in `detail`.
    pub(super) fn into_problem(self) -> Problem {
        use ProblemType as P;
        match self {
            Self::Malformed(reason) => Problem::new(P::Malformed, reason),
            Self::CursorInvalid => Problem::new(
                P::CursorInvalid,
                "The cursor does not belong to this list. Start again without `cursor`.",
            ),
            Self::IdempotencyKeyMissing => Problem::new(
                P::IdempotencyKeyMissing,
                "Send an `Idempotency-Key` header of 1 to 255 printable ASCII characters, a new one for each thing to create, \
                 so that repeating a lost request never creates it twice.",
            ),
            Self::CredentialsMissing => {
                Problem::new(P::CredentialsMissing, "No key was sent. Send `Authorization: Bearer sk_…`.")
            }
            Self::AuthorizationMalformed(mistake) => Problem::new(P::AuthorizationMalformed, mistake),
            Self::KeyMalformed(reason) => Problem::new(
                P::KeyMalformed,
                format!(
                    "The key was truncated or altered when it was copied: {reason}. Copy it again, or create a new one."
                ),
            ),
            Self::KeyInvalid => Problem::new(
                P::KeyInvalid,
                "The key is not valid: it is unknown or was revoked. Ask an admin for a new one.",
            ),
            Self::SessionMissing => Problem::new(
                P::SessionMissing,
                "Sign in first with `keyward login`, then send `Authorization: Bearer ses_…`.",
            ),
            Self::SessionEnded | Self::Denied(PermissionError::NotActive) => {
                Problem::new(P::SessionEnded, "The session has ended. Sign in again with `keyward login`.")
            }
            Self::CodeInvalid => Problem::new(
                P::CodeInvalid,
                "The sign-in code is unknown, was already used, or has expired. Ask an admin for a new one.",
            ),
            Self::KeyNotAllowedHere => Problem::new(
                P::KeyNotAllowedHere,
                "An API key can read data but cannot manage keys. Sign in as a member with `keyward login`.",
            ),
            Self::Denied(PermissionError::NotYours) | Self::NotFound => Problem::new(
                P::NotFound,
                "This does not exist, or you are not permitted to see it.",
            ),
            Self::Denied(denied @ PermissionError::Role { .. }) => {
                Problem::new(P::NotPermitted, sentence(&denied.to_string()))
            }
            Self::OriginRefused => Problem::new(
                P::OriginRefused,
                "A web page of another origin sent this request. This server refuses requests from web pages.",
            ),
            Self::MethodNotAllowed => Problem::new(
                P::MethodNotAllowed,
                "This path does not support the method. The `Allow` header lists those that it supports.",
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
            Self::ReplacesConflict(reason) => Problem::new(P::ReplacesConflict, reason),
            Self::KeyRevoked => Problem::new(P::KeyRevoked, "The key is revoked, which is final."),
            Self::MemberRemoved => {
                Problem::new(P::MemberRemoved, "The member was removed. Invite the address again instead.")
            }
            Self::UsedSince(key, last_use) => Problem::new(P::UsedSince, last_use).with_key(*key),
            Self::VersionMismatch(key) => Problem::new(
                P::VersionMismatch,
                "The key was changed since you looked. Look at it again, then decide again.",
            )
            .with_key(*key),
            Self::TagWeak(key) => Problem::new(
                P::VersionMismatch,
                "The tag in `If-Match` is weak (`W/`), and a weak tag never matches. A proxy on the way changed it, as some do when \
                 they compress a response. Send the tag without `W/`.",
            )
            .with_key(*key),
            Self::BodyTooLarge => {
                Problem::new(P::BodyTooLarge, format!("The body is larger than {BODY_MAX} bytes."))
            }
            Self::MediaTypeUnsupported => Problem::new(
                P::MediaTypeUnsupported,
                "Send the body uncompressed, with `Content-Type: application/json`.",
            ),
            Self::HostUnknown => Problem::new(
                P::HostUnknown,
                "This server does not answer for the host in `Host`. Add the name to `hosts` in the server's configuration.",
            ),
            Self::Field(name, requirement) => Problem::field(&name, requirement),
            Self::IdempotencyKeyReused => Problem::new(
                P::IdempotencyKeyReused,
                "This `Idempotency-Key` was used with other fields. Use a new one for a new request.",
            ),
            Self::IfMatchMissing => Problem::new(
                P::IfMatchMissing,
                "Send `If-Match` with the `ETag` of the key that you looked at, so that you do not overwrite another change.",
            ),
            Self::RateLimited(wait) => Problem::new(
                P::RateLimited,
                format!("Too many requests. Try again in {} s.", wait.as_secs().max(1)),
            ),
            Self::Unavailable(reason) => Problem::new(P::Unavailable, reason),
            Self::OutcomeUnknown => Problem::new(
                P::OutcomeUnknown,
                "The connection to the database was lost during the write. The change may have been made: look before you repeat \
                 the request.",
            ),
            Self::DiskFull => Problem::new(
                P::DiskFull,
                "The server's disk is full. Nothing was changed. Free some space on the server, then repeat the request.",
            ),
            Self::Internal => Problem::new(
                P::Internal,
                "The server failed unexpectedly. Its log has the cause, under the id in `X-Request-Id`.",
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
                Self::Unavailable("The database does not respond. Nothing was changed: try again.")
            }
            store::StoreError::DiskFull => Self::DiskFull,
            store::StoreError::OutcomeUnknown(_) => Self::OutcomeUnknown,
            store::StoreError::Taken(_)
            | store::StoreError::Corrupt { .. }
            | store::StoreError::Failed(_) => {
                tracing::error!(%error, "a database statement failed");
                Self::Internal
            }
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let retry_after_s = match &self {
            Self::RateLimited(wait) => wait.as_secs().max(1),
            _ => RETRY_AFTER_S,
        };
        problem_response(&self.into_problem(), retry_after_s)
    }
}

/// Builds the response for a problem, with the headers that its status requires.
fn problem_response(problem: &Problem, retry_after_s: u64) -> Response {
    let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let body = serde_json::to_vec(problem).expect("a problem serializes to JSON");
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(challenge) = challenge(problem.kind) {
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
    }
    if matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
        headers.insert(RETRY_AFTER, HeaderValue::from(retry_after_s));
    }
    response
}

/// Returns the `WWW-Authenticate` value, with the error codes of RFC 6750 (3.1). Every 401 has one (RFC 9110, 15.5.2).
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

/// Capitalizes the text and adds a full stop.
fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| format!("{}{}.", first.to_uppercase(), chars.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_401_has_a_challenge_and_every_429_and_503_a_retry_after() {
        for &kind in ProblemType::ALL {
            let response = problem_response(&Problem::new(kind, "detail"), 7);
            let has = |name| response.headers().contains_key(name);
            assert_eq!(has(WWW_AUTHENTICATE), kind.status() == 401, "{kind:?}");
            assert_eq!(has(RETRY_AFTER), [429, 503].contains(&kind.status()), "{kind:?}");
            assert_eq!(response.headers()[CONTENT_TYPE], MEDIA_TYPE);
        }
    }

    #[test]
    fn a_key_of_another_member_and_a_missing_key_are_the_same_problem() {
        assert_eq!(
            ApiError::Denied(PermissionError::NotYours).into_problem(),
            ApiError::NotFound.into_problem()
        );
    }
}
