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

/// An error response. No variant contains a credential, so no response can reveal one.
#[derive(Debug)]
pub(super) enum ApiError {
    /// The request cannot be parsed. Contains the reason as a sentence.
    Malformed(String),
    /// The paging cursor is damaged or belongs to another list.
    CursorInvalid,
    /// The `Idempotency-Key` header is missing, or is not 1–255 printable ASCII characters.
    IdempotencyKeyMissing,
    /// Data plane: the `Authorization` header is missing.
    CredentialsMissing,
    /// Data plane: the `Authorization` header is not `Bearer` followed by one token. Contains the mistake as a sentence.
    AuthorizationMalformed(&'static str),
    /// Data plane: the token is not a well-formed API key.
    KeyMalformed(SecretError),
    /// Data plane: the key is unknown or revoked, or its member was removed. All three cases get the same response.
    KeyInvalid,
    /// Management plane: the request has no session token.
    SessionMissing,
    /// Management plane: the session has ended, or it never existed.
    SessionEnded,
    /// The sign-in code is unknown, used, superseded or expired.
    CodeInvalid,
    /// An API key was sent to the management plane.
    KeyNotAllowedHere,
    /// The member does not have the permission that the operation requires.
    Denied(PermissionError),
    /// The request was sent by a web page from another origin.
    OriginRefused,
    /// The resource does not exist, or belongs to another member.
    NotFound,
    /// The path does not support the request method.
    MethodNotAllowed,
    /// The request body did not arrive in time.
    RequestTimeout,
    /// The first request with this `Idempotency-Key` is still running.
    IdempotencyInProgress,
    /// The change would leave no active admin.
    LastAdmin,
    /// The key to replace is revoked, has another kind or owner, or already has an active successor. Contains a sentence that says
    /// which.
    ReplacesConflict(&'static str),
    /// The key is already revoked.
    KeyRevoked,
    /// The member is already removed.
    MemberRemoved,
    /// The key was used since the given time. Contains the current state of the key, and a sentence about its last use.
    UsedSince(Box<Key>, String),
    /// `If-Match` names another version of the key. Contains the current state of the key.
    VersionMismatch(Box<Key>),
    /// `If-Match` names the version as a weak tag, which never matches. Contains the current state of the key.
    TagWeak(Box<Key>),
    /// The request body is larger than [`BODY_MAX`].
    BodyTooLarge,
    /// The request headers do not declare an uncompressed JSON body.
    MediaTypeUnsupported,
    /// The request names a host that this server does not serve.
    HostUnknown,
    /// A field is invalid. Contains the field's name, and a requirement that completes a sentence about it, such as "must be …".
    Field(String, String),
    /// The `Idempotency-Key` was already used for a request with other fields.
    IdempotencyKeyReused,
    /// `If-Match` is missing.
    IfMatchMissing,
    /// Too many requests were sent. Contains the time to wait before the next one.
    RateLimited(Duration),
    /// The server or its database is temporarily unavailable. Contains the reason and what to do, as sentences.
    Unavailable(&'static str),
    /// The connection to the database was lost during a commit, so it is unknown whether the change was made.
    OutcomeUnknown,
    /// The server's disk is full; nothing was changed.
    DiskFull,
    /// A bug or a corrupt database. The cause is logged; the client receives only the request id.
    Internal,
}

/// `Retry-After` of a response that says that the server is unavailable, in seconds.
const RETRY_AFTER_S: u64 = 2;

impl ApiError {
    /// Creates a 422 error about one field. `requirement` completes a sentence that begins with the field's name: "must be …".
    pub(super) fn field(name: impl Into<String>, requirement: impl std::fmt::Display) -> Self {
        Self::Field(name.into(), requirement.to_string())
    }

    /// Converts the error to a problem, whose `detail` also says what to do.
    pub(super) fn into_problem(self) -> Problem {
        use ProblemType as P;
        match self {
            Self::Malformed(reason) => Problem::new(P::Malformed, reason),
            Self::CursorInvalid => Problem::new(
                P::CursorInvalid,
                "The cursor does not belong to this list. Start again at the first page, without `cursor`.",
            ),
            Self::IdempotencyKeyMissing => Problem::new(
                P::IdempotencyKeyMissing,
                "Send an `Idempotency-Key` header of 1 to 255 printable ASCII characters. Use a new value for each thing that you create, \
                 so that a retry never creates it twice.",
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
                "This resource does not exist, or you are not permitted to see it.",
            ),
            Self::Denied(denied @ PermissionError::Role { .. }) => {
                Problem::new(P::NotPermitted, to_sentence(&denied.to_string()))
            }
            Self::OriginRefused => Problem::new(
                P::OriginRefused,
                "A web page from another origin sent this request. This server refuses requests from web pages.",
            ),
            Self::MethodNotAllowed => Problem::new(
                P::MethodNotAllowed,
                "This path does not support the request method. The `Allow` header lists the supported methods.",
            ),
            Self::RequestTimeout => {
                Problem::new(P::RequestTimeout, "The body did not arrive in time. Send the request again.")
            }
            Self::IdempotencyInProgress => Problem::new(
                P::IdempotencyInProgress,
                "The first request with this `Idempotency-Key` is still running. Retry in a moment.",
            ),
            Self::LastAdmin => Problem::new(
                P::LastAdmin,
                "This is the last active admin. Make another member an admin first.",
            ),
            Self::ReplacesConflict(reason) => Problem::new(P::ReplacesConflict, reason),
            Self::KeyRevoked => Problem::new(P::KeyRevoked, "The key is already revoked. A revoked key cannot be changed."),
            Self::MemberRemoved => {
                Problem::new(P::MemberRemoved, "The member was removed. Invite their email address again instead.")
            }
            Self::UsedSince(key, last_use) => Problem::new(P::UsedSince, last_use).with_key(*key),
            Self::VersionMismatch(key) => Problem::new(
                P::VersionMismatch,
                "The key was changed since you last viewed it. View it again before you change it.",
            )
            .with_key(*key),
            Self::TagWeak(key) => Problem::new(
                P::VersionMismatch,
                "The tag in `If-Match` is weak (`W/`), and weak tags never match. Some proxies weaken a tag when they compress \
                 the response. Send the tag without `W/`.",
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
                "This server does not serve the host in the `Host` header. Add the host name to `hosts` in the server's configuration.",
            ),
            Self::Field(name, requirement) => Problem::field(&name, requirement),
            Self::IdempotencyKeyReused => Problem::new(
                P::IdempotencyKeyReused,
                "This `Idempotency-Key` was already used for a request with other fields. Use a new value for each new request.",
            ),
            Self::IfMatchMissing => Problem::new(
                P::IfMatchMissing,
                "Send `If-Match` with the `ETag` of the key as you last read it, so that you do not overwrite someone else's change.",
            ),
            Self::RateLimited(wait) => Problem::new(
                P::RateLimited,
                format!("Too many requests. Try again in {} s.", wait.as_secs().max(1)),
            ),
            Self::Unavailable(reason) => Problem::new(P::Unavailable, reason),
            Self::OutcomeUnknown => Problem::new(
                P::OutcomeUnknown,
                "The connection to the database was lost during the write. The change may have been made: check whether it was \
                 before you retry.",
            ),
            Self::DiskFull => Problem::new(
                P::DiskFull,
                "The server's disk is full. Nothing was changed. Free some space on the server, then retry.",
            ),
            Self::Internal => Problem::new(
                P::Internal,
                "The server failed unexpectedly. The cause is in its log, under the id in the `X-Request-Id` header.",
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
                Self::Unavailable("The database is busy. Nothing was changed. Try again.")
            }
            store::StoreError::Unreachable(_) => {
                Self::Unavailable("The database does not respond. Nothing was changed. Try again.")
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
    let body = serde_json::to_vec(problem).expect("a problem can be serialized as JSON");
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

/// Returns the `WWW-Authenticate` header of a 401 response, which must have one (RFC 9110, 15.5.2), with the error codes of RFC
/// 6750 (3.1). Returns `None` for other statuses.
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

/// Turns a message into a sentence: capitalizes it and adds a full stop.
fn to_sentence(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| format!("{}{}.", first.to_uppercase(), chars.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_401_has_a_challenge_and_every_429_and_503_has_retry_after() {
        for &kind in ProblemType::ALL {
            let response = problem_response(&Problem::new(kind, "detail"), 7);
            let has = |name| response.headers().contains_key(name);
            assert_eq!(has(WWW_AUTHENTICATE), kind.status() == 401, "{kind:?}");
            assert_eq!(has(RETRY_AFTER), [429, 503].contains(&kind.status()), "{kind:?}");
            assert_eq!(response.headers()[CONTENT_TYPE], MEDIA_TYPE);
        }
    }

    #[test]
    fn another_members_key_and_a_missing_key_get_the_same_response() {
        assert_eq!(
            ApiError::Denied(PermissionError::NotYours).into_problem(),
            ApiError::NotFound.into_problem()
        );
    }
}
