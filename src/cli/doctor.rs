//! `keyward doctor`: looks at everything that keyward depends on, and names what to do about what is wrong.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use clap::Args;
use serde::Serialize;

use super::connect::{CommandContext, ServerTarget};
use super::error::{CommandError, ExitCode};
use super::output::schema::field;
use super::output::{self, JsonField, Output, OutputArgs, OutputColumn, OutputRow};
use crate::client::{CallRequest, Client, ClientError, Credential, TrustedRoots};
use crate::domain::text;
use crate::domain::time::{MINUTE, TimeDelta, format_duration};
use crate::wire::sessions::GetMe;

mod terminal;

/// `keyward doctor`
#[derive(Args, Clone, Debug)]
#[command(
    after_help = "Ends with 1 if something is an error. With --json: [{\"check\", \"health\": \"ok\" | \"warning\" | \"error\", \
    \"found\", \"fix\"}]."
)]
pub struct DoctorArgs {
    /// Copy a short text, and ask for it to be pasted back: the only way to know whether copies arrive
    #[arg(long)]
    clipboard: bool,
    #[command(flatten)]
    output: OutputArgs,
}

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Health {
    Ok,
    Warning,
    Error,
}

/// One check.
#[derive(Debug, Serialize)]
pub(super) struct Check {
    #[serde(rename = "check")]
    what: &'static str,
    health: Health,
    found: String,
    fix: String,
}

impl OutputRow for Check {
    const FIELDS: &'static [JsonField] = &[
        field("check", "text"),
        field("health", "`ok`, `warning` or `error`"),
        field("found", "text"),
        field("fix", "text; empty where nothing is to be done"),
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
        OutputColumn { title: "Check", field: "check", rank: 0, cut: false, cell: |c| c.what.into() },
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
        self.what.to_owned()
    }
}

fn ok(check: &'static str, found: impl Into<String>) -> Check {
    Check { what: check, health: Health::Ok, found: found.into(), fix: String::new() }
}

fn warning(check: &'static str, found: impl Into<String>, fix: impl Into<String>) -> Check {
    Check { what: check, health: Health::Warning, found: found.into(), fix: fix.into() }
}

fn error(check: &'static str, found: impl Into<String>, fix: impl Into<String>) -> Check {
    Check { what: check, health: Health::Error, found: found.into(), fix: fix.into() }
}

pub(super) async fn run(args: DoctorArgs, context: &CommandContext) -> Result<ExitCode, CommandError> {
    let mut checks = vec![ok("version", format!("keyward {}", env!("CARGO_PKG_VERSION")))];
    checks.push(files(context));
    checks.extend(environment(context));
    checks.extend(terminal::checks(context).await);
    if args.clipboard {
        checks.push(terminal::copy_and_paste_back(context).await?);
    }
    match context.target() {
        Ok(target) => {
            checks.push(ok("server", target.label()));
            checks.extend(server(&target, context).await);
        }
        Err(failure) => checks.push(warning("server", "none is chosen", failure.message)),
    }
    let output = Output::new::<Check>(&args.output, context.is_ascii_only())?;
    if output.is_table() {
        let lines: Vec<String> = checks.iter().map(line).collect();
        output::write_stdout(format!("{}\n", lines.join("\n")).as_bytes())?;
    } else {
        output.print_list(&checks, "")?;
    }
    let failed = checks.iter().any(|c| c.health == Health::Error);
    Ok(if failed { ExitCode::Failure } else { ExitCode::Success })
}

/// A check on one line, and the fix on the next: both are sentences, too long for a table.
fn line(check: &Check) -> String {
    let mark = match check.health {
        Health::Ok => "ok      ",
        Health::Warning => "warning ",
        Health::Error => "ERROR   ",
    };
    let fix = if check.fix.is_empty() {
        String::new()
    } else {
        format!("\n        {}", text::sanitize_line(&check.fix))
    };
    format!("{mark}{:12} {}{fix}", check.what, text::sanitize_line(&check.found))
}

