//! Settings of `keyward serve`. Parsing the file checks numbers; addresses, hosts and the log filter are checked when the server
//! starts.

use serde::{Deserialize, Serialize};

/// Settings of the server's database, addresses and TLS.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServerSettings {
    /// Path of the SQLite database file.
    pub(crate) data: String,
    /// URL of a PostgreSQL database to use instead of SQLite. If the URL contains a password, the configuration file must be readable
    /// by its owner only.
    pub(crate) database_url: String,
    /// Address on which the server listens, as `HOST:PORT`.
    pub(crate) listen: String,
    /// Address on which `/healthz`, `/readyz` and `/metrics` are served. Empty: they are not served.
    pub(crate) observe: String,
    /// Path of a PEM file with the certificate and its chain. Empty: no TLS.
    pub(crate) tls_certificate: String,
    /// Path of a PEM file with the certificate's private key.
    pub(crate) tls_key: String,
    /// Allows plain HTTP on addresses other than loopback, for a server behind a proxy that handles TLS. Requires `trusted_proxies`.
    pub(crate) insecure_behind_proxy: bool,
    /// Addresses or address ranges of proxies whose `X-Forwarded-For` header is trusted.
    pub(crate) trusted_proxies: Vec<String>,
    /// Host names that requests may use in addition to loopback names and the listening address.
    pub(crate) hosts: Vec<String>,
    /// Log level (`error`, `warn`, `info`, `debug` or `trace`), or a filter with levels for each module. The log has one JSON object
    /// per line.
    pub(crate) log: String,
}

impl Default for ServerSettings {
    fn default() -> Self {
        Self {
            data: String::new(),
            database_url: String::new(),
            listen: "127.0.0.1:7711".to_owned(),
            observe: String::new(),
            tls_certificate: String::new(),
            tls_key: String::new(),
            insecure_behind_proxy: false,
            trusted_proxies: Vec::new(),
            hosts: Vec::new(),
            log: "info".to_owned(),
        }
    }
}

/// Limits that the server imposes on clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServerLimits {
    /// Maximum number of open connections.
    pub(crate) connections: u32,
    /// Maximum number of open connections per client address.
    pub(crate) connections_per_address: u32,
    /// Time limit in seconds for receiving request headers, and for idle connections.
    pub(crate) header_timeout_seconds: u32,
    /// Time limit in seconds for receiving a request body.
    pub(crate) body_timeout_seconds: u32,
    /// Time limit in seconds for running requests to finish during a shutdown.
    pub(crate) shutdown_timeout_seconds: u32,
    /// Maximum number of sign-in attempts per minute and client address.
    pub(crate) sign_ins_per_minute: u32,
    /// Maximum number of refused credentials per minute and client address.
    pub(crate) failures_per_minute: u32,
    /// Maximum number of management requests per minute and session.
    pub(crate) requests_per_minute: u32,
}

impl Default for ServerLimits {
    fn default() -> Self {
        Self {
            connections: 1_024,
            connections_per_address: 512,
            header_timeout_seconds: 10,
            body_timeout_seconds: 15,
            shutdown_timeout_seconds: 10,
            sign_ins_per_minute: 60,
            failures_per_minute: 600,
            requests_per_minute: 6_000,
        }
    }
}

/// How long sessions last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SessionLimits {
    /// Number of days without use after which a session ends.
    pub(crate) idle_days: u32,
    /// Number of days after which a session ends even if it is in use.
    pub(crate) absolute_days: u32,
}

impl Default for SessionLimits {
    fn default() -> Self {
        Self { idle_days: 120, absolute_days: 400 }
    }
}
