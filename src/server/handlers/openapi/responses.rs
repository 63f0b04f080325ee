//! The responses of each operation: success, and every problem by status.

use std::collections::{BTreeMap, BTreeSet};

use http::Method;
use serde_json::{Map, Value, json};
use utoipa::IntoParams as _;

use ProblemType as P;

use crate::wire::data_plane::{Authenticate, ListMachines, ListSites};
use crate::wire::keys::{
    ConfirmOrganizationKey, ConfirmPersonalKey, CreateOrganizationKey, CreatePersonalKey,
    EditOrganizationKey, EditPersonalKey, GetOrganizationKey, GetPersonalKey, ListPersonalKeys,
    LookUpKeyCall, RevokeLeakedKeyCall, RevokeOrganizationKey, RevokePersonalKey,
};
use crate::wire::members::{ChangeMemberRole, RemoveMember};
use crate::wire::problem::{MEDIA_TYPE, ProblemType};
use crate::wire::reviews::CreateReview;
use crate::wire::sessions::{
    CreateSessionCall, CreateSessionCode, EndCurrentSession, EndSession, GetMe, ListSessions,
};
use crate::wire::{Call, Plane};

/// Pattern of the `If-Match` values that clients should send. The server accepts more forms (RFC 9110, 13.1.1).
pub(super) const IF_MATCH_PATTERN: &str = r#"^(\*|"[1-9][0-9]*")$"#;

/// Properties of an operation that cannot be derived from its types.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct OperationTraits {
    /// Whether the operation requires the `Idempotency-Key` header.
    pub idempotent: bool,
    /// Whether the operation requires the `If-Match` header; `None` if it ignores the header.
    pub if_match: Option<bool>,
    /// Whether the operation responds with 200 to a retry of a request that already created something.
    pub also_200: bool,
    /// Whether the operation responds with one key and its `ETag`.
    pub etag: bool,
    /// Problems that cannot be derived from the operation's types.
    pub problems: &'static [ProblemType],
}

impl OperationTraits {
    pub(super) fn for_operation(operation: &str) -> Self {
        let create = Self {
            idempotent: true,
            also_200: true,
            etag: true,
            problems: &[P::NotPermitted, P::ReplacesConflict],
            ..Self::default()
        };
        let edit = Self {
            if_match: Some(true),
            etag: true,
            problems: &[P::NotPermitted, P::IfMatchMissing, P::VersionMismatch, P::KeyRevoked],
            ..Self::default()
        };
        let revoke = Self {
            if_match: Some(false),
            etag: true,
            problems: &[P::NotPermitted, P::UsedSince, P::VersionMismatch],
            ..Self::default()
        };
        let problems = |problems| Self { problems, ..Self::default() };
        match operation {
            CreatePersonalKey::OPERATION | CreateOrganizationKey::OPERATION => create,
            EditPersonalKey::OPERATION | EditOrganizationKey::OPERATION => edit,
            RevokePersonalKey::OPERATION | RevokeOrganizationKey::OPERATION => revoke,
            GetPersonalKey::OPERATION | GetOrganizationKey::OPERATION => {
                Self { etag: true, problems: &[P::NotPermitted], ..Self::default() }
            }
            ConfirmPersonalKey::OPERATION | ConfirmOrganizationKey::OPERATION => {
                Self { etag: true, problems: &[P::NotPermitted, P::KeyRevoked], ..Self::default() }
            }
            CreateReview::OPERATION => Self {
                idempotent: true,
                also_200: true,
                problems: &[P::NotPermitted, P::NotFound, P::UsedSince, P::KeyRevoked],
                ..Self::default()
            },
            CreateSessionCall::OPERATION => problems(&[P::CodeInvalid, P::KeyNotAllowedHere]),
            LookUpKeyCall::OPERATION => problems(&[P::NotFound]),
            RevokeLeakedKeyCall::OPERATION => problems(&[P::NotPermitted, P::NotFound]),
            ChangeMemberRole::OPERATION | RemoveMember::OPERATION => {
                problems(&[P::NotPermitted, P::LastAdmin, P::MemberRemoved])
            }
            ListSites::OPERATION
            | ListMachines::OPERATION
            | Authenticate::OPERATION
            | GetMe::OPERATION
            | CreateSessionCode::OPERATION
            | ListSessions::OPERATION
            | EndCurrentSession::OPERATION
            | EndSession::OPERATION
            | ListPersonalKeys::OPERATION => problems(&[]),
            _ => problems(&[P::NotPermitted]),
        }
    }
}

