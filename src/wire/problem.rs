//! Errors as problem details (RFC 9457), and the list of their types.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::openapi::schema::Type;
use utoipa::openapi::{ObjectBuilder, RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::domain::key::Key;

/// Media type of problem details (RFC 9457).
pub const MEDIA_TYPE: &str = "application/problem+json";

macro_rules! problems {
    ($($(#[$doc:meta])* $variant:ident = $name:literal $status:literal $title:literal;)+) => {
        /// Type of a problem. The names never change.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum ProblemType {
            $($(#[$doc])* #[serde(rename = $name)] $variant,)+
            /// A type that this version does not know, sent by a newer server.
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

            /// Returns a short summary of problems of this type.
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
    CursorInvalid = "cursor-invalid" 400 "The cursor is not valid for this list";
    /// The request creates a key or applies a decision, but has no `Idempotency-Key` header.
    IdempotencyKeyMissing = "idempotency-key-missing" 400 "The Idempotency-Key header is missing";
    /// Data plane: the request has no `Authorization` header.
    CredentialsMissing = "credentials-missing" 401 "Credentials are missing";
    /// Data plane: `Authorization` is not `Bearer` followed by one token.
    AuthorizationMalformed = "authorization-malformed" 401 "The Authorization header is malformed";
    /// Data plane: the token does not have the format of a key.
    KeyMalformed = "key-malformed" 401 "The key is malformed";
    /// Data plane: the key is unknown or revoked.
    KeyInvalid = "key-invalid" 401 "The key is not valid";
    /// Management plane: the request has no session token.
    SessionMissing = "session-missing" 401 "Not signed in";
    /// Management plane: the session has ended or never existed.
    SessionEnded = "session-ended" 401 "The session has ended";
    /// The sign-in code is unknown, already used, replaced by a newer one, or expired.
    CodeInvalid = "code-invalid" 401 "The sign-in code is not valid";
    /// An API key was sent to the management plane.
    KeyNotAllowedHere = "key-not-allowed-here" 403 "API keys cannot manage keys";
    /// The member's role does not have the permission.
    NotPermitted = "not-permitted" 403 "Not permitted";
    /// The request comes from a web page of another origin.
    OriginRefused = "origin-refused" 403 "Requests from web pages are refused";
    /// The resource does not exist, or belongs to another member.
    NotFound = "not-found" 404 "Not found";
    /// The path does not support the method.
    MethodNotAllowed = "method-not-allowed" 405 "The method is not allowed here";
    /// The complete request did not arrive in time.
    RequestTimeout = "request-timeout" 408 "The request took too long to arrive";
    /// An earlier request with this idempotency key is still being processed.
    IdempotencyInProgress = "idempotency-in-progress" 409 "The same request is still being processed";
    /// The organization would be left without an active admin.
    LastAdmin = "last-admin" 409 "An organization needs an active admin";
    /// The key to replace is revoked, has another kind or owner, or already has an active replacement.
    ReplacesConflict = "replaces-conflict" 409 "The key cannot be replaced";
    /// The key is already revoked.
    KeyRevoked = "key-revoked" 409 "The key is already revoked";
    /// The member is already removed.
    MemberRemoved = "member-removed" 409 "The member is already removed";
    /// The key was used since the time given in the request. `key` is the key as it is now.
    UsedSince = "used-since" 412 "The key has been used since you last viewed it";
    /// `If-Match` names another version of the key. `key` is the key as it is now.
    VersionMismatch = "version-mismatch" 412 "The key has been changed since you last viewed it";
    /// The body is larger than 64 KiB.
    BodyTooLarge = "body-too-large" 413 "The body is too large";
    /// The body is not JSON.
    MediaTypeUnsupported = "media-type-unsupported" 415 "The body must be JSON";
    /// The request names a host that this server does not serve.
    HostUnknown = "host-unknown" 421 "This server does not serve that host";
    /// A field is not valid. `errors` says which one and why.
    FieldInvalid = "field-invalid" 422 "A field is not valid";
    /// The idempotency key was already used for a request with different content.
    IdempotencyKeyReused = "idempotency-key-reused" 422 "The Idempotency-Key was already used for a different request";
    /// The header `If-Match` is required.
    IfMatchMissing = "if-match-missing" 428 "The If-Match header is missing";
    /// The client exceeded a rate limit.
    RateLimited = "rate-limited" 429 "Too many requests";
    /// The server has a bug or is misconfigured.
    Internal = "internal" 500 "The server failed";
    /// The server is busy, starting or stopping, or its database does not respond.
    Unavailable = "unavailable" 503 "The server is temporarily unavailable";
    /// The connection to the database was lost during the commit, so the change may have been stored. Check before retrying.
    OutcomeUnknown = "outcome-unknown" 503 "The outcome of the request is unknown";
    /// The disk is full. Nothing was changed.
    DiskFull = "disk-full" 507 "The server's disk is full";
}

// Written by hand because the derive macro does not see names from another macro.
impl PartialSchema for ProblemType {
    fn schema() -> RefOr<Schema> {
        let names = Self::ALL.iter().map(|kind| kind.name());
        ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some("Type of a problem. The names never change."))
            .enum_values(Some(names))
            .into()
    }
}

impl ToSchema for ProblemType {}

/// An error, as problem details (RFC 9457).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// Type of the problem, such as `key-invalid`.
    #[serde(rename = "type")]
    pub kind: ProblemType,
    /// Short summary, the same for all problems of this type.
    pub title: String,
    /// HTTP status of the response.
    pub status: u16,
    /// What went wrong, and what to do next.
    pub detail: String,
    /// What is wrong with each invalid field, by field name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub errors: BTreeMap<String, String>,
    /// The key as it is now. Only set for `used-since` and `version-mismatch`.
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
    pub fn field(name: &str, reason: impl fmt::Display) -> Self {
        let mut problem = Self::new(ProblemType::FieldInvalid, format!("`{name}` {reason}."));
        problem.errors.insert(name.to_owned(), reason.to_string());
        problem
    }

    /// Adds the key as it is now to the problem.
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
