//! Errors that keep a server from starting.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use crate::store;

/// The reason why a server did not start, and what the operator can do about it.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Another program already listens on the address.
    #[error("{0} is already in use: stop the other program, or choose another address with `--listen`")]
    InUse(SocketAddr),
    /// The address does not belong to this machine.
    #[error("{0} is not an address of this machine: choose another with `--listen`")]
    NotHere(SocketAddr),
    /// Only the superuser may listen on this port.
    #[error(
        "this user may not listen on {0}: choose a port above 1023 with `--listen`, and put a proxy in front"
    )]
    NotPermitted(SocketAddr),
    /// Listening failed for another reason.
    #[error("cannot listen on {0}: {1}")]
    Listen(SocketAddr, io::Error),
    /// Secrets would cross a network unencrypted over plain HTTP.
    #[error(
        "{0} is reachable from other machines, and without TLS secrets would cross the network unencrypted: give a \
         certificate and its key, or listen on 127.0.0.1, or, behind a proxy that terminates TLS, use `--insecure-behind-proxy`"
    )]
    Plain(SocketAddr),
    /// `insecure_behind_proxy` is set, but no proxy is trusted.
    #[error(
        "`--insecure-behind-proxy` needs `trusted_proxies`, the addresses of the proxies in front of the server"
    )]
    NoTrustedProxies,
    /// The database cannot be read.
    #[error("cannot read the keys from the database: {0}")]
    Database(#[from] store::StoreError),
    /// The operating system cannot start the thread that writes uses.
    #[error("cannot start the thread that records key uses: {0}")]
    Thread(io::Error),
    /// A TLS file cannot be read, or has invalid content.
    #[error("cannot use {path} for TLS: {reason}", path = .path.display())]
    Tls {
        /// Path of the file.
        path: PathBuf,
        /// The error from the TLS library, or what the file lacks.
        reason: String,
    },
}
