//! Handles every request: assigns its id, checks `Host` and `Origin`, applies rate limits, dispatches to the data plane or to the
//! router of the management plane, and records metrics and a log entry.

use std::net::IpAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::response::{IntoResponse as _, Response};
use futures_util::FutureExt as _;
use http::header::{ALLOW, AUTHORIZATION};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode};
use hyper::body::Incoming;
use tower::ServiceExt as _;
use tracing::Instrument as _;

use super::context::ServerContext;
use super::error::ApiError;
use super::handlers::data_plane::{self, DataCall};
use super::http::client_address::client_address;
use super::http::drain_body::DrainedBody;
use super::http::host_check::check_origin;
use super::http::listener::ConnectionAddresses;
use super::http::request::PeerAddress;
use super::observability::logs::AccessLogEntry;
use super::observability::metrics::{OTHER_OPERATION, OperationCounter};
use super::router::OperationName;
use super::routes;
use crate::clock::monotonic_now;
use crate::wire::data_plane::{Authenticate, ListMachines, ListSites};
use crate::wire::sessions::CreateSessionCall;
use crate::wire::{BASE, Call as _, REQUEST_ID};

/// Handles the requests to the API listener.
pub(super) struct Service {
    context: Arc<ServerContext>,
    routes: Router,
    /// Counters of the data-plane calls, indexed by [`DataCall`].
    data_counters: [OperationCounter; 3],
    other_counter: OperationCounter,
}

impl Service {
    pub(super) fn new(context: Arc<ServerContext>) -> Self {
        let counter = |name| context.metrics.counter_of(name);
        Self {
            routes: routes::routes(&context),
            data_counters: [
                counter(ListSites::OPERATION),
                counter(ListMachines::OPERATION),
                counter(Authenticate::OPERATION),
            ],
            other_counter: counter(OTHER_OPERATION),
            context,
        }
    }

    /// Step 1 of a verification: handles one request. Converts every error to a response.
    pub(super) async fn handle(
        &self,
        connection: ConnectionAddresses,
        request: Request<Incoming>,
    ) -> Response {
        let id = self.context.request_ids.generate();
        let (parts, body) = request.into_parts();
        let body = DrainedBody::new(body, &parts.headers);
        let mut response = if let Err(error) = self.context.allowed_hosts.check(&parts, connection.local) {
            let response = error.into_response();
            self.context.metrics.record_response(self.other_counter, response.status().as_u16());
            response
        } else if let Some(call) = data_call(parts.uri.path()) {
            // The data plane bypasses the router, because integrations call it thousands of times per second.
            self.handle_data_plane(call, &parts, connection, &id).await
        } else {
            Box::pin(self.handle_management(parts, body, connection, &id)).await
        };
        response.headers_mut().insert(HeaderName::from_static(REQUEST_ID), id);
        response
    }

    async fn handle_data_plane(
        &self,
        call: DataCall,
        parts: &Parts,
        connection: ConnectionAddresses,
        id: &HeaderValue,
    ) -> Response {
        let context = &self.context;
        let started = monotonic_now();
        let address = client_address(connection.peer, &parts.headers, &context.settings.trusted_proxies);
        // A proxy calls `/auth` with the method of the client's request.
        let response = if call == DataCall::Auth || matches!(parts.method, Method::GET | Method::HEAD) {
            let handled = AssertUnwindSafe(data_plane::handle(context, call, &parts.headers, address));
            match handled.catch_unwind().await {
                Ok(Ok(response)) => response,
                Ok(Err(error)) => self.limit_failures(error.into_response(), address, &parts.headers),
                Err(_) => ApiError::Internal.into_response(),
            }
        } else {
            let mut response = ApiError::MethodNotAllowed.into_response();
            response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET,HEAD"));
            response
        };
        let counter = self.data_counters[call as usize];
        let (status, took) = (response.status().as_u16(), monotonic_now() - started);
        context.metrics.record_verification(counter, status, took);
        let operation = context.metrics.operation_name(counter);
        AccessLogEntry { request_id: as_text(id), operation, status, took, address }.log_data_plane();
        response
    }

    async fn handle_management(
        &self,
        parts: Parts,
        body: DrainedBody,
        connection: ConnectionAddresses,
        id: &HeaderValue,
    ) -> Response {
        let context = &self.context;
        let started = monotonic_now();
        let headers = parts.headers.clone();
        let address = client_address(connection.peer, &headers, &context.settings.trusted_proxies);
        let span = tracing::info_span!("request", id = as_text(id));
        let routed = AssertUnwindSafe(self.route(parts, body, connection.peer, address));
        let response = match routed.catch_unwind().instrument(span).await {
            Ok(Ok(response)) => self.limit_failures(response, address, &headers),
            Ok(Err(error)) => error.into_response(),
            Err(_) => ApiError::Internal.into_response(),
        };
        let operation =
            response.extensions().get::<OperationName>().map_or(OTHER_OPERATION, |operation| operation.0);
        let (status, took) = (response.status().as_u16(), monotonic_now() - started);
        context.metrics.record_response(context.metrics.counter_of(operation), status);
        AccessLogEntry { request_id: as_text(id), operation, status, took, address }.log_management(&headers);
        response
    }

    /// Checks the origin and the rate limits, then passes the request to the router.
    async fn route(
        &self,
        parts: Parts,
        body: DrainedBody,
        peer: IpAddr,
        address: IpAddr,
    ) -> Result<Response, ApiError> {
        check_origin(&parts)?;
        if parts.method == CreateSessionCall::METHOD
            && parts.uri.path().strip_prefix(BASE) == Some(CreateSessionCall::PATH)
        {
            self.context.rate_limiter.count_sign_in(address)?;
        }
        self.context.rate_limiter.count_request(&parts.headers)?;
        let mut request = Request::from_parts(parts, Body::new(body));
        request.extensions_mut().insert(PeerAddress(peer));
        let Ok(response) = self.routes.clone().oneshot(request).await;
        Ok(response)
    }

    /// Counts a refused credential, and replaces the response with a 429 if there were too many.
    fn limit_failures(&self, response: Response, address: IpAddr, headers: &HeaderMap) -> Response {
        let is_failure = response.status() == StatusCode::UNAUTHORIZED && headers.contains_key(AUTHORIZATION);
        if !is_failure {
            return response;
        }
        match self.context.rate_limiter.count_failure(address) {
            Ok(()) => response,
            Err(rate_limited) => rate_limited.into_response(),
        }
    }
}

fn as_text(id: &HeaderValue) -> &str {
    id.to_str().unwrap_or_default()
}

fn data_call(path: &str) -> Option<DataCall> {
    DataCall::from_path(path.strip_prefix(BASE)?)
}
