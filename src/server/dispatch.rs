//! What happens to every request: its id, the guards, the plane it belongs to, and the books kept on it.

use std::net::IpAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::response::{IntoResponse as _, Response};
use futures_util::FutureExt as _;
use http::header::ALLOW;
use http::request::Parts;
use http::{HeaderName, HeaderValue, Method, Request};
use hyper::body::Incoming;
use tower::ServiceExt as _;

use super::data_plane::{self, DataCall};
use super::router::Origin;
use super::{Refusal, Server, address, guard};
use crate::wire::{BASE, REQUEST_ID};

/// Both ends of a connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ends {
    pub peer: IpAddr,
    pub local: IpAddr,
}

/// Answers one request. Never fails: whatever goes wrong is an answer too.
pub(super) async fn answer(
    server: &Arc<Server>,
    routes: &Router,
    ends: Ends,
    request: Request<Incoming>,
) -> Response {
    let id = server.request_ids.next();
    let answered = AssertUnwindSafe(guarded(server, routes, ends, request)).catch_unwind().await;
    let mut response = answered.unwrap_or_else(|_| Refusal::Internal.into_response());
    response.headers_mut().insert(HeaderName::from_static(REQUEST_ID), id);
    response
}

async fn guarded(server: &Arc<Server>, routes: &Router, ends: Ends, request: Request<Incoming>) -> Response {
    let (parts, body) = request.into_parts();
    if let Err(refusal) = server.hosts.check(&parts, ends.local) {
        return refusal.into_response();
    }
    // The data plane goes before the router: integrations call it thousands of times a second.
    match data_call(parts.uri.path()) {
        Some(call) => data_plane(server, call, &parts, ends).await,
        None => Box::pin(management(routes, parts, body, ends)).await,
    }
}

async fn data_plane(server: &Server, call: DataCall, parts: &Parts, ends: Ends) -> Response {
    // A proxy asks `/auth` with whatever method the client used.
    if call != DataCall::Auth && !matches!(parts.method, Method::GET | Method::HEAD) {
        let mut response = Refusal::MethodNotAllowed.into_response();
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET,HEAD"));
        return response;
    }
    let client = address::of(ends.peer, &parts.headers, &server.settings.trusted_proxies);
    match data_plane::answer(server, call, &parts.headers, client).await {
        Ok(response) => response,
        Err(refusal) => refusal.into_response(),
    }
}

async fn management(routes: &Router, parts: Parts, body: Incoming, ends: Ends) -> Response {
    if let Err(refusal) = guard::check_origin(&parts) {
        return refusal.into_response();
    }
    let mut request = Request::from_parts(parts, Body::new(body));
    request.extensions_mut().insert(Origin(ends.peer));
    let Ok(response) = routes.clone().oneshot(request).await;
    response
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
