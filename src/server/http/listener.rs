//! Accepts connections and handles each in its own task. Limits their number and duration, and waits for them on shutdown.
//!
//! The accept loop is our own because `axum::serve` (0.8) has no header timeout: it keeps a connection that sends one byte per second
//! open forever. Start reading with [`start`].

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

use super::connection_limits::{ConnectionLimits, ConnectionSlot, LimitReached};
use super::header_timeout::HeaderTimer;
use crate::server::error::ApiError;
use crate::server::settings::TrafficLimits;
use crate::server::start_error::StartError;

/// Maximum number of connections beyond the limit that are answered with 503 at the same time. Further connections wait in the
/// kernel's queue.
const REJECTIONS_MAX: usize = 64;
/// How long a rejected client may take to send its request headers.
const REJECTED_HEADER_TIMEOUT: Duration = Duration::from_secs(2);
/// Maximum size of a request's headers, in bytes.
const HEADER_BYTES_MAX: usize = 32 * 1024;
/// Number of open files reserved for the database and logs if the limit on open files also limits the connections.
const RESERVED_FILES: u64 = 128;
/// Pause after the operating system has failed to accept a connection.
const ACCEPT_BACKOFF: Duration = Duration::from_millis(50);

/// The addresses of both ends of a connection.
#[derive(Clone, Copy, Debug)]
pub(in crate::server) struct ConnectionAddresses {
    pub peer: IpAddr,
    /// Server address that the client connected to.
    pub local: IpAddr,
}

