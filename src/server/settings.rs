//! Everything that a server is told when it starts, as plain data.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use crate::domain::policy::Policy;
use crate::server::http::client_address::IpRange;

/// What the server was told. The defaults are those of `keyward.toml`.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where to listen.
    pub listen: SocketAddr,
    /// Where `/healthz`, `/readyz` and `/metrics` listen; nowhere if nothing.
    pub observe: Option<SocketAddr>,
    /// Certificate and key for TLS.
    pub tls: Option<TlsFiles>,
    /// Plain HTTP beyond loopback, since a proxy in front speaks TLS. Needs `trusted_proxies`.
    pub insecure_behind_proxy: bool,
    /// The proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpRange>,
    /// The names this server answers for, besides loopback's names and the address it listens on.
    pub hosts: Vec<String>,
    /// How much is taken from whom.
    pub limits: ServerLimits,
    /// How long sessions live.
    pub sessions: SessionLifetimes,
    /// When a key is stale, and how long a rotation waits.
    pub policy: Policy,
}

/// Files for TLS, in PEM.
#[derive(Clone, Debug)]
pub struct TlsFiles {
    /// The certificate and the chain above it.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// Limits on what is taken from clients.
#[derive(Clone, Debug)]
pub struct ServerLimits {
    /// Most connections at once.
    pub connections: usize,
    /// Most of them from one address, but for this machine and trusted proxies, which stand for many.
    pub connections_per_address: usize,
    /// For all headers of a request to arrive; also how long an idle connection is kept.
    pub header_timeout: Duration,
    /// For the whole body of a request to arrive, and for a client to go on taking an answer.
    pub body_timeout: Duration,
    /// For the requests that still run when the server is told to stop.
    pub shutdown_timeout: Duration,
    /// Sign-in attempts a minute from one address.
    pub sign_ins_per_minute: u32,
    /// Refused credentials a minute from one address. A valid key is never refused by it.
    pub failures_per_minute: u32,
    /// Management requests a minute of one session.
    pub requests_per_minute: u32,
}

/// How long sessions live.
#[derive(Clone, Debug)]
pub struct SessionLifetimes {
    /// A session ends when it was not used for this many days.
    pub idle_days: u32,
    /// A session ends this many days after it began.
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
            limits: ServerLimits::default(),
            sessions: SessionLifetimes::default(),
            policy: Policy::default(),
        }
    }
}

impl Default for ServerLimits {
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
