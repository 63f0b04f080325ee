//! Arguments of the commands that run on the server's host, and of the demo. The commands themselves are in `admin` and `demo`,
//! because they need the server's layers.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::domain::member::Role;

/// Arguments of `keyward demo`.
#[derive(Args, Clone, Debug)]
pub struct DemoArgs {
    /// Number of keys to generate, at most 100,000
    #[arg(long, value_name = "N", default_value_t = DEFAULT_KEYS, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub keys: u32,
    /// Role to sign in with
    #[arg(long, value_enum, value_name = "ROLE", default_value_t = Role::Admin)]
    pub role: Role,
    /// Command to run instead of the terminal UI, with KEYWARD_URL and KEYWARD_TOKEN set
    #[arg(last = true, value_name = "COMMAND")]
    pub command: Vec<std::ffi::OsString>,
}

impl Default for DemoArgs {
    fn default() -> Self {
        Self { keys: DEFAULT_KEYS, role: Role::Admin, command: Vec::new() }
    }
}

/// Number of keys in the demo unless `--keys` is passed.
const DEFAULT_KEYS: u32 = 60;

/// Flag that selects the server's database.
#[derive(Args, Clone, Debug)]
pub struct DatabaseArgs {
    /// SQLite database file; for PostgreSQL, use KEYWARD_DATABASE_URL or the configuration file
    #[arg(long, value_name = "FILE")]
    pub data: Option<PathBuf>,
}

/// Arguments of `keyward serve`.
#[derive(Args, Clone, Debug)]
pub struct ServeArgs {
    /// Database of the server.
    #[command(flatten)]
    pub database: DatabaseArgs,
    /// Address to listen on [default: 127.0.0.1:7711]
    #[arg(long, value_name = "ADDR")]
    pub listen: Option<SocketAddr>,
    /// Address for /healthz, /readyz and /metrics
    #[arg(long, value_name = "ADDR")]
    pub observe: Option<SocketAddr>,
    /// TLS certificate chain (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub tls_certificate: Option<PathBuf>,
    /// Private key of the TLS certificate (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_certificate")]
    pub tls_key: Option<PathBuf>,
    /// Allow plain HTTP on addresses other than loopback, behind a proxy that terminates TLS (requires --trusted-proxy)
    #[arg(long)]
    pub insecure_behind_proxy: bool,
    /// Address or range of a proxy whose X-Forwarded-For header is trusted; may be repeated
    #[arg(long, value_name = "NETWORK")]
    pub trusted_proxy: Vec<String>,
    /// Host name under which clients may reach the server; may be repeated
    #[arg(long, value_name = "NAME")]
    pub host: Vec<String>,
}

/// Subcommands of `keyward admin`.
#[derive(Subcommand, Clone, Debug)]
pub enum AdminCommand {
    /// Create the database, the organization and its first admin; prints a sign-in code
    Init {
        /// Database to create.
        #[command(flatten)]
        database: DatabaseArgs,
        /// Name of the organization
        #[arg(long, value_name = "NAME")]
        organization: String,
        /// Email address of the first admin
        #[arg(long, value_name = "ADDRESS")]
        email: String,
    },
    /// Let someone sign in as an admin if no admin can; prints a sign-in code
    Invite {
        /// Database of the server.
        #[command(flatten)]
        database: DatabaseArgs,
        /// Email address of the person who becomes an admin
        #[arg(long, value_name = "ADDRESS")]
        email: String,
    },
    /// Accept keys again after restoring a backup, if the list of revocations is missing or out of date
    AcceptRestore {
        /// Database that was restored.
        #[command(flatten)]
        database: DatabaseArgs,
    },
}

/// Arguments of `keyward backup`.
#[derive(Args, Clone, Debug)]
pub struct BackupArgs {
    /// Database to back up.
    #[command(flatten)]
    pub database: DatabaseArgs,
    /// Path of the backup; an existing file is never overwritten
    #[arg(value_name = "FILE")]
    pub to: PathBuf,
}