/// The running task that accepts a listener's connections.
pub(in crate::server) struct ListenerTask {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl ListenerTask {
    /// Stops accepting connections, and waits until running requests have finished or timed out.
    pub(in crate::server) async fn shutdown(self) {
        self.stop.cancel();
        // An error means that the task panicked, which the runtime has reported.
        let _ = self.task.await;
    }
}

/// Opens a TCP listener on `address`.
pub(in crate::server) async fn bind(address: SocketAddr) -> Result<TcpListener, StartError> {
    TcpListener::bind(address).await.map_err(|e| match e.kind() {
        io::ErrorKind::AddrInUse => StartError::InUse(address),
        io::ErrorKind::AddrNotAvailable => StartError::NotHere(address),
        io::ErrorKind::PermissionDenied => StartError::NotPermitted(address),
        _ => StartError::Listen(address, e),
    })
}

/// Serves the connections of `listener` with `handler` until the returned task is shut down.
pub(in crate::server) fn start<H, F>(
    listener: TcpListener,
    connections: ConnectionLimits,
    limits: &TrafficLimits,
    tls: Option<TlsAcceptor>,
    handler: H,
) -> ListenerTask
where
    H: Fn(ConnectionAddresses, Request<Incoming>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response> + Send + 'static,
{
    let stop = CancellationToken::new();
    let context = ListenerContext { connections, limits: limits.clone(), tls, handler };
    let task = tokio::spawn(accept_loop(Arc::new(context), listener, stop.clone()));
    ListenerTask { stop, task }
}

/// State that all connections of one listener share.
struct ListenerContext<H> {
    connections: ConnectionLimits,
    limits: TrafficLimits,
    tls: Option<TlsAcceptor>,
    handler: H,
}

/// Whether the connection limits permit a new connection.
enum Admission {
    Admitted(ConnectionSlot),
    /// The connection is answered with 503 and then closed.
    Rejected(OwnedSemaphorePermit),
}

/// Step 1 of a verification: accepts connections until `stop` is cancelled, then waits until running requests have finished.
async fn accept_loop<H, F>(context: Arc<ListenerContext<H>>, listener: TcpListener, stop: CancellationToken)
where
    H: Fn(ConnectionAddresses, Request<Incoming>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response> + Send + 'static,
{
    let rejections = Arc::new(Semaphore::new(REJECTIONS_MAX));
    let graceful = GracefulShutdown::new();
    let accept = async || match listener.accept().await {
        Ok((stream, peer)) => {
            let admission = match context.connections.acquire(peer.ip()) {
                Ok(slot) => Admission::Admitted(slot),
                Err(LimitReached::Total) => {
                    Admission::Rejected(rejections.clone().acquire_owned().await.ok()?)
                }
                // Other clients do not wait for one that exceeds its share: without a free permit it is cut off.
                Err(LimitReached::PerNetwork) => {
                    Admission::Rejected(rejections.clone().try_acquire_owned().ok()?)
                }
            };
            Some((stream, peer, admission))
        }
        Err(e) => {
            // Too many open files, or the client closed the connection before it was accepted. Both may be over soon.
            tracing::warn!(error = %e, "could not accept a connection");
            tokio::time::sleep(ACCEPT_BACKOFF).await;
            None
        }
    };
    loop {
        let accepted = tokio::select! {
            accepted = accept() => accepted,
            () = stop.cancelled() => break,
        };
        let Some((stream, peer, admission)) = accepted else { continue };
        tokio::spawn(serve_connection(context.clone(), stream, peer, admission, graceful.watcher()));
    }
    drop(listener);
    let timeout = context.limits.shutdown_timeout;
    if tokio::time::timeout(timeout, graceful.shutdown()).await.is_err() {
        tracing::warn!("some requests did not finish within the shutdown timeout and were aborted");
    }
}

async fn serve_connection<H, F>(
    context: Arc<ListenerContext<H>>,
    stream: TcpStream,
    peer: SocketAddr,
    admission: Admission,
    watcher: Watcher,
) where
    H: Fn(ConnectionAddresses, Request<Incoming>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response> + Send + 'static,
{
    let _ = stream.set_nodelay(true);
    let local = stream.local_addr().map_or(peer.ip(), |local| local.ip());
    let addresses = ConnectionAddresses { peer: peer.ip(), local };
    match &context.tls {
        None => serve_http(&context, stream, addresses, admission, watcher).await,
        Some(tls) => {
            let handshake = tokio::time::timeout(context.limits.header_timeout, tls.accept(stream));
            // A failed or slow handshake closes the connection without a response.
            if let Ok(Ok(stream)) = handshake.await {
                serve_http(&context, stream, addresses, admission, watcher).await;
            }
        }
    }
}

async fn serve_http<H, F, S>(
    context: &ListenerContext<H>,
    stream: S,
    addresses: ConnectionAddresses,
    admission: Admission,
    watcher: Watcher,
) where
    H: Fn(ConnectionAddresses, Request<Incoming>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response> + Send + 'static,
    S: AsyncRead + AsyncWrite + Send + 'static,
{
    let mut stream = TimeoutStream::new(stream);
    // For a client that sends a request but does not read the response.
    stream.set_write_timeout(Some(context.limits.body_timeout));
    let stream = TokioIo::new(Box::pin(stream));
    let mut http = http1::Builder::new();
    // A client that closes its sending half after the request still waits for the response.
    http.timer(HeaderTimer::default()).max_buf_size(HEADER_BYTES_MAX).half_close(true);
    // An error here means that the client broke the connection, which needs no action.
    let _ended = match admission {
        Admission::Admitted(_slot) => {
            http.header_read_timeout(context.limits.header_timeout);
            let handle = |request| {
                let response = (context.handler)(addresses, request);
                async { Ok::<_, Infallible>(response.await) }
            };
            watcher.watch(http.serve_connection(stream, service_fn(handle))).await
        }
        Admission::Rejected(_permit) => {
            http.header_read_timeout(REJECTED_HEADER_TIMEOUT).keep_alive(false);
            let reject = |_| async {
                let reason = "The server has reached its limit of connections, in total or from this address. \
                              Try again in a moment.";
                Ok::<_, Infallible>(ApiError::Unavailable(reason).into_response())
            };
            watcher.watch(http.serve_connection(stream, service_fn(reject))).await
        }
    };
}

/// Returns the maximum number of connections: `configured`, or fewer if the process may not open that many files.
///
/// First raises the process's own limit on open files as far as the operating system permits.
pub(in crate::server) fn connections_max(configured: usize) -> usize {
    let mut files = getrlimit(Resource::Nofile);
    if files.current < files.maximum {
        files.current = files.maximum;
        let _ = setrlimit(Resource::Nofile, files);
        files = getrlimit(Resource::Nofile);
    }
    let available = files.current.map_or(u64::MAX, |files| files.saturating_sub(RESERVED_FILES).max(1));
    configured.min(usize::try_from(available).unwrap_or(usize::MAX))
}
