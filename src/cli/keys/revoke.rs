//! `keyward keys revoke`: final, so never blind. Each key is revoked unless it was used since a moment; those in use are left and
//! reported, key by key.

use std::io::BufRead as _;

use clap::Args;
use serde::Serialize;

use super::{KindArgs, describe, target};
use crate::cli::connect::{CommandContext, Connection};
use crate::cli::error::{CommandError, ExitCode};
use crate::cli::output::schema::{KEY, field, object};
use crate::cli::output::{
    self, JsonField, Output, OutputArgs, OutputColumn, OutputFormat, OutputRow, print_message,
};
use crate::cli::{prompt, time_arg};
use crate::client::ClientError;
use crate::domain::key::{self, IN_USE_WITHIN, Key};
use crate::domain::staleness::StalenessRules;
use crate::domain::text;
use crate::domain::time::{Timestamp, format_ago};
use crate::wire::keys::RevokeKey;
use crate::wire::problem::ProblemType;

/// `keyward keys revoke`
#[derive(Args, Clone, Debug)]
#[command(
    after_help = "A key that was used in the last 24 hours is refused, and it says by whom.\n\nExamples:\n  \
    keyward keys revoke --workspace 'Old report'\n  \
    keyward keys revoke --workspace --unless-used-since 90d 'Old report' 'Test line'\n  \
    keyward keys list -w -f 'idle:>1y' -o id | keyward keys revoke -wy --max 20 -\n\n\
    With --json: one object for each key: {\"target\", \"result\": \"revoked\" | \"already_revoked\" | \"would_revoke\" | \
    \"refused\" | \"not_found\" | \"not_tried\" | \"failed\", \"detail\", \"key\": the key as it is now}."
)]
pub struct RevokeArgs {
    /// The keys: ids, or exact names; `-` reads them from standard input, one a line
    #[arg(value_name = "KEY", required = true)]
    keys: Vec<String>,
    #[command(flatten)]
    kind: KindArgs,
    #[command(flatten)]
    how: HowArgs,
    /// At most so many keys; more are refused before anything is done
    #[arg(long, value_name = "N")]
    max: Option<usize>,
    #[command(flatten)]
    output: OutputArgs,
}

/// How a revoke is guarded and confirmed.
#[derive(Args, Clone, Debug)]
pub(crate) struct HowArgs {
    #[command(flatten)]
    since: SinceArgs,
    #[command(flatten)]
    go: RevokeFlags,
}

/// Up to when the use of a key was seen.
#[derive(Args, Clone, Debug)]
struct SinceArgs {
    /// Refuse keys that were used at this time or later: RFC 3339, a date, or a span such as 90d [default: 24h]
    #[arg(long, value_name = "TIME", conflicts_with = "even_if_used")]
    unless_used_since: Option<String>,
}

/// How a revoke is confirmed, and whether use stands in its way.
#[derive(Args, Clone, Debug)]
pub(crate) struct RevokeFlags {
    /// Revoke even keys that are in use; needs --reason
    #[arg(long, requires = "reason")]
    even_if_used: bool,
    /// Why; kept with the key and in the activity log
    #[arg(long, value_name = "TEXT", requires = "even_if_used")]
    reason: Option<String>,
    /// Do not ask; needed where there is no terminal
    #[arg(short, long)]
    yes: bool,
    /// Say what would be done and do nothing
    #[arg(long)]
    dry_run: bool,
}

impl RevokeFlags {
    /// Whether use does not stand in the way.
    pub(crate) fn is_override(&self) -> bool {
        self.even_if_used
    }
}

/// What became of one target.
#[derive(Clone, Serialize)]
pub(crate) struct RevokeRow {
    target: String,
    result: &'static str,
    detail: String,
    key: Option<Key>,
    #[serde(skip)]
    exit_code: ExitCode,
}

impl OutputRow for RevokeRow {
    const FIELDS: &'static [JsonField] = &[
        field("target", "text, as it was named"),
        field(
            "result",
            "`revoked`, `already_revoked`, `would_revoke`, `refused`, `not_found`, `not_tried` or `failed`",
        ),
        field("detail", "text"),
        object("key", "key as it is now, or null", KEY),
    ];

    const COLUMNS: &'static [OutputColumn<Self>] = &[
        OutputColumn {
            title: "Result",
            field: "result",
            rank: 0,
            cut: false,
            cell: |o| o.result.replace('_', " ").into(),
        },
        OutputColumn {
            title: "Name",
            field: "name",
            rank: 0,
            cut: true,
            cell: |o| o.key.as_ref().map_or_else(|| o.target.clone(), |k| k.name.clone()).into(),
        },
        OutputColumn {
            title: "Secret key",
            field: "masked",
            rank: 2,
            cut: false,
            cell: |o| o.key.as_ref().map_or_else(String::new, |k| k.masked.clone()).into(),
        },
        OutputColumn {
            title: "Why",
            field: "detail",
            rank: 1,
            cut: true,
            cell: |o| o.detail.as_str().into(),
        },
        OutputColumn { title: "Id", field: "id", rank: 3, cut: false, cell: |o| o.id().into() },
    ];

    fn json(&self) -> String {
        output::to_json(self)
    }

    fn id(&self) -> String {
        self.key.as_ref().map_or_else(|| self.target.clone(), |k| k.id.to_string())
    }
}

