//! Settings of `keyward serve`. Numbers are checked here, words where they are used.

use serde::{Deserialize, Serialize};

/// Where the server keeps its data and listens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServerSettings {
    /// The SQLite file.
    pub data: String,
    /// A PostgreSQL database instead. With a password in it, only the owner may read the file.
    pub database_url: String,
    /// The address to listen on.
    pub listen: String,
    /// The address of `/healthz`, `/readyz` and `/metrics`; empty means nowhere.
    pub observe: String,
    /// The certificate and its chain, in PEM; empty means no TLS.
    pub tls_certificate: String,
    /// The certificate's private key, in PEM.
    pub tls_key: String,
    /// Plain HTTP beyond loopback, since a proxy in front speaks TLS. Needs `trusted_proxies`.
    pub insecure_behind_proxy: bool,
    /// Proxies whose `X-Forwarded-For` is believed, as addresses or ranges.
    pub trusted_proxies: Vec<String>,
    /// Host names that this server answers for, besides loopback's and the address it listens on.
    pub hosts: Vec<String>,
    /// What is logged, one JSON object a line: `error`, `warn`, `info`, `debug`, `trace`, or a filter by module.
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

/// How much the server takes from whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServerLimits {
    /// Most connections at once.
    pub connections: u32,
    /// Most of them from one address.
    pub connections_per_address: u32,
    /// For all headers of a request to arrive; also how long an idle connection is kept.
    pub header_timeout_seconds: u32,
    /// For the whole body of a request to arrive.
    pub body_timeout_seconds: u32,
    /// For the requests that still run when the server is told to stop.
    pub shutdown_timeout_seconds: u32,
    /// Sign-in attempts a minute from one address.
    pub sign_ins_per_minute: u32,
    /// Refused credentials a minute from one address.
    pub failures_per_minute: u32,
    /// Management requests a minute of one session.
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

/// How long sessions live.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SessionLimits {
    /// A session ends when it was not used for this many days.
    pub idle_days: u32,
    /// A session ends this many days after it began.
    pub absolute_days: u32,
}

impl Default for SessionLimits {
    fn default() -> Self {
        Self { idle_days: 120, absolute_days: 400 }
    }
}
