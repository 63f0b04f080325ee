//! What happens to every request: its id, the guards, the plane it belongs to, and the books kept on it.

use std::net::IpAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::response::{IntoResponse as _, Response};
use futures_util::FutureExt as _;
use http::header::{ALLOW, AUTHORIZATION};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode};
use hyper::body::Incoming;
use tower::ServiceExt as _;
use tracing::Instrument as _;

use crate::clock::monotonic_now;
use crate::server::Server;
use crate::server::error::ApiError;
use crate::server::handlers::data_plane;
use crate::server::handlers::data_plane::DataCall;
use crate::server::http::client_address;
use crate::server::http::drain_body::DrainedBody;
use crate::server::http::host_check;
use crate::server::http::listener::ConnectionAddresses;
use crate::server::http::request::PeerAddress;
use crate::server::observability::logs;
use crate::server::observability::metrics::OTHER;
use crate::server::observability::metrics::OperationCounter;
use crate::server::router;
use crate::server::router::OperationName;
use crate::wire::data_plane::{Authenticate, ListMachines, ListSites};
use crate::wire::sessions::CreateSessionCall;
use crate::wire::{BASE, Call as _, REQUEST_ID};

/// Where every request comes in.
pub(in crate::server) struct Service {
    server: Arc<Server>,
    routes: Router,
    data_calls: [OperationCounter; 3],
    other: OperationCounter,
}

impl Service {
    pub(in crate::server) fn new(server: Arc<Server>) -> Self {
        let operation = |name| server.metrics.operation(name);
        Self {
            routes: router::routes(&server),
            data_calls: [
                operation(ListSites::OPERATION),
                operation(ListMachines::OPERATION),
                operation(Authenticate::OPERATION),
            ],
            other: operation(OTHER),
            server,
        }
    }

    /// Answers one request. Never fails: whatever goes wrong is an answer too.
    pub(in crate::server) async fn answer(
        &self,
        ends: ConnectionAddresses,
        request: Request<Incoming>,
    ) -> Response {
        let id = self.server.request_ids.next();
        let (parts, body) = request.into_parts();
        let body = DrainedBody::new(body, &parts.headers);
        if let Err(refusal) = self.server.hosts.check(&parts, ends.local) {
            let mut response = refusal.into_response();
            self.server.metrics.answered(self.other, response.status().as_u16());
            response.headers_mut().insert(HeaderName::from_static(REQUEST_ID), id);
            return response;
        }
        // The data plane goes before the router: integrations call it thousands of times a second.
        let mut response = match data_call(parts.uri.path()) {
            Some(call) => self.data_plane(call, &parts, ends, &id).await,
            None => Box::pin(self.management(parts, body, ends, &id)).await,
        };
        response.headers_mut().insert(HeaderName::from_static(REQUEST_ID), id);
        response
    }

    async fn data_plane(
        &self,
        call: DataCall,
        parts: &Parts,
        ends: ConnectionAddresses,
        id: &HeaderValue,
    ) -> Response {
        let server = &self.server;
        let started = monotonic_now();
        let address = client_address::of(ends.peer, &parts.headers, &server.settings.trusted_proxies);
        // A proxy asks `/auth` with whatever method the client used.
        let response = if call == DataCall::Auth || matches!(parts.method, Method::GET | Method::HEAD) {
            let answer = AssertUnwindSafe(data_plane::answer(server, call, &parts.headers, address));
            match answer.catch_unwind().await {
                Ok(Ok(response)) => response,
                Ok(Err(refusal)) => self.refuse(refusal.into_response(), address, &parts.headers),
                Err(_) => ApiError::Internal.into_response(),
            }
        } else {
            let mut response = ApiError::MethodNotAllowed.into_response();
            response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET,HEAD"));
            response
        };
        let operation = self.data_calls[call as usize];
        let (status, took) = (response.status().as_u16(), monotonic_now() - started);
        server.metrics.verified(operation, status, took);
        let operation = server.metrics.name(operation);
        logs::AccessLogEntry { request_id: text(id), operation, status, took, address }.log(true, None);
        response
    }

