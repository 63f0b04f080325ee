//! `keyward keys revoke`: revokes keys, each only if it was not used since a given time. Keys in use stay active and are reported.
//!
//! [`revoke`] is shared with `keyward rotate finish` and `cancel`. It predicts every result ([`predict`]), asks for confirmation,
//! sends the guarded revokes ([`revoke_predicted`]), and reports each result (`report()`).

use std::io::BufRead as _;

use clap::Args;

mod report;

pub(in crate::cli) use report::RevokeRow;

use report::{RevokeResult, print_report};

use super::{KindArgs, describe, target};
use crate::cli::connect::{CommandContext, Connection};
use crate::cli::error::{CommandError, ExitCode};
use crate::cli::output::schema::outline;
use crate::cli::output::{Output, OutputArgs, OutputRow as _, print_message};
use crate::cli::{prompt, time_arg};
use crate::client::ClientError;
use crate::domain::key::{self, IN_USE_WITHIN, Key};
use crate::domain::staleness::StalenessRules;
use crate::domain::text;
use crate::domain::time::{Timestamp, format_ago};
use crate::wire::keys::RevokeKey;
use crate::wire::problem::ProblemType;

/// Arguments of `keyward keys revoke`.
#[derive(Args, Clone, Debug)]
#[command(after_help = after_help())]
pub struct RevokeArgs {
    /// Ids or exact names of the keys; `-` reads them from standard input, one per line
    #[arg(value_name = "KEY", required = true)]
    keys: Vec<String>,
    #[command(flatten)]
    kind: KindArgs,
    /// Refuse to revoke keys used at or after this time (RFC 3339, a date, or an age such as 90d) [default: 24h]
    #[arg(long, value_name = "TIME", conflicts_with = "even_if_used")]
    unless_used_since: Option<String>,
    #[command(flatten)]
    flags: RevokeFlags,
    /// Maximum number of keys to revoke; if more are named, none is revoked
    #[arg(long, value_name = "N")]
    max: Option<usize>,
    #[command(flatten)]
    output: OutputArgs,
}

fn after_help() -> String {
    format!(
        "Keys that were used in the last 24 hours are not revoked, unless you pass --even-if-used.\n\nExamples:\n  \
        keyward keys revoke --workspace 'Old report'\n  \
        keyward keys revoke --workspace --unless-used-since 90d 'Old report' 'Test line'\n  \
        keyward keys list -w -f 'idle:>1y' -o id | keyward keys revoke -wy --max 20 -\n\n\
        Output with --json: [{outline}], where `key` is the key as it is after the command.",
        outline = outline(RevokeRow::FIELDS)
    )
}

/// Flags that confirm a revocation, or allow revoking a key that is in use.
#[derive(Args, Clone, Debug)]
pub(in crate::cli) struct RevokeFlags {
    /// Revoke keys even if they are in use (requires --reason)
    #[arg(long, requires = "reason")]
    pub(in crate::cli) even_if_used: bool,
    /// Reason, stored with the key and in the activity log
    #[arg(long, value_name = "TEXT", requires = "even_if_used")]
    reason: Option<String>,
    /// Skip the confirmation prompt (required without a terminal)
    #[arg(short, long)]
    yes: bool,
    /// Show what would be done without doing it
    #[arg(long)]
    dry_run: bool,
}

pub(super) async fn run(args: RevokeArgs, context: &CommandContext) -> Result<ExitCode, CommandError> {
    let names = read_targets(args.keys)?;
    if names.is_empty() {
        print_message("No key was named. Nothing was revoked.");
        return Ok(ExitCode::Success);
    }
    if let Some(max) = args.max
        && names.len() > max
    {
        return Err(CommandError::new(
            ExitCode::Refused,
            format!(
                "{count} keys were named, but --max allows only {max}. Nothing was revoked.",
                count = names.len()
            ),
        ));
    }
    let connection = context.connect()?;
    let (_, rules) = super::fetch_me(&connection).await?;
    let mut targets = Vec::new();
    for name in names {
        let key = target::find_key(&connection, args.kind.kind(), &name).await;
        targets.push((name, key));
    }
    let output = Output::new::<RevokeRow>(&args.output, context.is_ascii_only())?;
    let unless_used_since = match &args.unless_used_since {
        None => rules.now.minus(IN_USE_WITHIN),
        Some(text) => {
            time_arg::parse_past(text, rules.now).map_err(|e| e.with_prefix("--unless-used-since"))?
        }
    };
    revoke(&connection, &rules, targets, unless_used_since, &args.flags, &output).await
}

