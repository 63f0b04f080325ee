//! The log: one JSON object a line, with the request's id, without credentials, and with nothing in it that acts on a terminal.

use std::net::IpAddr;
use std::time::Duration;

use http::HeaderMap;
use tracing::Subscriber;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::{EnvFilter, Registry};

use crate::server::http::request::agent;

/// What is logged when nobody says: requests of members and whatever goes wrong.
pub const DEFAULT_FILTER: &str = "info,sqlx=warn,hyper=warn";

/// A log of JSON lines to `writer`. `filter` is in the language of `tracing-subscriber`, `info,keyward=debug`; one that cannot be
/// read is replaced by the default.
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

/// One answered request.
pub(in crate::server) struct AccessLogEntry<'a> {
    pub request_id: &'a str,
    pub operation: &'static str,
    pub status: u16,
    pub took: Duration,
    pub address: IpAddr,
}

impl AccessLogEntry<'_> {
    /// Writes the line: requests of members as `info`, of integrations as `debug`, faults of ours as `error`.
    /// Path and query are left out: people paste secrets into them.
    pub(in crate::server) fn log(&self, is_data_plane: bool, headers: Option<&HeaderMap>) {
        let Self { request_id, operation, status, took, address } = self;
        let ms = took.as_secs_f64() * 1_000.0;
        if *status >= 500 {
            tracing::error!(request_id, operation, status, ms, %address, "failed");
        } else if is_data_plane {
            tracing::debug!(request_id, operation, status, ms, %address, "answered");
        } else {
            let agent = headers.map(agent).unwrap_or_default();
            tracing::info!(request_id, operation, status, ms, %address, agent, "answered");
        }
    }
}