    async fn management(
        &self,
        parts: Parts,
        body: DrainedBody,
        ends: ConnectionAddresses,
        id: &HeaderValue,
    ) -> Response {
        let server = &self.server;
        let started = monotonic_now();
        let headers = parts.headers.clone();
        let address = client_address::of(ends.peer, &headers, &server.settings.trusted_proxies);
        let span = tracing::info_span!("request", id = text(id));
        let answer =
            AssertUnwindSafe(self.managed(parts, body, ends, address)).catch_unwind().instrument(span);
        let response = match answer.await {
            Ok(Ok(response)) => self.refuse(response, address, &headers),
            Ok(Err(refusal)) => refusal.into_response(),
            Err(_) => ApiError::Internal.into_response(),
        };
        let operation = response.extensions().get::<OperationName>().map_or(OTHER, |answers| answers.0);
        let (status, took) = (response.status().as_u16(), monotonic_now() - started);
        server.metrics.answered(server.metrics.operation(operation), status);
        logs::AccessLogEntry { request_id: text(id), operation, status, took, address }
            .log(false, Some(&headers));
        response
    }

    async fn managed(
        &self,
        parts: Parts,
        body: DrainedBody,
        ends: ConnectionAddresses,
        address: IpAddr,
    ) -> Result<Response, ApiError> {
        host_check::check_origin(&parts)?;
        if parts.method == CreateSessionCall::METHOD
            && parts.uri.path().strip_prefix(BASE) == Some(CreateSessionCall::PATH)
        {
            self.server.limiter.sign_in(address)?;
        }
        self.server.limiter.request(&parts.headers)?;
        let mut request = Request::from_parts(parts, Body::new(body));
        request.extensions_mut().insert(PeerAddress(ends.peer));
        let Ok(response) = self.routes.clone().oneshot(request).await;
        Ok(response)
    }

    /// Counts a refused credential, and says so instead if there were too many.
    fn refuse(&self, response: Response, address: IpAddr, headers: &HeaderMap) -> Response {
        let counts = response.status() == StatusCode::UNAUTHORIZED && headers.contains_key(AUTHORIZATION);
        match if counts { self.server.limiter.failure(address) } else { Ok(()) } {
            Ok(()) => response,
            Err(too_many) => too_many.into_response(),
        }
    }
}

fn text(id: &HeaderValue) -> &str {
    id.to_str().unwrap_or_default()
}

fn data_call(path: &str) -> Option<DataCall> {
    match path.strip_prefix(BASE)? {
        "/sites" => Some(DataCall::Sites),
        "/machines" => Some(DataCall::Machines),
        "/auth" => Some(DataCall::Auth),
        _ => None,
    }
}

/// Makes the ids of requests: 16 hexadecimal digits, different for each request of a process and, by chance, of all.
pub struct RequestIds {
    seed: u64,
    count: AtomicU64,
}

impl RequestIds {
    /// Ids that begin anywhere.
    pub fn new(seed: [u8; 8]) -> Self {
        Self { seed: u64::from_le_bytes(seed), count: AtomicU64::new(0) }
    }

    fn next(&self) -> HeaderValue {
        // An odd factor maps the counter onto all of u64 without collision.
        let n = self.count.fetch_add(1, Ordering::Relaxed).wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ self.seed;
        let bytes = n.to_be_bytes();
        let digits: [u8; 16] = std::array::from_fn(|i| {
            let nibble = if i % 2 == 0 { bytes[i / 2] >> 4 } else { bytes[i / 2] & 15 };
            b"0123456789abcdef"[usize::from(nibble)]
        });
        HeaderValue::from_maybe_shared(Bytes::copy_from_slice(&digits)).expect("digits are a header value")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn request_ids_do_not_repeat() {
        let ids = RequestIds::new([7; 8]);
        let all: std::collections::HashSet<_> = (0..10_000).map(|_| ids.next()).collect();
        assert_eq!(all.len(), 10_000);
        assert!(all.iter().all(|id| id.len() == 16));
    }
}