/// Returns the named keys without duplicates. The argument `-` is replaced with the lines of standard input.
fn read_targets(arguments: Vec<String>) -> Result<Vec<String>, CommandError> {
    let mut targets: Vec<String> = Vec::new();
    for argument in arguments {
        if argument == "-" {
            for line in std::io::stdin().lock().lines() {
                let line =
                    line.map_err(|e| CommandError::usage(format!("Standard input cannot be read: {e}.")))?;
                targets.extend(Some(line.trim().to_owned()).filter(|line| !line.is_empty()));
            }
        } else {
            targets.push(argument);
        }
    }
    let mut seen = std::collections::HashSet::new();
    targets.retain(|target| seen.insert(target.clone()));
    Ok(targets)
}

/// Revokes the keys that were found among `targets` after a confirmation, and prints the result for each target. Keys
/// used at or after
/// `unless_used_since` are refused unless `flags` override that.
pub(in crate::cli) async fn revoke(
    connection: &Connection,
    rules: &StalenessRules,
    targets: Vec<(String, Result<Key, CommandError>)>,
    unless_used_since: Timestamp,
    flags: &RevokeFlags,
    output: &Output,
) -> Result<ExitCode, CommandError> {
    let reason = flags
        .reason
        .as_deref()
        .map(|text| key::normalize_note(text).map_err(|e| CommandError::usage(format!("--reason {e}."))))
        .transpose()?
        .flatten();
    if flags.even_if_used && reason.is_none() {
        return Err(CommandError::usage("--reason must not be empty."));
    }
    let body = RevokeKey {
        unless_used_since: (!flags.even_if_used).then_some(unless_used_since),
        even_if_used: flags.even_if_used.then_some(true),
        reason,
    };
    let is_single = targets.len() == 1;
    let mut rows: Vec<RevokeRow> = targets
        .into_iter()
        .map(|(target, key)| predict(target, key, body.unless_used_since, rules.now))
        .collect();
    let to_revoke: Vec<&Key> = rows
        .iter()
        .filter(|row| row.result == RevokeResult::WouldRevoke)
        .filter_map(|row| row.key.as_ref())
        .collect();
    if !flags.dry_run && !to_revoke.is_empty() {
        confirm(&to_revoke, rules, flags, connection)?;
        revoke_predicted(connection, &mut rows, &body, rules.now).await;
    }
    print_report(&rows, is_single, output)
}

/// Predicts the result of a revocation from the key's state when it was fetched.
fn predict(
    target: String,
    key: Result<Key, CommandError>,
    unless_used_since: Option<Timestamp>,
    now: Timestamp,
) -> RevokeRow {
    let key = match key {
        Ok(key) => key,
        Err(CommandError { exit_code, message }) => {
            let is_missing = exit_code == ExitCode::NotFound;
            let result = if is_missing { RevokeResult::NotFound } else { RevokeResult::Failed };
            return RevokeRow { target, key: None, result, detail: message, exit_code };
        }
    };
    let (result, detail, exit_code) = match (key.revoked_at, key.last_used_at, unless_used_since) {
        (Some(at), ..) => {
            (RevokeResult::AlreadyRevoked, format!("revoked {}", format_ago(at, now)), ExitCode::Success)
        }
        (None, Some(used_at), Some(since)) if used_at >= since => {
            (RevokeResult::Refused, describe_use(&key, now), ExitCode::Refused)
        }
        _ => (RevokeResult::WouldRevoke, describe_last_use(&key, now), ExitCode::Success),
    };
    RevokeRow { target, key: Some(key), result, detail, exit_code }
}

