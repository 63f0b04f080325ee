//! The flags of what is done on the server's host. What they do needs the server's rooms, so `main` does it.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::domain::member::Role;

/// `keyward demo`
#[derive(Args, Clone, Debug)]
pub struct DemoArgs {
    /// How many keys the organization has, up to 100,000
    #[arg(long, value_name = "N", default_value_t = KEYS, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub keys: u32,
    /// As whom to look: admin, normal or operator
    #[arg(long, value_name = "ROLE", default_value_t = Role::Admin)]
    pub role: Role,
    /// Run this with KEYWARD_URL and KEYWARD_TOKEN set, instead of the terminal UI
    #[arg(last = true, value_name = "COMMAND")]
    pub command: Vec<std::ffi::OsString>,
}

impl Default for DemoArgs {
    fn default() -> Self {
        Self { keys: KEYS, role: Role::Admin, command: Vec::new() }
    }
}

/// How many keys the demo has when nobody says.
const KEYS: u32 = 60;

/// Where the server's data is.
#[derive(Args, Clone, Debug)]
pub struct DatabaseArgs {
    /// The SQLite file; PostgreSQL comes from KEYWARD_DATABASE_URL or the configuration
    #[arg(long, value_name = "FILE")]
    pub data: Option<PathBuf>,
}

/// `keyward serve`
#[derive(Args, Clone, Debug)]
pub struct ServeArgs {
    /// Where the data is.
    #[command(flatten)]
    pub database: DatabaseArgs,
    /// The address to listen on [default: 127.0.0.1:7711]
    #[arg(long, value_name = "ADDR")]
    pub listen: Option<SocketAddr>,
    /// The address of /healthz, /readyz and /metrics
    #[arg(long, value_name = "ADDR")]
    pub observe: Option<SocketAddr>,
    /// The TLS certificate with its chain (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub tls_certificate: Option<PathBuf>,
    /// The certificate's private key (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_certificate")]
    pub tls_key: Option<PathBuf>,
    /// Plain HTTP beyond loopback, since a proxy in front speaks TLS; needs --trusted-proxy
    #[arg(long)]
    pub insecure_behind_proxy: bool,
    /// A proxy whose X-Forwarded-For is believed, as an address or range; may be repeated
    #[arg(long, value_name = "NETWORK")]
    pub trusted_proxy: Vec<String>,
    /// A host name to answer for; may be repeated
    #[arg(long, value_name = "NAME")]
    pub host: Vec<String>,
}

/// `keyward admin …`
#[derive(Subcommand, Clone, Debug)]
pub enum AdminCommand {
    /// Create the database, the organization and its first admin; prints a sign-in code
    Init {
        /// Where the data is.
        #[command(flatten)]
        database: DatabaseArgs,
        /// The organization's name
        #[arg(long, value_name = "NAME")]
        organization: String,
        /// The first admin's email address
        #[arg(long, value_name = "ADDRESS")]
        email: String,
    },
    /// Rescue: let someone in as an admin; prints a sign-in code
    Invite {
        /// Where the data is.
        #[command(flatten)]
        database: DatabaseArgs,
        /// The member's email address
        #[arg(long, value_name = "ADDRESS")]
        email: String,
    },
    /// Admit keys again after a backup was restored whose list of revocations is missing or older
    AcceptRestore {
        /// Where the data is.
        #[command(flatten)]
        database: DatabaseArgs,
    },
}

/// `keyward backup`
#[derive(Args, Clone, Debug)]
pub struct BackupArgs {
    /// Where the data is.
    #[command(flatten)]
    pub database: DatabaseArgs,
    /// The new file; never overwrites
    #[arg(value_name = "FILE")]
    pub to: PathBuf,
}
