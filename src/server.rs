//! The key server: one organization's keys over HTTP, for integrations (data plane) and for members (management plane).

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use dispatch::Door;
use listen::Listening;
use observe::metrics::Metrics;
use recorder::{Recorder, Writer};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::clock::{self, Clock};
use crate::store::{self, Store};

pub mod activity;
pub mod address;
pub mod auth;
pub mod bearer;
pub mod data_plane;
mod dispatch;
pub mod error;
pub mod gathered;
pub mod guard;
pub mod index;
pub mod keys;
pub mod limits;
pub mod listen;
pub mod lookups;
pub mod me;
pub mod members;
pub mod observe;
pub mod openapi;
pub mod paging;
pub mod places;
pub mod recorder;
pub mod reviews;
pub mod rotations;
pub mod router;
pub mod sessions;
pub mod settings;
mod tls;
mod unread;
pub mod usage;

pub use error::Refusal;
pub use router::{Answer, Asked, Routes};
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
    pub places: places::Places,
    /// The uses of keys.
    pub recorder: Arc<Recorder>,
    /// What a key reads.
    pub data: data_plane::Data,
    /// Which refusals were recorded a moment ago.
    pub refusals: auth::Refusals,
    /// Requests with an `Idempotency-Key` that run now.
    pub running_requests: keys::RunningRequests,
    hosts: guard::Hosts,
    limiter: limits::Limiter,
    request_ids: dispatch::RequestIds,
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
    Database(#[from] store::Error),
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
pub struct Running {
    /// Where it listens.
    pub addr: SocketAddr,
    /// Where `/healthz`, `/readyz` and `/metrics` listen.
    pub observe_addr: Option<SocketAddr>,
    server: Arc<Server>,
    listening: Listening,
    observing: Option<Listening>,
    writer: Writer,
}

impl Running {
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
) -> Result<Running, StartError> {
    let tls = settings.tls.as_ref().map(tls::acceptor).transpose()?;
    let wanted = listener.as_ref().map_or(Ok(settings.listen), TcpListener::local_addr);
    may_listen(wanted.map_err(|e| StartError::Listen(settings.listen, e))?, &settings)?;
    let listener = match listener {
        Some(listener) => listener,
        None => listen::bind(settings.listen).await?,
    };
    let observe = match settings.observe {
        Some(address) => Some(listen::bind(address).await?),
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
        places: places(&settings),
        recorder,
        data,
        hosts: guard::Hosts::new(&settings.hosts),
        limiter: limits::Limiter::new(&settings.limits),
        request_ids: dispatch::RequestIds::new(clock::entropy()),
        metrics: Metrics::default(),
        refusals: auth::Refusals::default(),
        running_requests: keys::RunningRequests::default(),
        stopping: CancellationToken::new(),
        store,
        clock,
        settings,
    });
    let limits = &server.settings.limits;
    let door = Arc::new(Door::new(server.clone()));
    let listening = listen::start(listener, server.places.clone(), limits, tls, move |ends, request| {
        let door = door.clone();
        async move { door.answer(ends, request).await }
    });
    let observing = observe.map(|listener| {
        let server = server.clone();
        listen::start(listener, places(&server.settings), limits, None, move |_, request| {
            observe::answer(server.clone(), request)
        })
    });
    Ok(Running { addr, observe_addr, server, listening, observing, writer })
}

/// Places for the connections of one listener.
fn places(settings: &Settings) -> places::Places {
    let most = listen::connections_max(settings.limits.connections);
    places::Places::new(most, settings.limits.connections_per_address, &settings.trusted_proxies)
}

/// Whether secrets stay out of other people's sight on the way to `address`.
fn may_listen(address: SocketAddr, settings: &Settings) -> Result<(), StartError> {
    if settings.insecure_behind_proxy && settings.trusted_proxies.is_empty() {
        return Err(StartError::NoTrustedProxies);
    }
    let safe = address.ip().to_canonical().is_loopback() || settings.tls.is_some();
    if safe || settings.insecure_behind_proxy { Ok(()) } else { Err(StartError::Plain(address)) }
}