/// Describes the last use of a key: `used 4 s ago by enlyze-powerbi/1.0.0 from 10.0.3.7`.
fn describe_use(key: &Key, now: Timestamp) -> String {
    let when = key.last_used_at.map_or_else(|| "in the meantime".to_owned(), |at| format_ago(at, now));
    let client = key
        .last_used_by
        .as_ref()
        .map_or_else(String::new, |by| format!(" by {}", text::sanitize_line(&by.to_string())));
    format!("used {when}{client}")
}

fn describe_last_use(key: &Key, now: Timestamp) -> String {
    if key.last_used_at.is_some() {
        format!("last {}", describe_use(key, now))
    } else {
        "never used".to_owned()
    }
}

/// Asks for confirmation unless `--yes` was passed. Fails if there is no terminal to ask on.
fn confirm(
    keys: &[&Key],
    rules: &StalenessRules,
    flags: &RevokeFlags,
    connection: &Connection,
) -> Result<(), CommandError> {
    if flags.yes {
        return Ok(());
    }
    if !prompt::is_interactive() {
        return Err(CommandError::usage(
            "Standard input is not a terminal, so nothing was revoked. Pass --yes to revoke without a prompt, or --dry-run to \
             see what would happen.",
        ));
    }
    let lines: Vec<String> = keys
        .iter()
        .map(|key| {
            format!("  {key} – {last_use}", key = describe(key), last_use = describe_last_use(key, rules.now))
        })
        .collect();
    print_message(&format!(
        "On {server}, {which} will be revoked permanently. Requests that use {pronoun} will fail with status 401:\n{keys}",
        server = connection.target.label(),
        which = if keys.len() == 1 { "this key" } else { "these keys" },
        pronoun = if keys.len() == 1 { "it" } else { "them" },
        keys = lines.join("\n")
    ));
    match keys {
        [key] if key.is_in_use(rules.now) => prompt::confirm(
            "The key is in use. Type the last four characters of its masked secret:",
            key.last_four(),
        ),
        [_] => prompt::confirm("Revoke the key? Type y:", "y"),
        _ => {
            let expected = format!("revoke {}", keys.len());
            prompt::confirm(&format!("Type `{expected}`:"), &expected)
        }
    }
}

/// Revokes the keys for which success was predicted, and replaces each prediction with the result. The server refuses to revoke a key that
/// has been used in the meantime.
async fn revoke_predicted(connection: &Connection, rows: &mut [RevokeRow], body: &RevokeKey, now: Timestamp) {
    let mut connection_lost: Option<ExitCode> = None;
    for row in rows.iter_mut().filter(|row| row.result == RevokeResult::WouldRevoke) {
        let Some(key) = &row.key else { continue };
        if let Some(exit_code) = connection_lost {
            row.result = RevokeResult::NotTried;
            row.detail = String::from("not tried, because an earlier request failed");
            row.exit_code = exit_code;
            continue;
        }
        match connection.client.revoke_key(key.kind, key.id, body.clone()).await {
            Ok(key) => {
                row.result = RevokeResult::Revoked;
                row.key = Some(key);
            }
            Err(ClientError::Refused(problem)) if problem.kind == ProblemType::UsedSince => {
                if let Some(key) = problem.key {
                    row.key = Some(*key);
                }
                row.result = RevokeResult::Refused;
                row.exit_code = ExitCode::Refused;
                row.detail = row.key.as_ref().map_or_else(String::new, |key| describe_use(key, now));
            }
            Err(error) => {
                let is_outcome_unknown = error.is_outcome_unknown();
                let CommandError { exit_code, message } = CommandError::from(error);
                row.result = RevokeResult::Failed;
                row.exit_code = exit_code;
                row.detail = message;
                if is_outcome_unknown {
                    row.detail.push_str(" It is unknown whether the key was revoked.");
                }
                // Without a server or a session every further request would fail too, after its time limit.
                if matches!(exit_code, ExitCode::Unreachable | ExitCode::NotSignedIn) {
                    connection_lost = Some(exit_code);
                }
            }
        }
    }
}
