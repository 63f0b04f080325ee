//! The response of a handler, with a body of the reply type that the call declares.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, LOCATION};
use http::{HeaderValue, StatusCode};

use crate::domain::id::Id;
use crate::server::error::ApiError;
use crate::wire::{BASE, Call};

/// The response to a request for the operation `C`.
pub(in crate::server) struct CallResponse<C: Call> {
    reply: C::Reply,
    status: u16,
    version: Option<i64>,
    created: Option<Id>,
}

impl<C: Call> CallResponse<C> {
    /// Creates a response with the default status of the operation.
    pub(in crate::server) fn new(reply: C::Reply) -> Self {
        Self { reply, status: C::STATUS, version: None, created: None }
    }

    /// Overrides the status, for example with 200 for a retry of a create.
    #[must_use]
    pub(in crate::server) fn with_status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// Adds the `ETag` header for this version of a key.
    #[must_use]
    pub(in crate::server) fn with_version(mut self, version: i64) -> Self {
        self.version = Some(version);
        self
    }

    /// Adds a `Location` header for the created resource if the status is 201.
    #[must_use]
    pub(in crate::server) fn with_location(mut self, id: Id) -> Self {
        self.created = Some(id);
        self
    }
}

impl<C: Call> IntoResponse for CallResponse<C> {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = if status == StatusCode::NO_CONTENT {
            Body::empty()
        } else {
            match serde_json::to_vec(&self.reply) {
                Ok(body) => Body::from(body),
                Err(_) => return ApiError::Internal.into_response(),
            }
        };
        let mut response = Response::new(body);
        *response.status_mut() = status;
        let headers = response.headers_mut();
        if status != StatusCode::NO_CONTENT {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        let etag = self.version.and_then(|version| HeaderValue::from_str(&format!("\"{version}\"")).ok());
        if let Some(etag) = etag {
            headers.insert(ETAG, etag);
        }
        let created = self.created.filter(|_| status == StatusCode::CREATED);
        let location = created.and_then(|id| format!("{BASE}{}/{id}", C::PATH).parse().ok());
        if let Some(location) = location {
            headers.insert(LOCATION, location);
        }
        response
    }
}
