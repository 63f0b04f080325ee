//! Registers handlers for the calls of the HTTP API. The list of routes is in [`super::routes`].

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::response::IntoResponse;
use axum::routing::{MethodFilter, on};

use super::auth::refusals;
use super::context::ServerContext;
use super::error::ApiError;
use super::http::request::CallRequest;
use super::http::response::CallResponse;
use crate::domain::permission::PermissionError;
use crate::wire::{BASE, Call};

/// Name of the operation that a response belongs to. Stored as a response extension, for metrics and the log.
#[derive(Clone, Copy, Debug)]
pub(super) struct OperationName(pub &'static str);

/// Collects the routes of the management plane.
pub(super) struct RouteBuilder {
    context: Arc<ServerContext>,
    router: Router,
}

impl RouteBuilder {
    pub(super) fn new(context: Arc<ServerContext>) -> Self {
        Self { context, router: Router::new() }
    }

    /// Registers `handler` for the operation in its signature, for example `async fn list(context: Arc<ServerContext>, request:
    /// CallRequest<ListMembers>) -> Result<CallResponse<ListMembers>, ApiError>`.
    #[must_use]
    pub(super) fn on<C, H, F>(mut self, handler: H) -> Self
    where
        C: Call + Send + Sync + 'static,
        H: Fn(Arc<ServerContext>, CallRequest<C>) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Result<CallResponse<C>, ApiError>> + Send,
    {
        let context = self.context.clone();
        let respond = move |request: Request| {
            let (context, handler) = (context.clone(), handler.clone());
            async move {
                let request = CallRequest::<C>::receive(&context.settings, request).await;
                let (headers, client) = (request.headers.clone(), request.client.clone());
                let mut response = match handler(context.clone(), request).await {
                    Ok(response) => response.into_response(),
                    Err(error) => {
                        if let ApiError::Denied(PermissionError::Role { .. }) = error {
                            refusals::record_denied(
                                &context.sessions,
                                &context.refusals,
                                &headers,
                                C::OPERATION,
                                &client,
                            )
                            .await;
                        }
                        error.into_response()
                    }
                };
                response.extensions_mut().insert(OperationName(C::OPERATION));
                response
            }
        };
        let method = MethodFilter::try_from(C::METHOD).expect("the API uses only standard HTTP methods");
        self.router = self.router.route(&format!("{BASE}{}", C::PATH), on(method, respond));
        self
    }

    pub(super) fn into_router(self) -> Router {
        self.router
    }
}
