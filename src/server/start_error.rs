//! Errors that keep a server from starting.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use crate::store;

/// The reason why a server did not start, with the next step for the operator.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Another program listens on the address.
    #[error("{0} is already in use: stop the other program, or choose another address with `--listen`")]
    InUse(SocketAddr),
    /// The address does not belong to this machine.
    #[error("{0} is not an address of this machine: choose another with `--listen`")]
    NotHere(SocketAddr),
    /// The port is reserved for the superuser.
    #[error(
        "this user may not listen on {0}: choose a port above 1023 with `--listen`, and put a proxy in front"
    )]
    NotPermitted(SocketAddr),
    /// Listening failed for another reason.
    #[error("cannot listen on {0}: {1}")]
    Listen(SocketAddr, io::Error),
    /// Plain HTTP would carry secrets over a network.
    #[error(
        "{0} is reachable from other machines, and without TLS secrets would cross the network unencrypted: give a \
         certificate and its key, or listen on 127.0.0.1, or, behind a proxy that terminates TLS, use `--insecure-behind-proxy`"
    )]
    Plain(SocketAddr),
    /// `insecure_behind_proxy` is set, but no proxy is trusted.
    #[error("`--insecure-behind-proxy` needs `trusted_proxies`: the addresses of the proxies in front")]
    NoTrustedProxies,
    /// The database cannot be read.
    #[error("cannot read the keys: {0}")]
    Database(#[from] store::StoreError),
    /// The operating system cannot start the thread that writes uses.
    #[error("cannot start the thread that records the use of keys: {0}")]
    Thread(io::Error),
    /// A file for TLS cannot be used.
    #[error("cannot use {path} for TLS: {reason}", path = .path.display())]
    Tls {
        /// The unusable file.
        path: PathBuf,
        /// The error of the TLS library, or the missing content.
        reason: String,
    },
}
