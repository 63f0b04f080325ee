//! `keyward serve`: runs the server in the foreground until a signal stops it.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context as _;
use tokio::signal::unix::{SignalKind, signal};

use super::open_store;
use crate::cli::{CommandContext, CommandError, ExitCode, ServeArgs};
use crate::config::Config;
use crate::server::observability::logs;
use crate::server::settings::{SessionLifetimes, Settings, TlsFiles, TrafficLimits};
use crate::server::{self, StartError};
use crate::store::{OpenMode, OpenStoreError};

/// Runs the server until SIGTERM, SIGINT or SIGHUP, and returns the exit code for that signal: 128 plus its number.
///
/// # Errors
/// Fails if the settings are invalid, the database cannot be opened, or the server cannot listen on its address.
pub async fn serve(args: &ServeArgs, context: &CommandContext) -> Result<u8, CommandError> {
    let settings = settings(args, &context.config)?;
    let log = &context.config.server.log;
    let filter = if log.contains(['=', ',']) { log.clone() } else { format!("{log},sqlx=warn,hyper=warn") };
    // Fails if a subscriber is already installed, as in tests; that one is kept.
    let _ = tracing::subscriber::set_global_default(logs::subscriber(io::stderr, &filter));
    let store = open_store(&args.database, OpenMode::Serve, context).await?;
    if let Some(pending) = store.restore_pending() {
        tracing::warn!("{pending}");
    }
    let organization = async { store.reader().await?.organization().await };
    if organization.await.map_err(OpenStoreError::Database)?.is_none() {
        tracing::warn!("no one can sign in yet; set up the organization with `keyward admin init`");
    }
    let tls = settings.tls.is_some();
    let mut terminate = listen_for_signal(SignalKind::terminate())?;
    let mut interrupt = listen_for_signal(SignalKind::interrupt())?;
    let mut hangup = listen_for_signal(SignalKind::hangup())?;
    let running = server::start(settings, store.clone(), context.clock.clone(), None).await?;
    let scheme = if tls { "https" } else { "http" };
    tracing::info!(url = %format_args!("{scheme}://{}", running.addr), "serving");
    if let Some(observe) = running.observe_addr {
        tracing::info!(url = %format_args!("http://{observe}"), "serving health checks and metrics");
    }
    let signal = tokio::select! {
        _ = terminate.recv() => 15,
        _ = interrupt.recv() => 2,
        _ = hangup.recv() => 1,
    };
    tracing::info!(signal, "stopping");
    running.shutdown().await;
    store.close().await;
    Ok(128 + signal)
}

fn listen_for_signal(kind: SignalKind) -> Result<tokio::signal::unix::Signal, CommandError> {
    Ok(signal(kind).context("cannot install a signal handler")?)
}

/// Builds the server's settings from the configuration file and the flags, which take precedence.
fn settings(args: &ServeArgs, config: &Config) -> Result<Settings, CommandError> {
    let file = &config.server;
    let address = |setting: &str, text: &str| {
        text.parse::<SocketAddr>().map_err(|_| {
            CommandError::usage(format!(
                "{setting} = \"{text}\" is not an address with a port; write HOST:PORT, for example 127.0.0.1:7711"
            ))
        })
    };
    let certificate = args.tls_certificate.clone().or_else(|| non_empty_path(&file.tls_certificate));
    let key = args.tls_key.clone().or_else(|| non_empty_path(&file.tls_key));
    let tls = match (certificate, key) {
        (Some(certificate), Some(key)) => Some(TlsFiles { certificate, key }),
        (None, None) => None,
        _ => return Err(CommandError::usage("TLS needs both `tls_certificate` and `tls_key`")),
    };
    let proxies = if args.trusted_proxy.is_empty() { &file.trusted_proxies } else { &args.trusted_proxy };
    let trusted_proxies = proxies
        .iter()
        .map(|text| text.parse().map_err(|e| CommandError::usage(format!("trusted proxy \"{text}\": {e}"))))
        .collect::<Result<_, _>>()?;
    let limits = &config.limits;
    let seconds = |n: u32| Duration::from_secs(n.into());
    Ok(Settings {
        listen: args.listen.map_or_else(|| address("listen", &file.listen), Ok)?,
        observe: match args.observe {
            Some(address) => Some(address),
            None if file.observe.is_empty() => None,
            None => Some(address("observe", &file.observe)?),
        },
        tls,
        insecure_behind_proxy: args.insecure_behind_proxy || file.insecure_behind_proxy,
        trusted_proxies,
        hosts: if args.host.is_empty() { file.hosts.clone() } else { args.host.clone() },
        limits: TrafficLimits {
            connections: usize::try_from(limits.connections).unwrap_or(usize::MAX),
            connections_per_address: usize::try_from(limits.connections_per_address).unwrap_or(usize::MAX),
            header_timeout: seconds(limits.header_timeout_seconds),
            body_timeout: seconds(limits.body_timeout_seconds),
            shutdown_timeout: seconds(limits.shutdown_timeout_seconds),
            sign_ins_per_minute: limits.sign_ins_per_minute,
            failures_per_minute: limits.failures_per_minute,
            requests_per_minute: limits.requests_per_minute,
        },
        sessions: SessionLifetimes {
            idle_days: config.sessions.idle_days,
            absolute_days: config.sessions.absolute_days,
        },
        policy: config.policy,
    })
}

fn non_empty_path(text: &str) -> Option<std::path::PathBuf> {
    (!text.is_empty()).then(|| text.into())
}

impl From<StartError> for CommandError {
    fn from(error: StartError) -> Self {
        let exit = match &error {
            StartError::Plain(_) | StartError::NoTrustedProxies | StartError::Tls { .. } => ExitCode::Usage,
            StartError::InUse(_) => ExitCode::Refused,
            _ => ExitCode::Failure,
        };
        Self::new(exit, error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_server_and_the_configuration_file_have_the_same_defaults() {
        let cli = crate::cli::parse_arguments(&["keyward", "serve", "--data", "x"].map(Into::into))
            .unwrap()
            .unwrap();
        let Some(crate::cli::Command::Serve(args)) = cli.command else { panic!("not serve") };
        let from_file = settings(&args, &Config::default()).unwrap();
        assert_eq!(format!("{from_file:?}"), format!("{:?}", Settings::default()));
    }
}
