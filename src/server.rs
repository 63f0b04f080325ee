//! The key server: one organization's keys over HTTP, for integrations (data plane) and for members (management plane).

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use handlers::{data_plane, keys, monitoring};
use http::listener::ListenerTask;
use http::{connection_limits, host_check, listener, rate_limits, tls};
use observability::metrics::Metrics;
use service::Service;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use verification::verifier::{Recorder, Writer};

use crate::clock::{self, Clock};
use crate::store::{self, Store};

mod auth;
mod error;
mod handlers;
mod http;
pub mod observability;
mod operations;
mod router;
mod service;
pub mod settings;
mod verification;

pub use handlers::openapi;
pub use settings::Settings;

/// What every handler can reach. One for each process, in an [`Arc`].
pub struct Server {
    /// The database.
    pub store: Store,
    /// The time.
    pub clock: Clock,
    /// What the server was told.
    pub settings: Settings,
    /// Cancelled when the server begins to stop.
    pub stopping: CancellationToken,
    /// Counters.
    pub metrics: Metrics,
    /// Places for connections.
    pub connection_limits: connection_limits::ConnectionLimits,
    /// The uses of keys.
    pub recorder: Arc<Recorder>,
    /// What a key reads.
    pub data: data_plane::Data,
    /// Which refusals were recorded a moment ago.
    pub refusals: auth::RefusalThrottle,
    /// Requests with an `Idempotency-Key` that run now.
    pub running_requests: keys::InFlightRequests,
    hosts: host_check::AllowedHosts,
    limiter: rate_limits::RateLimiter,
    request_ids: service::RequestIds,
}

/// Why a server did not start, in words that say what to do.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Another program listens there.
    #[error("{0} is already in use: stop the other program, or choose another address with `--listen`")]
    InUse(SocketAddr),
    /// The address is none of this machine's.
    #[error("{0} is none of this machine's addresses: choose another with `--listen`")]
    NotHere(SocketAddr),
    /// The port is reserved.
    #[error(
        "this user may not listen on {0}: choose a port above 1023 with `--listen`, and put a proxy in front"
    )]
    NotPermitted(SocketAddr),
    /// The address cannot be listened on.
    #[error("cannot listen on {0}: {1}")]
    Listen(SocketAddr, io::Error),
    /// Plain HTTP would carry secrets over a network.
    #[error(
        "{0} is reached from other machines, and without TLS secrets would cross the network in the clear: give a certificate \
         and its key, or listen on 127.0.0.1, or, behind a proxy that speaks TLS, use `--insecure-behind-proxy`"
    )]
    Plain(SocketAddr),
    /// Nobody would know which proxy to believe.
    #[error("`--insecure-behind-proxy` needs `trusted_proxies`: the addresses of the proxies in front")]
    NoTrustedProxies,
    /// The database cannot be read.
    #[error("cannot read the keys: {0}")]
    Database(#[from] store::StoreError),
    /// The system gives no thread to record uses with.
    #[error("cannot start recording the use of keys: {0}")]
    Thread(io::Error),
    /// A file for TLS cannot be used.
    #[error("cannot use {path} for TLS: {why}", path = .path.display())]
    Tls {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
}

/// A server that runs until it is told to stop.
pub struct RunningServer {
    /// Where it listens.
    pub addr: SocketAddr,
    /// Where `/healthz`, `/readyz` and `/metrics` listen.
    pub observe_addr: Option<SocketAddr>,
    server: Arc<Server>,
    listening: ListenerTask,
    observing: Option<ListenerTask>,
    writer: Writer,
}

impl RunningServer {
    /// What the server holds.
    pub fn server(&self) -> &Arc<Server> {
        &self.server
    }

    /// Takes no new requests, finishes those that run, and writes the uses that are only in memory.
    pub async fn shutdown(self) {
        self.server.stopping.cancel();
        self.listening.shutdown().await;
        if let Some(observing) = self.observing {
            observing.shutdown().await;
        }
        self.writer.stop().await;
    }
}

/// Starts a server on `listener`, or on the address of the settings.
///
/// # Errors
/// See [`StartError`].
pub async fn start(
    settings: Settings,
    store: Store,
    clock: Clock,
    listener: Option<TcpListener>,
) -> Result<RunningServer, StartError> {
    let tls = settings.tls.as_ref().map(tls::acceptor).transpose()?;
    let wanted = listener.as_ref().map_or(Ok(settings.listen), TcpListener::local_addr);
    may_listen(wanted.map_err(|e| StartError::Listen(settings.listen, e))?, &settings)?;
    let listener = match listener {
        Some(listener) => listener,
        None => listener::bind(settings.listen).await?,
    };
    let observe = match settings.observe {
        Some(address) => Some(listener::bind(address).await?),
        None => None,
    };
    let local =
        |listener: &TcpListener| listener.local_addr().map_err(|e| StartError::Listen(settings.listen, e));
    let addr = local(&listener)?;
    let observe_addr = observe.as_ref().map(local).transpose()?;
    let recorder = Recorder::load(store.clone(), clock.clone()).await?;
    let data = data_plane::Data::load(&store).await?;
    let writer = recorder.clone().start().map_err(StartError::Thread)?;
    let server = Arc::new(Server {
        connection_limits: connection_limits(&settings),
        recorder,
        data,
        hosts: host_check::AllowedHosts::new(&settings.hosts),
        limiter: rate_limits::RateLimiter::new(&settings.limits),
        request_ids: service::RequestIds::new(clock::random_bytes()),
        metrics: Metrics::default(),
        refusals: auth::RefusalThrottle::default(),
        running_requests: keys::InFlightRequests::default(),
        stopping: CancellationToken::new(),
        store,
        clock,
        settings,
    });
    let limits = &server.settings.limits;
    let service = Arc::new(Service::new(server.clone()));
    let listening = listener::start(
        listener,
        server.connection_limits.clone(),
        limits,
        tls,
        move |connection, request| {
            let service = service.clone();
            async move { service.answer(connection, request).await }
        },
    );
    let observing = observe.map(|listener| {
        let server = server.clone();
        listener::start(listener, connection_limits(&server.settings), limits, None, move |_, request| {
            monitoring::answer(server.clone(), request)
        })
    });
    Ok(RunningServer { addr, observe_addr, server, listening, observing, writer })
}

/// Places for the connections of one listener.
fn connection_limits(settings: &Settings) -> connection_limits::ConnectionLimits {
    let most = listener::connections_max(settings.limits.connections);
    connection_limits::ConnectionLimits::new(
        most,
        settings.limits.connections_per_address,
        &settings.trusted_proxies,
    )
}

/// Whether secrets stay out of other people's sight on the way to `address`.
fn may_listen(address: SocketAddr, settings: &Settings) -> Result<(), StartError> {
    if settings.insecure_behind_proxy && settings.trusted_proxies.is_empty() {
        return Err(StartError::NoTrustedProxies);
    }
    let safe = address.ip().to_canonical().is_loopback() || settings.tls.is_some();
    if safe || settings.insecure_behind_proxy { Ok(()) } else { Err(StartError::Plain(address)) }
}
