//! The settings of a server, as plain data. `admin::serve` fills them from the configuration file, the environment and flags.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use super::network::IpRange;
use crate::domain::policy::Policy;

/// The settings of a server. The defaults are the same as in `assets/keyward.toml`.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Address that the API listens on.
    pub listen: SocketAddr,
    /// Address that serves `/healthz`, `/readyz` and `/metrics`; if it is `None`, they are not served.
    pub observe: Option<SocketAddr>,
    /// Files for HTTPS. If this is `None`, the server uses plain HTTP.
    pub tls: Option<TlsFiles>,
    /// Permits plain HTTP on addresses other than loopback, for a server behind a proxy that terminates TLS. Requires
    /// `trusted_proxies`.
    pub insecure_behind_proxy: bool,
    /// Proxies whose `X-Forwarded-For` header is trusted.
    pub trusted_proxies: Vec<IpRange>,
    /// Host names that requests may use, in addition to loopback names and the server address of the connection.
    pub hosts: Vec<String>,
    /// Limits on connections and requests.
    pub limits: TrafficLimits,
    /// How long sessions last.
    pub sessions: SessionLifetimes,
    /// Thresholds for stale keys and rotations.
    pub policy: Policy,
}

/// Paths of the PEM files for TLS.
#[derive(Clone, Debug)]
pub struct TlsFiles {
    /// File with the certificate, followed by its chain.
    pub certificate: PathBuf,
    /// File with the private key of the certificate.
    pub key: PathBuf,
}

/// Limits on connections and requests.
#[derive(Clone, Debug)]
pub struct TrafficLimits {
    /// Maximum number of open connections.
    pub connections: usize,
    /// Maximum number of open connections from one client network. Loopback addresses and trusted proxies are exempt, because each
    /// of them carries the requests of many clients.
    pub connections_per_address: usize,
    /// How long a request's headers may take to arrive; also how long an idle connection is kept open.
    pub header_timeout: Duration,
    /// How long a request's body may take to arrive, and how long a client may pause while it reads a response.
    pub body_timeout: Duration,
    /// How long running requests may take to finish when the server shuts down.
    pub shutdown_timeout: Duration,
    /// Maximum number of sign-in attempts per minute from one client network.
    pub sign_ins_per_minute: u32,
    /// Maximum number of refused credentials per minute from one client network. A valid key is never refused because of this
    /// limit.
    pub failures_per_minute: u32,
    /// Maximum number of management requests per minute in one session.
    pub requests_per_minute: u32,
}

/// How long sessions last.
#[derive(Clone, Debug)]
pub struct SessionLifetimes {
    /// Number of days without use after which a session expires.
    pub idle_days: u32,
    /// Number of days after sign-in at which a session expires, even if it is in use.
    pub absolute_days: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 7711)),
            observe: None,
            tls: None,
            insecure_behind_proxy: false,
            trusted_proxies: Vec::new(),
            hosts: Vec::new(),
            limits: TrafficLimits::default(),
            sessions: SessionLifetimes::default(),
            policy: Policy::default(),
        }
    }
}

impl Default for TrafficLimits {
    fn default() -> Self {
        Self {
            connections: 1_024,
            connections_per_address: 512,
            header_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(15),
            shutdown_timeout: Duration::from_secs(10),
            sign_ins_per_minute: 60,
            failures_per_minute: 600,
            requests_per_minute: 6_000,
        }
    }
}

impl Default for SessionLifetimes {
    fn default() -> Self {
        Self { idle_days: 120, absolute_days: 400 }
    }
}