pub(super) async fn run(args: RevokeArgs, context: &CommandContext) -> Result<ExitCode, CommandError> {
    let targets = targets(args.keys)?;
    if targets.is_empty() {
        print_message("No key was named: nothing was revoked.");
        return Ok(ExitCode::Success);
    }
    if let Some(max) = args.max
        && targets.len() > max
    {
        return Err(CommandError::new(
            ExitCode::Refused,
            format!("{} keys were named and --max allows {max}: nothing was revoked", targets.len()),
        ));
    }
    let connection = context.connect()?;
    let (_, rules) = super::fetch_me(&connection).await?;
    let mut found = Vec::new();
    for name in &targets {
        found.push((name.clone(), target::find(&connection, args.kind.kind(), name).await));
    }
    let output = Output::new::<RevokeRow>(&args.output, context.is_ascii_only())?;
    let since = match &args.how.since.unless_used_since {
        None => rules.now.minus(IN_USE_WITHIN),
        Some(text) => time_arg::past(text, rules.now).map_err(|e| e.with_prefix("--unless-used-since"))?,
    };
    revoke(&connection, &rules, found, since, &args.how.go, &output).await
}

/// The targets, each once, those of standard input in place of `-`.
fn targets(named: Vec<String>) -> Result<Vec<String>, CommandError> {
    let mut targets: Vec<String> = Vec::new();
    for name in named {
        if name == "-" {
            for line in std::io::stdin().lock().lines() {
                let line =
                    line.map_err(|e| CommandError::usage(format!("standard input cannot be read: {e}")))?;
                targets.extend(Some(line.trim().to_owned()).filter(|l| !l.is_empty()));
            }
        } else {
            targets.push(name);
        }
    }
    let mut seen = std::collections::HashSet::new();
    targets.retain(|name| seen.insert(name.clone()));
    Ok(targets)
}

/// Revokes the keys that were found unless they were used since, asks before, and reports each.
pub(crate) async fn revoke(
    connection: &Connection,
    rules: &StalenessRules,
    found: Vec<(String, Result<Key, CommandError>)>,
    since: Timestamp,
    how: &RevokeFlags,
    output: &Output,
) -> Result<ExitCode, CommandError> {
    let reason = how
        .reason
        .as_deref()
        .map(|r| key::normalize_note(r).map_err(|e| CommandError::usage(format!("--reason {e}"))))
        .transpose()?
        .flatten();
    if how.even_if_used && reason.is_none() {
        return Err(CommandError::usage("--reason must not be empty"));
    }
    let body = RevokeKey {
        unless_used_since: (!how.even_if_used).then_some(since),
        even_if_used: how.even_if_used.then_some(true),
        reason,
    };
    let single = found.len() == 1;
    let mut outcomes: Vec<RevokeRow> = found
        .into_iter()
        .map(|(target, key)| foresee(target, key, body.unless_used_since, rules.now))
        .collect();
    let doomed: Vec<&Key> =
        outcomes.iter().filter(|o| o.result == WOULD).filter_map(|o| o.key.as_ref()).collect();
    if !how.dry_run && !doomed.is_empty() {
        confirm(&doomed, rules, how, connection)?;
        carry_out(connection, &mut outcomes, &body, rules.now).await;
    }
    report(&outcomes, single, output)
}

const WOULD: &str = "would_revoke";

/// What is to be expected of a target, from what is known before anything is done.
fn foresee(
    target: String,
    key: Result<Key, CommandError>,
    since: Option<Timestamp>,
    now: Timestamp,
) -> RevokeRow {
    match key {
        Err(failure) => {
            let result = if failure.exit_code == ExitCode::NotFound { "not_found" } else { "failed" };
            RevokeRow { target, key: None, result, detail: failure.message, exit_code: failure.exit_code }
        }
        Ok(key) => {
            let (result, detail, exit) = match (key.revoked_at, key.last_used_at, since) {
                (Some(at), ..) => {
                    ("already_revoked", format!("revoked {}", format_ago(at, now)), ExitCode::Success)
                }
                (None, Some(used), Some(since)) if used >= since => {
                    ("refused", used_by(&key, now), ExitCode::Refused)
                }
                _ => (WOULD, last_use(&key, now), ExitCode::Success),
            };
            RevokeRow { target, key: Some(key), result, detail, exit_code: exit }
        }
    }
}

/// `used 4 s ago by enlyze-powerbi/1.0.0 from 10.0.3.7`
fn used_by(key: &Key, now: Timestamp) -> String {
    let when = key.last_used_at.map_or_else(|| "meanwhile".to_owned(), |at| format_ago(at, now));
    let who = key
        .last_used_by
        .as_ref()
        .map_or_else(String::new, |by| format!(" by {}", text::sanitize_line(&by.to_string())));
    format!("used {when}{who}")
}

