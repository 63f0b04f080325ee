//! `keyward doctor`: checks everything that keyward depends on, and names a fix for each problem.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use clap::{Args, ValueEnum};
use serde::Serialize;

use super::connect::{CommandContext, ServerTarget};
use super::error::{CommandError, ExitCode};
use super::output::schema::{field, one_of, outline};
use super::output::{self, JsonField, Output, OutputArgs, OutputColumn, OutputRow};
use crate::client::{CallRequest, Client, ClientError, Credential, TrustedRoots};
use crate::domain::text;
use crate::domain::time::{MINUTE, TimeDelta, format_duration};
use crate::wire::sessions::GetMe;

mod terminal;

/// Arguments of `keyward doctor`.
#[derive(Args, Clone, Debug)]
#[command(after_help = format!("Exits with code 1 if a check finds an error. Output with --json: [{outline}].", outline = outline(Check::FIELDS)))]
pub struct DoctorArgs {
    /// Copy a short text and ask you to paste it back, the only way to check that copying works
    #[arg(long)]
    clipboard: bool,
    #[command(flatten)]
    output: OutputArgs,
}

/// Outcome of a `doctor` check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(super) enum Health {
    Ok,
    Warning,
    Error,
}

/// A `doctor` check, with what it found and how to fix it.
#[derive(Debug, Serialize)]
pub(super) struct Check {
    #[serde(rename = "check")]
    name: &'static str,
    health: Health,
    found: String,
    fix: String,
}

impl OutputRow for Check {
    const FIELDS: &'static [JsonField] = &[
        field("check", "text"),
        one_of::<Health>("health"),
        field("found", "text"),
        field("fix", "text; empty if there is nothing to do"),
    ];

    const COLUMNS: &'static [OutputColumn<Self>] = &[
        OutputColumn {
            title: "",
            field: "health",
            rank: 0,
            cut: false,
            cell: |c| {
                match c.health {
                    Health::Ok => "ok",
                    Health::Warning => "warning",
                    Health::Error => "ERROR",
                }
                .into()
            },
        },
        OutputColumn { title: "Check", field: "check", rank: 0, cut: false, cell: |c| c.name.into() },
        OutputColumn {
            title: "Found",
            field: "found",
            rank: 0,
            cut: true,
            cell: |c| c.found.as_str().into(),
        },
        OutputColumn {
            title: "What to do",
            field: "fix",
            rank: 0,
            cut: true,
            cell: |c| c.fix.as_str().into(),
        },
    ];

    fn json(&self) -> String {
        output::to_json(self)
    }

    fn id(&self) -> String {
        self.name.to_owned()
    }
}

fn ok(check: &'static str, found: impl Into<String>) -> Check {
    Check { name: check, health: Health::Ok, found: found.into(), fix: String::new() }
}

fn warning(check: &'static str, found: impl Into<String>, fix: impl Into<String>) -> Check {
    Check { name: check, health: Health::Warning, found: found.into(), fix: fix.into() }
}

fn error(check: &'static str, found: impl Into<String>, fix: impl Into<String>) -> Check {
    Check { name: check, health: Health::Error, found: found.into(), fix: fix.into() }
}

pub(super) async fn run(args: DoctorArgs, context: &CommandContext) -> Result<ExitCode, CommandError> {
    let mut checks = vec![ok("version", format!("keyward {}", env!("CARGO_PKG_VERSION")))];
    checks.push(check_private_files(context));
    checks.extend(check_environment(context));
    checks.extend(terminal::check_terminal(context).await);
    if args.clipboard {
        checks.push(terminal::copy_and_paste_back(context).await?);
    }
    match context.target() {
        Ok(target) => {
            checks.push(ok("server", target.label()));
            checks.extend(check_server(&target, context).await);
        }
        Err(e) => checks.push(warning("server", "no server is selected", e.message)),
    }
    let output = Output::new::<Check>(&args.output, context.is_ascii_only())?;
    if output.is_table() {
        let lines: Vec<String> = checks.iter().map(format_check).collect();
        output::write_stdout(format!("{}\n", lines.join("\n")).as_bytes())?;
    } else {
        output.print_list(&checks, "")?;
    }
    let has_error = checks.iter().any(|c| c.health == Health::Error);
    Ok(if has_error { ExitCode::Failure } else { ExitCode::Success })
}

/// Formats a check on one line and its fix on the next, because both are too long for a table.
fn format_check(check: &Check) -> String {
    let label = match check.health {
        Health::Ok => "ok      ",
        Health::Warning => "warning ",
        Health::Error => "ERROR   ",
    };
    let fix = if check.fix.is_empty() {
        String::new()
    } else {
        format!("\n        {}", text::sanitize_line(&check.fix))
    };
    format!("{label}{:12} {}{fix}", check.name, text::sanitize_line(&check.found))
}

