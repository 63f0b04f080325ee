//! Settings of `keyward serve`. Parsing the file checks numbers; addresses, hosts and the log filter are checked when the server
//! starts.

use serde::{Deserialize, Serialize};

/// Data, addresses and TLS of the server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServerSettings {
    /// Path of the SQLite file.
    pub data: String,
    /// URL of a PostgreSQL database to use instead of a file. If it contains a password, only the owner may be able to read the
    /// file.
    pub database_url: String,
    /// Address to listen on.
    pub listen: String,
    /// Address for `/healthz`, `/readyz` and `/metrics`. Empty: they are not served.
    pub observe: String,
    /// Path of the certificate with its chain, in PEM. Empty: no TLS.
    pub tls_certificate: String,
    /// Path of the certificate's private key, in PEM.
    pub tls_key: String,
    /// Allows plain HTTP on other addresses than loopback because a proxy handles TLS. Requires `trusted_proxies`.
    pub insecure_behind_proxy: bool,
    /// Proxies whose `X-Forwarded-For` is trusted, as addresses or ranges.
    pub trusted_proxies: Vec<String>,
    /// Accepted host names in addition to loopback names and the listening address.
    pub hosts: Vec<String>,
    /// Log level or filter by module: `error`, `warn`, `info`, `debug`, `trace`. The log has one JSON object per line.
    pub log: String,
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

/// Limits of the server for its clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServerLimits {
    /// Open connections in total.
    pub connections: u32,
    /// Open connections from one address.
    pub connections_per_address: u32,
    /// Seconds for the headers of a request to arrive, and for an idle connection to stay open.
    pub header_timeout_seconds: u32,
    /// Seconds for the body of a request to arrive.
    pub body_timeout_seconds: u32,
    /// Seconds for running requests to finish after the server was told to stop.
    pub shutdown_timeout_seconds: u32,
    /// Sign-in attempts from one address per minute.
    pub sign_ins_per_minute: u32,
    /// Refused credentials from one address per minute.
    pub failures_per_minute: u32,
    /// Management requests in one session per minute.
    pub requests_per_minute: u32,
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

/// Lifetime of sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SessionLimits {
    /// Days without use after which a session ends.
    pub idle_days: u32,
    /// Days after its start when a session ends in any case.
    pub absolute_days: u32,
}

impl Default for SessionLimits {
    fn default() -> Self {
        Self { idle_days: 120, absolute_days: 400 }
    }
}
