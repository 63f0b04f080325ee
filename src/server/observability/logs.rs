//! The log: one JSON object per line, with request ids, but without credentials and without control characters.

use std::net::IpAddr;
use std::time::Duration;

use http::HeaderMap;
use tracing::Subscriber;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::{EnvFilter, Registry};

use crate::server::http::request::user_agent;

/// Log filter that is used if none is configured: management requests, warnings and errors.
pub const DEFAULT_FILTER: &str = "info,sqlx=warn,hyper=warn";

/// Creates a log subscriber that writes JSON lines to `writer`.
///
/// `filter` has the syntax of `tracing-subscriber`, for example `info,keyward=debug`. An invalid filter is replaced with
/// [`DEFAULT_FILTER`].
pub fn subscriber<W>(writer: W, filter: &str) -> impl Subscriber + Send + Sync
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let filter = EnvFilter::builder().parse(filter).unwrap_or_else(|_| EnvFilter::new(DEFAULT_FILTER));
    let lines = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_current_span(true)
        .with_span_list(false)
        .with_writer(writer);
    Registry::default().with(filter).with(lines)
}

/// The access log entry of one request. It contains neither the path nor the query, because people paste secrets into them.
pub(in crate::server) struct AccessLogEntry<'a> {
    pub request_id: &'a str,
    pub operation: &'static str,
    pub status: u16,
    pub took: Duration,
    pub address: IpAddr,
}

impl AccessLogEntry<'_> {
    /// Logs a data-plane request: server errors at level `error`, all other responses at level `debug`.
    pub(in crate::server) fn log_data_plane(&self) {
        let Self { request_id, operation, status, address, .. } = self;
        let ms = self.milliseconds();
        if *status >= 500 {
            tracing::error!(request_id, operation, status, ms, %address, "request failed");
        } else {
            tracing::debug!(request_id, operation, status, ms, %address, "request answered");
        }
    }

    /// Logs a management request with the client's user agent: server errors at level `error`, all other responses at level `info`.
    pub(in crate::server) fn log_management(&self, headers: &HeaderMap) {
        let Self { request_id, operation, status, address, .. } = self;
        let ms = self.milliseconds();
        if *status >= 500 {
            tracing::error!(request_id, operation, status, ms, %address, "request failed");
        } else {
            let agent = user_agent(headers);
            tracing::info!(request_id, operation, status, ms, %address, agent, "request answered");
        }
    }

    fn milliseconds(&self) -> f64 {
        self.took.as_secs_f64() * 1_000.0
    }
}