fn last_use(key: &Key, now: Timestamp) -> String {
    if key.last_used_at.is_some() { format!("last {}", used_by(key, now)) } else { "never used".to_owned() }
}

/// Asks, on a terminal; elsewhere `--yes` is the answer.
fn confirm(
    doomed: &[&Key],
    rules: &StalenessRules,
    how: &RevokeFlags,
    connection: &Connection,
) -> Result<(), CommandError> {
    if how.yes {
        return Ok(());
    }
    if !prompt::is_interactive() {
        return Err(CommandError::usage(
            "nothing was revoked: there is no terminal to ask on, so say --yes (or --dry-run to see what would happen)",
        ));
    }
    let lines: Vec<String> =
        doomed.iter().map(|key| format!("  {} – {}", describe(key), last_use(key, rules.now))).collect();
    print_message(&format!(
        "To be revoked on {}, for good; the next request with {} ends in 401:\n{}",
        connection.target.label(),
        if doomed.len() == 1 { "it" } else { "one of them" },
        lines.join("\n")
    ));
    match doomed {
        [key] if key.is_in_use(rules.now) => {
            prompt::confirm("It is in use. Type the last four characters of its mask:", key.last_four())
        }
        [_] => prompt::confirm("Revoke it? Type y:", "y"),
        many => {
            let wanted = format!("revoke {}", many.len());
            prompt::confirm(&format!("Type `{wanted}`:"), &wanted)
        }
    }
}

async fn carry_out(connection: &Connection, outcomes: &mut [RevokeRow], body: &RevokeKey, now: Timestamp) {
    let mut lost: Option<ExitCode> = None;
    for outcome in outcomes.iter_mut().filter(|o| o.result == WOULD) {
        let Some(key) = &outcome.key else { continue };
        if let Some(exit) = lost {
            (outcome.result, outcome.detail, outcome.exit_code) =
                ("not_tried", "not tried after that".to_owned(), exit);
            continue;
        }
        match connection.client.revoke_key(key.kind, key.id, body.clone()).await {
            Ok(key) => {
                outcome.result = "revoked";
                outcome.key = Some(key);
            }
            Err(ClientError::Refused(problem)) if problem.kind == ProblemType::UsedSince => {
                if let Some(key) = problem.key {
                    outcome.key = Some(*key);
                }
                outcome.result = "refused";
                outcome.exit_code = ExitCode::Refused;
                outcome.detail = outcome.key.as_ref().map_or_else(String::new, |key| used_by(key, now));
            }
            Err(error) => {
                let unknown =
                    if error.is_outcome_unknown() { " Whether it was revoked is not known." } else { "" };
                let failure = CommandError::from(error);
                outcome.result = "failed";
                outcome.exit_code = failure.exit_code;
                outcome.detail = format!("{}{unknown}", failure.message);
                // Without a server or a session the others would fail the same way, only slower.
                lost = matches!(failure.exit_code, ExitCode::Unreachable | ExitCode::NotSignedIn)
                    .then_some(failure.exit_code);
            }
        }
    }
}

/// Prints what became of each, and chooses the exit code.
fn report(outcomes: &[RevokeRow], single: bool, output: &Output) -> Result<ExitCode, CommandError> {
    if !output.is_table() || !single {
        let done = |o: &&RevokeRow| o.exit_code == ExitCode::Success;
        match output.format() {
            // For the next command: only what this one did.
            OutputFormat::Id => {
                output.print_list(&outcomes.iter().filter(done).cloned().collect::<Vec<_>>(), "")?;
            }
            _ => output.print_list(outcomes, "")?,
        }
    }
    let bad: Vec<&RevokeRow> = outcomes.iter().filter(|o| o.exit_code != ExitCode::Success).collect();
    let exit = match bad.as_slice() {
        [] => ExitCode::Success,
        [first, rest @ ..]
            if bad.len() == outcomes.len() && rest.iter().all(|o| o.exit_code == first.exit_code) =>
        {
            first.exit_code
        }
        _ => ExitCode::PartialFailure,
    };
    if let (true, [outcome]) = (single, outcomes) {
        let words = sentence(outcome);
        if exit != ExitCode::Success {
            return Err(CommandError::new(exit, words));
        }
        if output.is_table() {
            print_message(&words);
        }
    } else if exit != ExitCode::Success {
        return Err(CommandError::new(exit, format!("{} of {} were not revoked", bad.len(), outcomes.len())));
    }
    Ok(exit)
}

fn sentence(outcome: &RevokeRow) -> String {
    let Some(key) = &outcome.key else { return outcome.detail.clone() };
    let (name, detail) = (describe(key), &outcome.detail);
    match outcome.result {
        "revoked" => format!("Revoked {name}; it was {detail}."),
        "already_revoked" => format!("{name} was already revoked ({detail})."),
        WOULD => format!("Would revoke {name}: {detail}. Nothing was done."),
        "refused" => format!(
            "{name} was {detail}, so it was not revoked. If that is meant: --even-if-used --reason TEXT."
        ),
        _ => format!("{name}: {detail}"),
    }
}