/// Returns every problem that the call can respond with.
fn problems<C: Call>() -> BTreeSet<ProblemType> {
    let traits = OperationTraits::for_operation(C::OPERATION);
    let mut all: BTreeSet<_> =
        [P::Malformed, P::HostUnknown, P::RateLimited, P::Internal, P::Unavailable].into();
    all.extend(traits.problems);
    match C::PLANE {
        Plane::Data => {
            all.extend([P::CredentialsMissing, P::AuthorizationMalformed, P::KeyMalformed, P::KeyInvalid]);
            return all;
        }
        Plane::Management => {
            all.extend([P::SessionMissing, P::SessionEnded, P::KeyNotAllowedHere, P::OriginRefused]);
        }
        Plane::Open => {
            all.extend([P::KeyNotAllowedHere, P::OriginRefused]);
        }
    }
    let takes_body = std::any::type_name::<C::Body>() != std::any::type_name::<()>();
    if takes_body {
        all.extend([P::RequestTimeout, P::BodyTooLarge, P::MediaTypeUnsupported, P::FieldInvalid]);
    }
    let parameters = C::Query::into_params(|| None);
    if !parameters.is_empty() {
        all.insert(P::FieldInvalid);
    }
    if parameters.iter().any(|p| p.name == "cursor") {
        all.insert(P::CursorInvalid);
    }
    if C::HAS_ID {
        all.insert(P::NotFound);
    }
    if traits.idempotent {
        all.extend([P::IdempotencyKeyMissing, P::IdempotencyInProgress, P::IdempotencyKeyReused]);
    }
    if C::METHOD != Method::GET {
        all.extend([P::OutcomeUnknown, P::DiskFull]);
    }
    all
}

/// Describes the responses of a call, by status.
pub(super) fn responses<C: Call>(reply: Option<&Value>) -> Map<String, Value> {
    let traits = OperationTraits::for_operation(C::OPERATION);
    let mut headers = Vec::new();
    if traits.etag {
        headers.push(("ETag", "The key's version, to send in `If-Match`."));
    }
    if C::OPERATION == Authenticate::OPERATION {
        headers.extend([
            ("X-Keyward-Key-Id", "The key's id."),
            ("X-Keyward-Key-Name", "The key's name, as percent-encoded UTF-8."),
            ("X-Keyward-Key-Kind", "`personal` or `organization`."),
        ]);
    }
    let mut all = Map::new();
    if traits.also_200 {
        all.insert(
            "200".into(),
            describe_success(
                "An earlier request with the same `Idempotency-Key` has already done this.",
                reply.cloned(),
                &headers,
            ),
        );
    }
    if traits.etag && C::STATUS == 201 {
        headers.push(("Location", "Path of the new resource."));
    }
    all.insert(C::STATUS.to_string(), describe_success("Done.", reply.cloned(), &headers));
    let mut by_status: BTreeMap<u16, Vec<ProblemType>> = BTreeMap::new();
    for problem in problems::<C>() {
        by_status.entry(problem.status()).or_default().push(problem);
    }
    for (status, problems) in by_status {
        all.insert(status.to_string(), describe_failure(&problems));
    }
    all
}

/// Describes a successful response.
pub(super) fn describe_success(about: &str, schema: Option<Value>, headers: &[(&str, &str)]) -> Value {
    let mut response = json!({"description": about, "headers": with_request_id(headers)});
    if let Some(schema) = schema {
        response["content"] = json!({"application/json": {"schema": schema}});
    }
    response
}

/// Describes a response with one of these problems, which all have the same status.
pub(super) fn describe_failure(problems: &[ProblemType]) -> Value {
    let names: Vec<_> = problems.iter().map(|p| p.name()).collect();
    let about: Vec<_> = problems.iter().map(|p| format!("`{}`: {}.", p.name(), p.title())).collect();
    let headers: &[_] = match problems.first().map(|p| p.status()) {
        Some(401) => &[("WWW-Authenticate", "The authentication scheme, as in RFC 6750.")],
        Some(429 | 503) => &[("Retry-After", "Seconds to wait before trying again.")],
        _ => &[],
    };
    json!({
        "description": about.join(" "),
        "headers": with_request_id(headers),
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        // Not part of the schema, because generated clients would get a separate type for each status of each call.
        "x-problem-types": names,
    })
}

fn with_request_id(headers: &[(&str, &str)]) -> Map<String, Value> {
    let all = headers.iter().chain(&[("X-Request-Id", "Identifies the request in the server's log.")]);
    all.map(|(name, about)| {
        let schema = match *name {
            "Retry-After" => json!({"type": "integer", "minimum": 1}),
            "X-Keyward-Key-Id" => json!({"type": "string", "format": "uuid"}),
            "X-Keyward-Key-Kind" => json!({"$ref": "#/components/schemas/Kind"}),
            "Location" => json!({"type": "string", "format": "uri-reference"}),
            _ => json!({"type": "string"}),
        };
        ((*name).to_owned(), json!({"description": about, "required": true, "schema": schema}))
    })
    .collect()
}
