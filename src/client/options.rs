//! Time limits and options of the client.

use std::time::Duration;

/// Time limit for opening a connection.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Time limit for a call, from its start to the last byte of the reply.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(15);

/// Time an idle connection stays open for the next call. It is shorter than the server's limit (10 s), so that no call is sent
/// into a connection that is being closed.
pub const IDLE_TIMEOUT: Duration = Duration::from_secs(8);

/// Options of a client besides server address and credential.
#[derive(Clone, Debug, Default)]
pub struct ClientOptions {
    /// Additional trusted certificates in PEM (`--ca-cert`).
    pub ca_certs: Option<Vec<u8>>,
    /// Runs no timer that closes idle connections, so that the process can sleep. The owner must drop the client when no call was
    /// made for [`IDLE_TIMEOUT`].
    pub without_idle_timer: bool,
}
