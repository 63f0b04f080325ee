//! Takes connections, one task each: bounded in number and in patience, and finished, not cut, when the server stops.

use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::response::{IntoResponse as _, Response};
use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use rustix::process::{Resource, getrlimit, setrlimit};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinHandle;
use tokio_io_timeout::TimeoutStream;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use crate::server::StartError;
use crate::server::error::ApiError;
use crate::server::http::connection_limits::ConnectionLimits;
use crate::server::http::connection_limits::ConnectionSlot;
use crate::server::http::connection_limits::LimitReached;
use crate::server::settings::ServerLimits;

use crate::server::http::header_timeout::HeaderTimer;

/// Connections beyond the limit that are told so at a time. Still more wait in the kernel's queue.
const TURNED_AWAY: usize = 64;
/// How long a client that is turned away has for its headers.
const TURNED_AWAY_PATIENCE: Duration = Duration::from_secs(2);
/// Most bytes of a request's headers.
const HEADERS_MAX: usize = 32 * 1024;
/// Files kept free for the database and for logs when connections are counted against the limit on open files.
const FILES_KEPT: u64 = 128;
/// How long to wait when the machine cannot take a connection.
const BREATHER: Duration = Duration::from_millis(50);

/// Both ends of a connection.
#[derive(Clone, Copy, Debug)]
pub struct ConnectionAddresses {
    /// The other end.
    pub peer: IpAddr,
    /// The address it came in on.
    pub local: IpAddr,
}

