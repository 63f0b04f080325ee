//! Takes connections, one task each, and lets them finish when the server stops.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::dispatch::{self, Ends};
use super::router;
use super::{Server, StartError};

/// The task that accepts connections.
pub(super) struct Listening {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Listening {
    pub(super) async fn shutdown(self) {
        self.stop.cancel();
        // The task only ends early by a panic, which the runtime has reported.
        let _ = self.task.await;
    }
}

/// Listens on `address`.
pub(super) async fn bind(address: SocketAddr) -> Result<TcpListener, StartError> {
    TcpListener::bind(address).await.map_err(|e| match e.kind() {
        io::ErrorKind::AddrInUse => StartError::InUse(address),
        _ => StartError::Listen(address, e),
    })
}

/// Serves connections of `listener` until told to stop.
pub(super) fn start(server: Arc<Server>, listener: TcpListener) -> Listening {
    let stop = CancellationToken::new();
    let task = tokio::spawn(accept(server, listener, stop.clone()));
    Listening { stop, task }
}

async fn accept(server: Arc<Server>, listener: TcpListener, stop: CancellationToken) {
    let routes = router::routes(&server);
    let graceful = GracefulShutdown::new();
    let header_timeout = server.settings.limits.header_timeout;
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => break,
        };
        let Ok((stream, peer)) = accepted else { continue };
        let _ = stream.set_nodelay(true);
        let local = stream.local_addr().map_or(peer.ip(), |local| local.ip());
        let ends = Ends { peer: peer.ip(), local };
        let (server, routes) = (server.clone(), routes.clone());
        let service = service_fn(move |request| {
            let (server, routes) = (server.clone(), routes.clone());
            async move { Ok::<_, Infallible>(dispatch::answer(&server, &routes, ends, request).await) }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(header_timeout)
            .serve_connection(TokioIo::new(stream), service);
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            // A connection that breaks off is the client's business.
            let _ = connection.await;
        });
    }
    drop(listener);
    let _ = tokio::time::timeout(server.settings.limits.shutdown_timeout, graceful.shutdown()).await;
}
