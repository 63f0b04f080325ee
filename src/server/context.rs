//! The state that all handlers share.

use tokio_util::sync::CancellationToken;

use super::auth::{RefusalLog, Sessions};
use super::http::connection_limits::ConnectionLimits;
use super::http::host_check::AllowedHosts;
use super::http::rate_limits::RateLimiter;
use super::http::request_ids::RequestIds;
use super::idempotency::InFlightRequests;
use super::observability::metrics::Metrics;
use super::settings::Settings;
use super::site_data::SiteData;
use super::verification::KeyVerification;
use crate::clock::Clock;
use crate::store::Store;

/// State of one running server, shared by all of its requests in an [`Arc`](std::sync::Arc).
pub(super) struct ServerContext {
    pub(super) store: Store,
    pub(super) clock: Clock,
    pub(super) settings: Settings,
    pub(super) sessions: Sessions,
    pub(super) verification: KeyVerification,
    pub(super) site_data: SiteData,
    pub(super) refusals: RefusalLog,
    pub(super) in_flight: InFlightRequests,
    pub(super) metrics: Metrics,
    pub(super) connections: ConnectionLimits,
    pub(super) allowed_hosts: AllowedHosts,
    pub(super) rate_limiter: RateLimiter,
    pub(super) request_ids: RequestIds,
    /// Cancelled when the server starts to shut down.
    pub(super) stopping: CancellationToken,
}
