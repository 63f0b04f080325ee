//! The key server: verifies API keys for integrations (data plane), and lets signed-in members manage them (management plane).
//!
//! Start reading with [`start`]. A request passes the listener in `http`, then `service`, then a handler. Two flows are explained in
//! numbered steps: the verification of a key in `verification`, a revoke in `operations::guarded_revoke`.
//!
//! Modules may only import modules that are later in this list: `service`, `handlers`, `router`, `operations`, `context`, `auth` and
//! `verification`, `http`, `error`. The server holds no SQL and never reads the environment.

use std::net::SocketAddr;
use std::sync::Arc;

use self::http::connection_limits::ConnectionLimits;
use self::http::host_check::AllowedHosts;
use self::http::listener::{self, ListenerTask};
use self::http::rate_limits::RateLimiter;
use self::http::request_ids::RequestIds;
use self::http::tls;
use context::ServerContext;
use handlers::monitoring;
use observability::metrics::Metrics;
use service::Service;
use site_data::SiteData;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use verification::KeyVerification;
use verification::use_writer::UseWriterThread;

use crate::clock::{self, Clock};
use crate::store::Store;

mod auth;
mod context;
mod error;
mod handlers;
mod http;
mod idempotency;
mod network;
pub mod observability;
mod operations;
mod router;
mod routes;
mod service;
pub mod settings;
mod site_data;
mod start_error;
mod verification;

pub use handlers::openapi;
pub use settings::Settings;
pub use start_error::StartError;

/// A running server. Dropping this value does not stop the server; call [`shutdown`](Self::shutdown).
pub struct RunningServer {
    /// Address that the API listens on.
    pub addr: SocketAddr,
    /// Address that serves `/healthz`, `/readyz` and `/metrics`; `None` if they are not served.
    pub observe_addr: Option<SocketAddr>,
    context: Arc<ServerContext>,
    api_listener: ListenerTask,
    monitoring_listener: Option<ListenerTask>,
    use_writer: UseWriterThread,
}

impl RunningServer {
    /// Returns the server's database.
    pub fn store(&self) -> &Store {
        &self.context.store
    }

    /// Returns a token that is cancelled when the server starts to shut down.
    pub fn stopping(&self) -> CancellationToken {
        self.context.stopping.clone()
    }

    /// Stops accepting requests, finishes the running ones, and writes the buffered uses to the database.
    pub async fn shutdown(self) {
        self.context.stopping.cancel();
        self.api_listener.shutdown().await;
        if let Some(listener) = self.monitoring_listener {
            listener.shutdown().await;
        }
        self.use_writer.stop().await;
    }
}

/// Starts a server on `listener`, or on the address in `settings` if `listener` is `None`.
///
/// # Errors
/// Fails for the reasons that [`StartError`] lists.
pub async fn start(
    settings: Settings,
    store: Store,
    clock: Clock,
    listener: Option<TcpListener>,
) -> Result<RunningServer, StartError> {
    let tls = settings.tls.as_ref().map(tls::acceptor).transpose()?;
    let address = listener.as_ref().map_or(Ok(settings.listen), TcpListener::local_addr);
    let address = address.map_err(|e| StartError::Listen(settings.listen, e))?;
    check_transport(address, &settings)?;
    let api_listener = match listener {
        Some(listener) => listener,
        None => listener::bind(settings.listen).await?,
    };
    let monitoring_listener = match settings.observe {
        Some(address) => Some(listener::bind(address).await?),
        None => None,
    };
    let local_address =
        |listener: &TcpListener| listener.local_addr().map_err(|e| StartError::Listen(settings.listen, e));
    let addr = local_address(&api_listener)?;
    let observe_addr = monitoring_listener.as_ref().map(local_address).transpose()?;
    let verification = KeyVerification::load(&store, &clock).await?;
    let site_data = SiteData::load(&store).await?;
    let use_writer = verification.start_writer().map_err(StartError::Thread)?;
    let context = Arc::new(ServerContext {
        sessions: auth::Sessions::new(store.clone(), clock.clone(), settings.sessions.clone()),
        verification,
        site_data,
        refusals: auth::RefusalLog::default(),
        in_flight: idempotency::InFlightRequests::default(),
        metrics: Metrics::default(),
        connections: connection_limits(&settings),
        allowed_hosts: AllowedHosts::new(&settings.hosts),
        rate_limiter: RateLimiter::new(&settings.limits),
        request_ids: RequestIds::new(clock::random_bytes()),
        stopping: CancellationToken::new(),
        store,
        clock,
        settings,
    });
    let limits = &context.settings.limits;
    let service = Arc::new(Service::new(context.clone()));
    let connections = context.connections.clone();
    let api_listener = listener::start(api_listener, connections, limits, tls, move |connection, request| {
        let service = service.clone();
        async move { service.handle(connection, request).await }
    });
    let monitoring_listener = monitoring_listener.map(|listener| {
        let connections = connection_limits(&context.settings);
        let context = context.clone();
        listener::start(listener, connections, limits, None, move |_, request| {
            monitoring::handle(context.clone(), request)
        })
    });
    Ok(RunningServer { addr, observe_addr, context, api_listener, monitoring_listener, use_writer })
}

/// Creates the connection limits of one listener.
fn connection_limits(settings: &Settings) -> ConnectionLimits {
    let max = listener::connections_max(settings.limits.connections);
    ConnectionLimits::new(max, settings.limits.connections_per_address, &settings.trusted_proxies)
}

/// Rejects settings that would send secrets over a network unencrypted.
fn check_transport(address: SocketAddr, settings: &Settings) -> Result<(), StartError> {
    if settings.insecure_behind_proxy && settings.trusted_proxies.is_empty() {
        return Err(StartError::NoTrustedProxies);
    }
    let is_encrypted = settings.tls.is_some() || settings.insecure_behind_proxy;
    if is_encrypted || address.ip().to_canonical().is_loopback() {
        Ok(())
    } else {
        Err(StartError::Plain(address))
    }
}
