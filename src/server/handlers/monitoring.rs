//! `/healthz`, `/readyz` and `/metrics`, which have their own listen address.

use std::sync::Arc;

use axum::response::{IntoResponse as _, Response};
use http::header::CONTENT_TYPE;
use http::{Method, Request};

use crate::server::context::ServerContext;
use crate::server::error::ApiError;

/// Content type of the Prometheus text format.
const METRICS_CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Handles a request to the monitoring address: `/healthz`, `/readyz` or `/metrics`.
pub(in crate::server) async fn handle<B>(context: Arc<ServerContext>, request: Request<B>) -> Response {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return ApiError::MethodNotAllowed.into_response();
    }
    match request.uri().path() {
        "/healthz" => "alive\n".into_response(),
        "/readyz" => match check_ready(&context).await {
            Ok(()) => "ready\n".into_response(),
            Err(error) => error.into_response(),
        },
        "/metrics" => {
            let text = context.metrics.render() + &render_gauges(&context);
            ([(CONTENT_TYPE, METRICS_CONTENT_TYPE)], text).into_response()
        }
        _ => ApiError::NotFound.into_response(),
    }
}

/// Returns the current values of the gauges in the Prometheus text format.
fn render_gauges(context: &ServerContext) -> String {
    let gauge = |name: &str, help: &str, value: usize| {
        format!("# HELP {name} {help}\n# TYPE {name} gauge\n{name} {value}\n")
    };
    gauge("keyward_connections", "Open connections.", context.connections.open_count())
        + &gauge("keyward_connections_max", "Maximum number of open connections.", context.connections.max())
        + &gauge(
            "keyward_keys_unwritten",
            "Keys with accepted uses that are not yet written to the database.",
            context.verification.unwritten_keys(),
        )
}

async fn check_ready(context: &ServerContext) -> Result<(), ApiError> {
    if context.stopping.is_cancelled() {
        return Err(ApiError::Unavailable("The server is stopping."));
    }
    if context.store.restore_pending().is_some() {
        return Err(ApiError::Unavailable(
            "The database was restored from a backup; no key is accepted yet.",
        ));
    }
    match context.store.reader().await {
        Ok(_) => Ok(()),
        Err(_) => Err(ApiError::Unavailable("The database does not respond.")),
    }
}