/// Checks that only the user can read the state folder.
fn check_private_files(context: &CommandContext) -> Check {
    let folder = context.state.folder();
    if !folder.exists() {
        return ok("files", format!("{folder} does not exist yet", folder = folder.display()));
    }
    let mut exposed = Vec::new();
    find_files_readable_by_others(folder, &mut exposed);
    if exposed.is_empty() {
        return ok("files", format!("only you can read {folder}", folder = folder.display()));
    }
    let fix = format!("Run `chmod -R go= {folder}`.", folder = folder.display());
    error("files", format!("others can read {files}", files = exposed.join(", ")), fix)
}

fn find_files_readable_by_others(path: &Path, exposed: &mut Vec<String>) {
    let Ok(metadata) = path.symlink_metadata() else { return };
    if metadata.is_symlink() {
        return;
    }
    if metadata.mode() & 0o077 != 0 {
        exposed.push(path.display().to_string());
    }
    if let Ok(entries) = fs::read_dir(path) {
        entries.flatten().for_each(|entry| find_files_readable_by_others(&entry.path(), exposed));
    }
}

fn check_environment(context: &CommandContext) -> Vec<Check> {
    let environment = &context.environment;
    let mut checks = Vec::new();
    let variables: Vec<&str> = environment.names("KEYWARD_");
    if !variables.is_empty() {
        checks.push(ok("environment", format!("set: {}", variables.join(", "))));
    }
    if environment.get("KEYWARD_TOKEN").is_some()
        && environment.get("KEYWARD_URL").is_none()
        && context.flags.url.is_none()
    {
        checks.push(warning(
            "environment",
            "KEYWARD_TOKEN is set but KEYWARD_URL is not, so the token is not used",
            "Set KEYWARD_URL too, or use a profile.",
        ));
    }
    let proxies: Vec<&str> = [
        "HTTPS_PROXY",
        "https_proxy",
        "HTTP_PROXY",
        "http_proxy",
        "ALL_PROXY",
        "all_proxy",
        "NO_PROXY",
        "no_proxy",
    ]
    .into_iter()
    .filter(|name| environment.get(name).is_some())
    .collect();
    checks.push(if proxies.is_empty() {
        ok("proxy", "none")
    } else {
        ok(
            "proxy",
            format!(
                "set by {variables}; not used for servers on this machine",
                variables = proxies.join(", ")
            ),
        )
    });
    checks
}

async fn check_server(target: &ServerTarget, context: &CommandContext) -> Vec<Check> {
    let mut checks = Vec::new();
    if target.address.is_unencrypted() {
        checks.push(warning(
            "encryption",
            "none: others on the network can read the session token",
            "Use https, or a tunnel such as `ssh -L`.",
        ));
    }
    let client = match context.client(target, Credential::none()) {
        Ok(client) => client,
        Err(e) => return vec![error("certificates", "cannot be read", e.message)],
    };
    checks.extend(match client.roots() {
        TrustedRoots::NotNeeded => None,
        TrustedRoots::System => Some(ok("certificates", "the system's CA certificates are used")),
        TrustedRoots::BuiltIn => Some(warning(
            "certificates",
            "the system has no CA certificates, so keyward uses its built-in ones, which become outdated",
            "Install the system's CA certificates (package ca-certificates), or pass a file with --ca-cert.",
        )),
    });
    checks.push(check_reachability(&client).await);
    if checks.last().is_some_and(|c| c.health != Health::Ok) {
        return checks;
    }
    match context.connect() {
        Err(e) => checks.push(warning("session", "not signed in", e.message)),
        Ok(connection) => match connection.client.send(CallRequest::to(GetMe)).await {
            Err(e) => checks.push(error("session", "not accepted", CommandError::from(e).message)),
            Ok(me) => {
                checks.push(ok(
                    "session",
                    format!(
                        "{email} ({role}) at {organization}",
                        email = me.member.email,
                        role = me.role,
                        organization = me.organization.name
                    ),
                ));
                let skew = context.clock.now().since(me.as_of);
                checks.push(if skew.abs() < MINUTE {
                    ok("clock", "this machine's clock agrees with the server's")
                } else {
                    let direction = if skew > TimeDelta::zero() { "ahead of" } else { "behind" };
                    warning(
                        "clock",
                        format!(
                            "this machine's clock is {skew} {direction} the server's, which is the one that counts", skew = format_duration(skew.abs())),
                        "Synchronize both clocks, for example with NTP.",
                    )
                });
            }
        },
    }
    checks
}

/// Checks that a keyward server replies. A refusal counts as a reply, because there may be no session.
async fn check_reachability(client: &Client) -> Check {
    match client.send(CallRequest::to(GetMe)).await {
        Ok(_) | Err(ClientError::Refused(_)) => ok("reachable", "a keyward server replies"),
        Err(e) => {
            let message = e.to_string();
            let (found, fix) = message.split_once(". ").map_or((message.as_str(), ""), |(f, x)| (f, x));
            error("reachable", found, fix)
        }
    }
}