/// The state folder and what is in it.
fn files(context: &CommandContext) -> Check {
    let folder = context.state.folder();
    if !folder.exists() {
        return ok("files", format!("{} is not made yet", folder.display()));
    }
    let mut open = Vec::new();
    exposed(folder, &mut open);
    if open.is_empty() {
        return ok("files", format!("{} is yours alone", folder.display()));
    }
    let fix = format!("chmod -R go= {}", folder.display());
    error("files", format!("others can read {}", open.join(", ")), fix)
}

fn exposed(path: &Path, open: &mut Vec<String>) {
    let Ok(about) = path.symlink_metadata() else { return };
    if about.is_symlink() {
        return;
    }
    if about.mode() & 0o077 != 0 {
        open.push(path.display().to_string());
    }
    if let Ok(entries) = fs::read_dir(path) {
        entries.flatten().for_each(|entry| exposed(&entry.path(), open));
    }
}

fn environment(context: &CommandContext) -> Vec<Check> {
    let environment = &context.environment;
    let mut checks = Vec::new();
    let set: Vec<&str> = environment.names("KEYWARD_");
    if !set.is_empty() {
        checks.push(ok("environment", format!("set: {}", set.join(", "))));
    }
    if environment.get("KEYWARD_TOKEN").is_some()
        && environment.get("KEYWARD_URL").is_none()
        && context.flags.url.is_none()
    {
        checks.push(warning(
            "environment",
            "KEYWARD_TOKEN is set but KEYWARD_URL is not, so the token is not used",
            "set KEYWARD_URL too, or use a profile",
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
        ok("proxy", format!("set: {}; not used for this machine itself", proxies.join(", ")))
    });
    checks
}

async fn server(target: &ServerTarget, context: &CommandContext) -> Vec<Check> {
    let mut checks = Vec::new();
    if target.address.is_unencrypted() {
        checks.push(warning(
            "encryption",
            "none: the session can be read on the way",
            "use https, or a tunnel such as `ssh -L`",
        ));
    }
    let client = match context.client(target, Credential::none()) {
        Ok(client) => client,
        Err(failure) => return vec![error("certificates", "cannot be read", failure.message)],
    };
    checks.extend(match client.roots() {
        TrustedRoots::NotNeeded => None,
        TrustedRoots::System => Some(ok("certificates", "the system's")),
        TrustedRoots::BuiltIn => Some(warning(
            "certificates",
            "the system has none, so those built into this program are used, which grow old",
            "install the system's CA certificates (ca-certificates), or name a file with --ca-cert",
        )),
    });
    checks.push(reach(&client).await);
    if checks.last().is_some_and(|c| c.health != Health::Ok) {
        return checks;
    }
    match context.connect() {
        Err(failure) => checks.push(warning("session", "not signed in", failure.message)),
        Ok(connection) => match connection.client.send(CallRequest::to(GetMe)).await {
            Err(e) => checks.push(error("session", "not accepted", CommandError::from(e).message)),
            Ok(me) => {
                checks.push(ok(
                    "session",
                    format!("{} ({}) at {}", me.member.email, me.role, me.organization.name),
                ));
                let skew = context.clock.now().since(me.as_of);
                checks.push(if skew.abs() < MINUTE {
                    ok("clock", "agrees with the server's")
                } else {
                    let which = if skew > TimeDelta::zero() { "ahead of" } else { "behind" };
                    warning(
                        "clock",
                        format!(
                            "this machine's is {} {which} the server's; ages are shown by the server's",
                            format_duration(skew.abs())
                        ),
                        "set the clock of whichever is wrong (NTP)",
                    )
                });
            }
        },
    }
    checks
}

/// Whether a keyward server answers: nobody is signed in, so it must say so.
async fn reach(client: &Client) -> Check {
    match client.send(CallRequest::to(GetMe)).await {
        Ok(_) | Err(ClientError::Refused(_)) => ok("reachable", "a keyward server answers"),
        Err(e) => {
            let words = e.to_string();
            let (found, fix) = words.split_once(". ").map_or((words.as_str(), ""), |(f, x)| (f, x));
            error("reachable", found, fix)
        }
    }
}