/// A task that accepts connections.
pub(in crate::server) struct ListenerTask {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl ListenerTask {
    /// Takes no more connections, and waits for the requests that run.
    pub(in crate::server) async fn shutdown(self) {
        self.stop.cancel();
        // The task only ends early by a panic, which the runtime has reported.
        let _ = self.task.await;
    }
}

/// Listens on `address`.
pub(in crate::server) async fn bind(address: SocketAddr) -> Result<TcpListener, StartError> {
    TcpListener::bind(address).await.map_err(|e| match e.kind() {
        io::ErrorKind::AddrInUse => StartError::InUse(address),
        io::ErrorKind::AddrNotAvailable => StartError::NotHere(address),
        io::ErrorKind::PermissionDenied => StartError::NotPermitted(address),
        _ => StartError::Listen(address, e),
    })
}

/// Serves connections of `listener` with `answer` until told to stop.
pub(in crate::server) fn start<A, F>(
    listener: TcpListener,
    places: ConnectionLimits,
    limits: &ServerLimits,
    tls: Option<TlsAcceptor>,
    answer: A,
) -> ListenerTask
where
    A: Fn(ConnectionAddresses, Request<Incoming>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response> + Send + 'static,
{
    let stop = CancellationToken::new();
    let context = ListenerContext { places, limits: limits.clone(), tls, answer };
    let task = tokio::spawn(accept(Arc::new(context), listener, stop.clone()));
    ListenerTask { stop, task }
}

/// What every connection needs.
struct ListenerContext<A> {
    places: ConnectionLimits,
    limits: ServerLimits,
    tls: Option<TlsAcceptor>,
    answer: A,
}

/// Whether a connection found room.
enum Admission {
    Admitted(ConnectionSlot),
    Rejected(OwnedSemaphorePermit),
}

async fn accept<A, F>(context: Arc<ListenerContext<A>>, listener: TcpListener, stop: CancellationToken)
where
    A: Fn(ConnectionAddresses, Request<Incoming>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response> + Send + 'static,
{
    let turned_away = Arc::new(Semaphore::new(TURNED_AWAY));
    let graceful = GracefulShutdown::new();
    let one = async || match listener.accept().await {
        Ok((stream, peer)) => {
            let room = match context.places.take(peer.ip()) {
                Ok(place) => Admission::Admitted(place),
                Err(LimitReached::Total) => {
                    Admission::Rejected(turned_away.clone().acquire_owned().await.ok()?)
                }
                // Nobody waits for one who has their share: where there is no room to tell them, they are cut off.
                Err(LimitReached::PerAddress) => {
                    Admission::Rejected(turned_away.clone().try_acquire_owned().ok()?)
                }
            };
            Some((stream, peer, room))
        }
        Err(e) => {
            // Too many open files, or a connection that was gone before it was taken: the next may fare better.
            tracing::warn!(error = %e, "cannot take a connection");
            tokio::time::sleep(BREATHER).await;
            None
        }
    };
    loop {
        let taken = tokio::select! {
            taken = one() => taken,
            () = stop.cancelled() => break,
        };
        let Some((stream, peer, room)) = taken else { continue };
        tokio::spawn(connection(context.clone(), stream, peer, room, graceful.watcher()));
    }
    drop(listener);
    let patience = context.limits.shutdown_timeout;
    if tokio::time::timeout(patience, graceful.shutdown()).await.is_err() {
        tracing::warn!("some requests did not end in time and were cut");
    }
}

async fn connection<A, F>(
    context: Arc<ListenerContext<A>>,
    stream: TcpStream,
    peer: SocketAddr,
    room: Admission,
    watcher: Watcher,
) where
    A: Fn(ConnectionAddresses, Request<Incoming>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response> + Send + 'static,
{
    let _ = stream.set_nodelay(true);
    let local = stream.local_addr().map_or(peer.ip(), |local| local.ip());
    let ends = ConnectionAddresses { peer: peer.ip(), local };
    match &context.tls {
        None => serve(&context, stream, ends, room, watcher).await,
        Some(tls) => {
            let handshake = tokio::time::timeout(context.limits.header_timeout, tls.accept(stream));
            // Whoever fails to speak TLS in time is not ours to answer.
            if let Ok(Ok(stream)) = handshake.await {
                serve(&context, stream, ends, room, watcher).await;
            }
        }
    }
}

async fn serve<A, F, S>(
    context: &ListenerContext<A>,
    stream: S,
    ends: ConnectionAddresses,
    room: Admission,
    watcher: Watcher,
) where
    A: Fn(ConnectionAddresses, Request<Incoming>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response> + Send + 'static,
    S: AsyncRead + AsyncWrite + Send + 'static,
{
    let mut stream = TimeoutStream::new(stream);
    // For a client that asks and then does not take the answer.
    stream.set_write_timeout(Some(context.limits.body_timeout));
    let stream = TokioIo::new(Box::pin(stream));
    let mut http = http1::Builder::new();
    // A client that shuts down its sending half after the request still waits for the answer.
    http.timer(HeaderTimer::default()).max_buf_size(HEADERS_MAX).half_close(true);
    // A connection that breaks off is the client's business.
    let _ended = match room {
        Admission::Admitted(_place) => {
            http.header_read_timeout(context.limits.header_timeout);
            let answer = |request| {
                let answer = (context.answer)(ends, request);
                async { Ok::<_, Infallible>(answer.await) }
            };
            watcher.watch(http.serve_connection(stream, service_fn(answer))).await
        }
        Admission::Rejected(_permit) => {
            http.header_read_timeout(TURNED_AWAY_PATIENCE).keep_alive(false);
            let busy = |_| async {
                let why = "The server has as many connections as it takes, in all or from this address. Try again in a moment.";
                Ok::<_, Infallible>(ApiError::Unavailable(why).into_response())
            };
            watcher.watch(http.serve_connection(stream, service_fn(busy))).await
        }
    };
}

/// The limit on connections, no higher than the open files that the process may have, which is raised as far as it goes.
pub(in crate::server) fn connections_max(wanted: usize) -> usize {
    let mut files = getrlimit(Resource::Nofile);
    if files.current < files.maximum {
        files.current = files.maximum;
        let _ = setrlimit(Resource::Nofile, files);
        files = getrlimit(Resource::Nofile);
    }
    let free = files.current.map_or(u64::MAX, |files| files.saturating_sub(FILES_KEPT).max(1));
    wanted.min(usize::try_from(free).unwrap_or(usize::MAX))
}
