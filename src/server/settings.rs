//! The settings of a server, as plain data. `admin::serve` fills them from the configuration file, the environment and flags.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use super::network::IpRange;
use crate::domain::policy::Policy;

/// The settings that a server starts with. The defaults are those of `assets/keyward.toml`.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The address to listen on.
    pub listen: SocketAddr,
    /// The address that serves `/healthz`, `/readyz` and `/metrics`; `None` serves them nowhere.
    pub observe: Option<SocketAddr>,
    /// Serves HTTPS with these files; `None` serves plain HTTP.
    pub tls: Option<TlsFiles>,
    /// Permits plain HTTP on addresses other than loopback, because a proxy in front terminates TLS. Requires `trusted_proxies`.
    pub insecure_behind_proxy: bool,
    /// Proxies whose `X-Forwarded-For` header is trusted.
    pub trusted_proxies: Vec<IpRange>,
    /// Host names that the server answers for, besides loopback names and the address of the connection.
    pub hosts: Vec<String>,
    /// Limits on connections and requests.
    pub limits: TrafficLimits,
    /// Lifetimes of sessions.
    pub sessions: SessionLifetimes,
    /// Thresholds for stale keys and rotations.
    pub policy: Policy,
}

/// PEM files for TLS.
#[derive(Clone, Debug)]
pub struct TlsFiles {
    /// The certificate, followed by its chain.
    pub certificate: PathBuf,
    /// The private key of the certificate.
    pub key: PathBuf,
}

/// Limits on connections and requests.
#[derive(Clone, Debug)]
pub struct TrafficLimits {
    /// Most open connections.
    pub connections: usize,
    /// Most open connections from one client network. Loopback addresses and trusted proxies are exempt, because each of them carries
    /// the requests of many clients.
    pub connections_per_address: usize,
    /// Time for the headers of a request to arrive; also the time that an idle connection is kept open.
    pub header_timeout: Duration,
    /// Time for the body of a request to arrive, and for a stalled client to continue reading a response.
    pub body_timeout: Duration,
    /// Time for running requests to finish on shutdown.
    pub shutdown_timeout: Duration,
    /// Sign-in attempts per minute from one client network.
    pub sign_ins_per_minute: u32,
    /// Refused credentials per minute from one client network. A valid key is never refused because of this limit.
    pub failures_per_minute: u32,
    /// Management requests per minute in one session.
    pub requests_per_minute: u32,
}

/// Lifetimes of sessions.
#[derive(Clone, Debug)]
pub struct SessionLifetimes {
    /// Days without use after which a session ends.
    pub idle_days: u32,
    /// Days after sign-in at which a session ends in any case.
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
