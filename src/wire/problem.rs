//! Errors as RFC 9457 problem details, and the list of their types.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::openapi::schema::Type;
use utoipa::openapi::{ObjectBuilder, RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::domain::key::Key;

/// The media type of a problem.
pub const MEDIA_TYPE: &str = "application/problem+json";

macro_rules! problems {
    ($($(#[$doc:meta])* $variant:ident = $name:literal $status:literal $title:literal;)+) => {
        /// The type of a problem. Its name is stable.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum ProblemType {
            $($(#[$doc])* #[serde(rename = $name)] $variant,)+
            /// A type that this version does not know.
            #[serde(other, rename = "unknown")]
            Unknown,
        }

        impl ProblemType {
            /// All types that the server answers with.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The bare name, `key-invalid`.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ Self::Unknown => "unknown" }
            }

            /// The HTTP status that goes with it.
            pub fn status(self) -> u16 {
                match self { $(Self::$variant => $status,)+ Self::Unknown => 500 }
            }

            /// The short summary that goes with it.
            pub fn title(self) -> &'static str {
                match self { $(Self::$variant => $title,)+ Self::Unknown => "Unknown problem" }
            }
        }
    };
}

problems! {
    /// The request cannot be read.
    Malformed = "malformed-request" 400 "The request cannot be read";
    /// The cursor is none of ours, or belongs to another list.
    CursorInvalid = "cursor-invalid" 400 "The cursor is not valid here";
    /// A create or review without `Idempotency-Key`.
    IdempotencyKeyMissing = "idempotency-key-missing" 400 "The Idempotency-Key header is missing";
    /// Data plane: no `Authorization`.
    CredentialsMissing = "credentials-missing" 401 "Credentials are missing";
    /// Data plane: `Authorization` is not `Bearer` and one token.
    AuthorizationMalformed = "authorization-malformed" 401 "The Authorization header is malformed";
    /// Data plane: the token cannot be a key.
    KeyMalformed = "key-malformed" 401 "The key is malformed";
    /// Data plane: unknown, revoked, or its member was removed.
    KeyInvalid = "key-invalid" 401 "The key is not valid";
    /// Management plane: no session.
    SessionMissing = "session-missing" 401 "Not signed in";
    /// Management plane: the session was ended, or never was.
    SessionEnded = "session-ended" 401 "The session has ended";
    /// The sign-in code is unknown, used, superseded or too old.
    CodeInvalid = "code-invalid" 401 "The sign-in code is not valid";
    /// An API key on the management plane.
    KeyNotAllowedHere = "key-not-allowed-here" 403 "An API key does not manage keys";
    /// The role lacks the permission.
    NotPermitted = "not-permitted" 403 "Not permitted";
    /// A web page of another origin.
    OriginRefused = "origin-refused" 403 "Requests from web pages are refused";
    /// Not there, or another's.
    NotFound = "not-found" 404 "Not found";
    /// The method is none of this path's.
    MethodNotAllowed = "method-not-allowed" 405 "The method is not allowed here";
    /// The client was too slow with its request.
    RequestTimeout = "request-timeout" 408 "The request took too long to arrive";
    /// The first request with this `Idempotency-Key` is still running.
    IdempotencyInProgress = "idempotency-in-progress" 409 "The same request is still running";
    /// The last active admin would be lost.
    LastAdmin = "last-admin" 409 "The last admin must stay";
    /// The key to replace is revoked, of another kind or owner, or has a live successor.
    ReplacesConflict = "replaces-conflict" 409 "The key cannot be replaced by this one";
    /// The key is revoked already.
    KeyRevoked = "key-revoked" 409 "The key is revoked";
    /// The member is removed already.
    MemberRemoved = "member-removed" 409 "The member is removed";
    /// The key was used since the time given. `key` is as it is now.
    UsedSince = "used-since" 412 "The key was used since you looked";
    /// `If-Match` names another version. `key` is as it is now.
    VersionMismatch = "version-mismatch" 412 "The key was changed since you looked";
    /// More than 64 KiB.
    BodyTooLarge = "body-too-large" 413 "The body is too large";
    /// Not JSON.
    MediaTypeUnsupported = "media-type-unsupported" 415 "The body must be JSON";
    /// The `Host` is none of this server's.
    HostUnknown = "host-unknown" 421 "This server does not answer for that host";
    /// A field is not valid; `errors` says which.
    FieldInvalid = "field-invalid" 422 "A field is not valid";
    /// The `Idempotency-Key` was used with other fields.
    IdempotencyKeyReused = "idempotency-key-reused" 422 "The Idempotency-Key was used for another request";
    /// `If-Match` is required.
    IfMatchMissing = "if-match-missing" 428 "The If-Match header is missing";
    /// Too many requests.
    RateLimited = "rate-limited" 429 "Too many requests";
    /// Something went wrong in the server.
    Internal = "internal" 500 "The server failed";
    /// Busy, starting, stopping, or its database does not answer.
    Unavailable = "unavailable" 503 "The server cannot answer now";
    /// The commit's outcome is unknown: look before repeating.
    OutcomeUnknown = "outcome-unknown" 503 "Whether it was done is not known";
    /// The disk is full; nothing was changed.
    DiskFull = "disk-full" 507 "The server's disk is full";
}

// By hand, since the derived one does not see names that a macro gives.
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

/// What went wrong, after RFC 9457.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// Which problem.
    #[serde(rename = "type")]
    pub kind: ProblemType,
    /// Its summary, the same for all problems of the type.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What happened here, why, and what to do next.
    pub detail: String,
    /// What is wrong with which field.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub errors: BTreeMap<String, String>,
    /// The key as it is now, with `used-since` and `version-mismatch`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Box<Key>>,
}

impl Problem {
    /// A problem of this type with its detail.
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

    /// A 422 about one field.
    pub fn field(name: &str, wrong: impl fmt::Display) -> Self {
        let mut problem = Self::new(ProblemType::FieldInvalid, format!("`{name}` {wrong}."));
        problem.errors.insert(name.to_owned(), wrong.to_string());
        problem
    }

    /// The same with the key as it is now.
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
