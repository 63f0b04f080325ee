//! What operators watch: whether the server lives, whether it is ready, its counters, and its log.

use std::sync::Arc;

use axum::response::{IntoResponse as _, Response};
use http::header::CONTENT_TYPE;
use http::{Method, Request};

use super::{Refusal, Server};

pub mod logs;
pub mod metrics;

/// The content type of Prometheus' text format.
const METRICS_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Answers on the address for operators: `/healthz`, `/readyz` and `/metrics`.
pub(super) async fn answer<B>(server: Arc<Server>, request: Request<B>) -> Response {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return Refusal::MethodNotAllowed.into_response();
    }
    match request.uri().path() {
        "/healthz" => "alive\n".into_response(),
        "/readyz" => match ready(&server).await {
            Ok(()) => "ready\n".into_response(),
            Err(refusal) => refusal.into_response(),
        },
        "/metrics" => ([(CONTENT_TYPE, METRICS_TYPE)], server.metrics.text()).into_response(),
        _ => Refusal::NotFound.into_response(),
    }
}

/// Whether a request could be answered now.
async fn ready(server: &Server) -> Result<(), Refusal> {
    if server.stopping.is_cancelled() {
        return Err(Refusal::Unavailable("The server is stopping."));
    }
    if server.store.restore_pending().is_some() {
        return Err(Refusal::Unavailable("The database was restored from a backup and no key is admitted."));
    }
    match server.store.reader().await {
        Ok(_) => Ok(()),
        Err(_) => Err(Refusal::Unavailable("The database does not answer.")),
    }
}
