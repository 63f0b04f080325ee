//! Errors as problem details (RFC 9457), and the list of their types.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::openapi::schema::Type;
use utoipa::openapi::{ObjectBuilder, RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::domain::key::Key;

/// Media type of a problem.
pub const MEDIA_TYPE: &str = "application/problem+json";

macro_rules! problems {
    ($($(#[$doc:meta])* $variant:ident = $name:literal $status:literal $title:literal;)+) => {
        /// The type of a problem. Names never change.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum ProblemType {
            $($(#[$doc])* #[serde(rename = $name)] $variant,)+
            /// A type from a newer server.
            #[serde(other, rename = "unknown")]
            Unknown,
        }

        impl ProblemType {
            /// Every type that the server sends.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// Returns the name without a URL, such as `key-invalid`.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ Self::Unknown => "unknown" }
            }

            /// Returns the HTTP status of problems of this type.
            pub fn status(self) -> u16 {
                match self { $(Self::$variant => $status,)+ Self::Unknown => 500 }
            }

            /// Returns the summary of problems of this type.
            pub fn title(self) -> &'static str {
                match self { $(Self::$variant => $title,)+ Self::Unknown => "Unknown problem" }
            }
        }
    };
}

problems! {
    /// The request is not valid HTTP or JSON.
    Malformed = "malformed-request" 400 "The request cannot be read";
    /// The cursor is not from this server, or belongs to another list.
    CursorInvalid = "cursor-invalid" 400 "The cursor is not valid here";
    /// A create or review without the header `Idempotency-Key`.
    IdempotencyKeyMissing = "idempotency-key-missing" 400 "The Idempotency-Key header is missing";
    /// Data plane: no `Authorization` header.
    CredentialsMissing = "credentials-missing" 401 "Credentials are missing";
    /// Data plane: `Authorization` is not `Bearer` followed by one token.
    AuthorizationMalformed = "authorization-malformed" 401 "The Authorization header is malformed";
    /// Data plane: the token does not have the format of a key.
    KeyMalformed = "key-malformed" 401 "The key is malformed";
    /// Data plane: the key is unknown or revoked.
    KeyInvalid = "key-invalid" 401 "The key is not valid";
    /// Management plane: no session token.
    SessionMissing = "session-missing" 401 "Not signed in";
    /// Management plane: the session has ended or never existed.
    SessionEnded = "session-ended" 401 "The session has ended";
    /// The sign-in code is unknown, used, replaced by a newer one, or expired.
    CodeInvalid = "code-invalid" 401 "The sign-in code is not valid";
    /// An API key was sent to the management plane.
    KeyNotAllowedHere = "key-not-allowed-here" 403 "An API key does not manage keys";
    /// The member's role does not have the permission.
    NotPermitted = "not-permitted" 403 "Not permitted";
    /// The request comes from a web page of another origin.
    OriginRefused = "origin-refused" 403 "Requests from web pages are refused";
    /// The resource does not exist, or belongs to another member.
    NotFound = "not-found" 404 "Not found";
    /// The path does not support the method.
    MethodNotAllowed = "method-not-allowed" 405 "The method is not allowed here";
    /// The request did not arrive in time.
    RequestTimeout = "request-timeout" 408 "The request took too long to arrive";
    /// The first request with this idempotency key is still running.
    IdempotencyInProgress = "idempotency-in-progress" 409 "The same request is still running";
    /// The organization would be left without an active admin.
    LastAdmin = "last-admin" 409 "The last admin must stay";
    /// The key to replace is revoked, has another kind or owner, or already has an active replacement.
    ReplacesConflict = "replaces-conflict" 409 "The key cannot be replaced by this one";
    /// The key is already revoked.
    KeyRevoked = "key-revoked" 409 "The key is revoked";
    /// The member is already removed.
    MemberRemoved = "member-removed" 409 "The member is removed";
    /// The key was used since the given time. `key` is its current state.
    UsedSince = "used-since" 412 "The key was used since you looked";
    /// `If-Match` names another version. `key` is its current state.
    VersionMismatch = "version-mismatch" 412 "The key was changed since you looked";
    /// The body is larger than 64 KiB.
    BodyTooLarge = "body-too-large" 413 "The body is too large";
    /// The body is not JSON.
    MediaTypeUnsupported = "media-type-unsupported" 415 "The body must be JSON";
    /// The `Host` header names another server.
    HostUnknown = "host-unknown" 421 "This server does not answer for that host";
    /// A field is not valid; see `errors`.
    FieldInvalid = "field-invalid" 422 "A field is not valid";
    /// The idempotency key was used with other fields.
    IdempotencyKeyReused = "idempotency-key-reused" 422 "The Idempotency-Key was used for another request";
    /// The header `If-Match` is required.
    IfMatchMissing = "if-match-missing" 428 "The If-Match header is missing";
    /// The client exceeded a rate limit.
    RateLimited = "rate-limited" 429 "Too many requests";
    /// The server has a bug or is misconfigured.
    Internal = "internal" 500 "The server failed";
    /// The server is busy, starting or stopping, or its database does not respond.
    Unavailable = "unavailable" 503 "The server cannot answer now";
    /// The connection was lost during the commit, so the change may have been stored. Check before repeating.
    OutcomeUnknown = "outcome-unknown" 503 "Whether it was done is not known";
    /// The disk is full. Nothing was changed.
    DiskFull = "disk-full" 507 "The server's disk is full";
}

// Written by hand because the derive macro does not see names from another macro.
impl PartialSchema for ProblemType {
    fn schema() -> RefOr<Schema> {
        let names = Self::ALL.iter().map(|kind| kind.name());
        ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some("The type of a problem. Its name is stable."))
            .enum_values(Some(names))
            .into()
    }
}

impl ToSchema for ProblemType {}

/// An error, as problem details (RFC 9457).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// Type of the problem.
    #[serde(rename = "type")]
    pub kind: ProblemType,
    /// Summary, the same for each problem of this type.
    pub title: String,
    /// HTTP status.
    pub status: u16,
    /// The cause and the next step.
    pub detail: String,
    /// Reasons by field name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub errors: BTreeMap<String, String>,
    /// The current key, for `used-since` and `version-mismatch`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Box<Key>>,
}

impl Problem {
    /// Creates a problem with the title and status of its type.
    pub fn new(kind: ProblemType, detail: impl Into<String>) -> Self {
        Self {
            kind,
            title: kind.title().to_owned(),
            status: kind.status(),
            detail: detail.into(),
            errors: BTreeMap::new(),
            key: None,
        }
    }

    /// Creates a problem about one invalid field (422).
    pub fn field(name: &str, wrong: impl fmt::Display) -> Self {
        let mut problem = Self::new(ProblemType::FieldInvalid, format!("`{name}` {wrong}."));
        problem.errors.insert(name.to_owned(), wrong.to_string());
        problem
    }

    /// Adds the current key.
    #[must_use]
    pub fn with_key(mut self, key: Key) -> Self {
        self.key = Some(Box::new(key));
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.detail.is_empty() { &self.title } else { &self.detail })
    }
}
