//! Arguments of the commands that run on the server's host, and of the demo. The commands themselves are in `admin` and `demo`,
//! because they need the server's layers.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::domain::member::Role;

/// `keyward demo`
#[derive(Args, Clone, Debug)]
pub struct DemoArgs {
    /// Number of keys in the organization, at most 100,000
    #[arg(long, value_name = "N", default_value_t = DEFAULT_KEYS, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub keys: u32,
    /// Role to sign in with
    #[arg(long, value_enum, value_name = "ROLE", default_value_t = Role::Admin)]
    pub role: Role,
    /// Command to run with KEYWARD_URL and KEYWARD_TOKEN set, instead of the terminal UI
    #[arg(last = true, value_name = "COMMAND")]
    pub command: Vec<std::ffi::OsString>,
}

impl Default for DemoArgs {
    fn default() -> Self {
        Self { keys: DEFAULT_KEYS, role: Role::Admin, command: Vec::new() }
    }
}

/// Number of keys in the demo without `--keys`.
const DEFAULT_KEYS: u32 = 60;

/// The database of the server.
#[derive(Args, Clone, Debug)]
pub struct DatabaseArgs {
    /// SQLite file; for PostgreSQL, use KEYWARD_DATABASE_URL or the configuration file
    #[arg(long, value_name = "FILE")]
    pub data: Option<PathBuf>,
}

/// `keyward serve`
#[derive(Args, Clone, Debug)]
pub struct ServeArgs {
    /// Database to use.
    #[command(flatten)]
    pub database: DatabaseArgs,
    /// Address to listen on [default: 127.0.0.1:7711]
    #[arg(long, value_name = "ADDR")]
    pub listen: Option<SocketAddr>,
    /// Address of /healthz, /readyz and /metrics
    #[arg(long, value_name = "ADDR")]
    pub observe: Option<SocketAddr>,
    /// TLS certificate with its chain (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub tls_certificate: Option<PathBuf>,
    /// Private key of the certificate (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_certificate")]
    pub tls_key: Option<PathBuf>,
    /// Allow plain HTTP beyond loopback, behind a proxy that terminates TLS; needs --trusted-proxy
    #[arg(long)]
    pub insecure_behind_proxy: bool,
    /// Proxy whose X-Forwarded-For is trusted, as an address or range; may be repeated
    #[arg(long, value_name = "NETWORK")]
    pub trusted_proxy: Vec<String>,
    /// Host name that the server accepts; may be repeated
    #[arg(long, value_name = "NAME")]
    pub host: Vec<String>,
}

/// `keyward admin …`
#[derive(Subcommand, Clone, Debug)]
pub enum AdminCommand {
    /// Create the database, the organization and its first admin; prints a sign-in code
    Init {
        /// Database to use.
        #[command(flatten)]
        database: DatabaseArgs,
        /// Name of the organization
        #[arg(long, value_name = "NAME")]
        organization: String,
        /// Email address of the first admin
        #[arg(long, value_name = "ADDRESS")]
        email: String,
    },
    /// Let someone in as an admin, if no admin can sign in; prints a sign-in code
    Invite {
        /// Database to use.
        #[command(flatten)]
        database: DatabaseArgs,
        /// Email address of the member
        #[arg(long, value_name = "ADDRESS")]
        email: String,
    },
    /// Accept keys again after restoring a backup whose list of revocations is missing or older
    AcceptRestore {
        /// Database to use.
        #[command(flatten)]
        database: DatabaseArgs,
    },
}

/// `keyward backup`
#[derive(Args, Clone, Debug)]
pub struct BackupArgs {
    /// Database to use.
    #[command(flatten)]
    pub database: DatabaseArgs,
    /// New file; an existing file is never overwritten
    #[arg(value_name = "FILE")]
    pub to: PathBuf,
}
