//! The key server: one organization's keys over HTTP, for integrations (data plane) and for members (management plane).

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;

use crate::clock::{self, Clock};
use crate::store::Store;

pub mod address;
pub mod data_plane;
mod dispatch;
pub mod error;
pub mod guard;
pub mod listen;
pub mod router;
pub mod settings;

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
    hosts: guard::Hosts,
    request_ids: dispatch::RequestIds,
}

/// Why a server did not start, in words that say what to do.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Another program listens there.
    #[error("{0} is already in use: stop the other program, or choose another address with `--listen`")]
    InUse(SocketAddr),
    /// The address cannot be listened on.
    #[error("cannot listen on {0}: {1}")]
    Listen(SocketAddr, io::Error),
}

/// A server that runs until it is told to stop.
pub struct Running {
    /// Where it listens.
    pub addr: SocketAddr,
    listening: listen::Listening,
}

impl Running {
    /// Takes no new requests, finishes those that run, and writes the uses that are only in memory.
    pub async fn shutdown(self) {
        self.listening.shutdown().await;
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
    let listener = match listener {
        Some(listener) => listener,
        None => listen::bind(settings.listen).await?,
    };
    let addr = listener.local_addr().map_err(|e| StartError::Listen(settings.listen, e))?;
    let server = Arc::new(Server {
        hosts: guard::Hosts::new(&settings.hosts),
        request_ids: dispatch::RequestIds::new(clock::entropy()),
        store,
        clock,
        settings,
    });
    Ok(Running { addr, listening: listen::start(server, listener) })
}
