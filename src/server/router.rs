//! Which handler answers which call, and what a handler is given: the one list of routes.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Request};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, on};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, LOCATION};
use http::{HeaderValue, StatusCode};

use crate::domain::id::Id;
use crate::domain::member::PermissionError;
use crate::server::Server;
use crate::server::auth;
use crate::server::error::ApiError;
use crate::server::handlers::activity;
use crate::server::handlers::key_lookups;
use crate::server::handlers::keys;
use crate::server::handlers::me;
use crate::server::handlers::members;
use crate::server::handlers::openapi;
use crate::server::handlers::reviews;
use crate::server::handlers::rotations;
use crate::server::handlers::sessions;
use crate::server::handlers::usage;
use crate::server::http::request::CallRequest;
use crate::wire::{BASE, Call};

/// The operation that answered, put on each response for the books.
#[derive(Clone, Copy, Debug)]
pub(in crate::server) struct OperationName(pub &'static str);

/// The routes of the management plane while they are put together.
pub struct RouteBuilder {
    server: Arc<Server>,
    router: Router,
}

impl RouteBuilder {
    /// Lets `handler` answer the call that it names in its signature:
    /// `async fn list(server: Arc<Server>, asked: CallRequest<ListMembers>) -> Result<CallResponse<ListMembers>, ApiError>`.
    #[must_use]
    pub fn on<C, H, F>(mut self, handler: H) -> Self
    where
        C: Call + Send + Sync + 'static,
        H: Fn(Arc<Server>, CallRequest<C>) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Result<CallResponse<C>, ApiError>> + Send,
    {
        let server = self.server.clone();
        let answer = move |request: Request| {
            let (server, handler) = (server.clone(), handler.clone());
            async move {
                let asked = CallRequest::<C>::read(&server, request).await;
                let (headers, client) = (asked.headers.clone(), asked.client.clone());
                let mut response = match handler(server.clone(), asked).await {
                    Ok(answer) => answer.into_response(),
                    Err(refusal) => {
                        if let ApiError::Denied(PermissionError::Role { .. }) = refusal {
                            auth::record_denied(&server, &headers, C::OPERATION, &client).await;
                        }
                        refusal.into_response()
                    }
                };
                response.extensions_mut().insert(OperationName(C::OPERATION));
                response
            }
        };
        let method = MethodFilter::try_from(C::METHOD).expect("the contract uses plain methods only");
        self.router = self.router.route(&format!("{BASE}{}", C::PATH), on(method, answer));
        self
    }
}

/// What a handler answers with: what its call promises.
pub struct CallResponse<C: Call> {
    reply: C::Reply,
    status: u16,
    version: Option<i64>,
    created: Option<Id>,
}

impl<C: Call> CallResponse<C> {
    /// The promised reply with the promised status.
    pub fn new(reply: C::Reply) -> Self {
        Self { reply, status: C::STATUS, version: None, created: None }
    }

    /// The same with another status: 200 where nothing was created any more.
    #[must_use]
    pub fn status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// The same with an `ETag` for the version.
    #[must_use]
    pub fn version(mut self, version: i64) -> Self {
        self.version = Some(version);
        self
    }

    /// The same with a `Location` below the call's path, unless it was created before.
    #[must_use]
    pub fn created(mut self, id: Id) -> Self {
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
        if let Some(etag) = self.version.and_then(|v| HeaderValue::from_str(&etag(v)).ok()) {
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

/// The `ETag` of a key's version.
pub fn etag(version: i64) -> String {
    format!("\"{version}\"")
}

/// All routes.
pub fn routes(server: &Arc<Server>) -> Router {
    let routes = RouteBuilder { server: server.clone(), router: Router::new() };
    let routes = members::routes(activity::routes(sessions::routes(me::routes(routes))));
    let routes = key_lookups::routes(reviews::routes(rotations::routes(usage::routes(keys::routes(routes)))));
    routes
        .router
        .merge(openapi::routes())
        .fallback(|| async { ApiError::NotFound })
        .method_not_allowed_fallback(|| async { ApiError::MethodNotAllowed })
        .layer(DefaultBodyLimit::disable())
}
