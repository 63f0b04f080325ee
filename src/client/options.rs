//! Time limits and options of the client.

use std::time::Duration;

/// Time limit for opening a connection.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Time limit for a call, from its start to the last byte of the reply.
pub(crate) const REQUEST_TIMEOUT: Duration = Duration::from_secs(15);

/// How long an idle connection stays open for the next call. Shorter than the server's limit of 10 s, so that no call is sent on a
/// connection that the server is closing.
pub(crate) const IDLE_TIMEOUT: Duration = Duration::from_secs(8);

/// Client options other than the server address and the credential.
#[derive(Clone, Debug, Default)]
pub struct ClientOptions {
    /// Additional trusted certificates in PEM (`--ca-cert`).
    pub(crate) ca_certs: Option<Vec<u8>>,
    /// Disables the timer that closes idle connections, so that the process can sleep. The owner must then drop the client after
    /// [`IDLE_TIMEOUT`] without a call.
    pub(crate) without_idle_timer: bool,
}
