//! What operators watch: whether the server lives, whether it is ready, its counters, and its log.

use std::sync::Arc;

use axum::response::{IntoResponse as _, Response};
use http::header::CONTENT_TYPE;
use http::{Method, Request};

use crate::server::Server;
use crate::server::error::ApiError;

/// The content type of Prometheus' text format.
const METRICS_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Answers on the address for operators: `/healthz`, `/readyz` and `/metrics`.
pub(in crate::server) async fn answer<B>(server: Arc<Server>, request: Request<B>) -> Response {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return ApiError::MethodNotAllowed.into_response();
    }
    match request.uri().path() {
        "/healthz" => "alive\n".into_response(),
        "/readyz" => match ready(&server).await {
            Ok(()) => "ready\n".into_response(),
            Err(refusal) => refusal.into_response(),
        },
        "/metrics" => {
            let text = server.metrics.text() + &gauges(&server);
            ([(CONTENT_TYPE, METRICS_TYPE)], text).into_response()
        }
        _ => ApiError::NotFound.into_response(),
    }
}

/// What stands in the server at this moment, in Prometheus' text format.
fn gauges(server: &Server) -> String {
    let gauge = |name: &str, help: &str, value: usize| {
        format!("# HELP {name} {help}\n# TYPE {name} gauge\n{name} {value}\n")
    };
    let places = &server.connection_limits;
    gauge("keyward_connections", "Connections open now.", places.taken())
        + &gauge("keyward_connections_max", "Most connections at once.", places.most())
        + &gauge(
            "keyward_keys_unwritten",
            "Keys with uses that are answered and not yet in the database.",
            server.recorder.unwritten(),
        )
}

/// Whether a request could be answered now.
async fn ready(server: &Server) -> Result<(), ApiError> {
    if server.stopping.is_cancelled() {
        return Err(ApiError::Unavailable("The server is stopping."));
    }
    if server.store.restore_pending().is_some() {
        return Err(ApiError::Unavailable("The database was restored from a backup and no key is admitted."));
    }
    match server.store.reader().await {
        Ok(_) => Ok(()),
        Err(_) => Err(ApiError::Unavailable("The database does not answer.")),
    }
}
