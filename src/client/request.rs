//! A call with its parameters, ready to be sent.

use crate::domain::id::Id;
use crate::wire::Call;

/// Default size limit in bytes for a reply. Pages of keys may be larger, see `Client::pages`.
pub(super) const REPLY_MAX: usize = 4 * 1024 * 1024;

/// An API call with its parameters, for example `CallRequest::to(GetMe)` or `CallRequest::with(CreatePersonalKey,
/// body).idempotency_key(key)`.
#[must_use = "a request does nothing until it is sent"]
pub struct CallRequest<C: Call> {
    pub(super) id: Option<Id>,
    pub(super) query: C::Query,
    pub(super) body: C::Body,
    pub(super) idempotency_key: Option<String>,
    pub(super) if_match: Option<i64>,
    pub(super) reply_max: usize,
}

impl<C: Call<Body = ()>> CallRequest<C> {
    /// Creates a request without a body.
    pub fn to(call: C) -> Self {
        Self::with(call, ())
    }

    /// Creates a request with query parameters and without a body.
    pub(super) fn from_query(query: C::Query) -> Self {
        Self { query, ..Self::empty(()) }
    }
}

impl<C: Call> CallRequest<C> {
    /// Creates a request with a body.
    pub fn with(_: C, body: C::Body) -> Self {
        Self::empty(body)
    }

    fn empty(body: C::Body) -> Self {
        Self {
            id: None,
            query: C::Query::default(),
            body,
            idempotency_key: None,
            if_match: None,
            reply_max: REPLY_MAX,
        }
    }

    /// Sets the `{id}` in the path.
    pub fn id(self, id: Id) -> Self {
        Self { id: Some(id), ..self }
    }

    /// Sets the query parameters.
    pub fn query(self, query: C::Query) -> Self {
        Self { query, ..self }
    }

    /// Sets the idempotency key, so that a retry has no further effect.
    pub fn idempotency_key(self, key: &str) -> Self {
        Self { idempotency_key: Some(key.to_owned()), ..self }
    }

    /// Sets `If-Match`: the server refuses the request unless the key still has this version.
    pub(crate) fn if_match(self, version: i64) -> Self {
        Self { if_match: Some(version), ..self }
    }

    /// Sets the size limit for the reply in bytes.
    pub(super) fn reply_max(self, bytes: usize) -> Self {
        Self { reply_max: bytes, ..self }
    }
}
