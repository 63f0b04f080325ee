//! `keyward review …`: lists the queue of stale organization keys, applies decisions, and exports them for an auditor.

use clap::{Args, Subcommand};
use serde::Serialize;

use super::connect::{CommandContext, Connection};
use super::error::{CommandError, ExitCode};
use super::keys::create::new_idempotency_key;
use super::keys::{describe, fetch_keys, fetch_me, target};
use super::output::schema::{
    KEY_FIELDS, MEMBER_REF_FIELDS, RAISED_FLAG_FIELDS, field, list, object, one_of, outline,
};
use super::output::{
    self, CellValue, JsonField, Output, OutputArgs, OutputColumn, OutputFormat, OutputRow, format_time,
    print_message,
};
use super::time_arg;
use crate::client::CallRequest;
use crate::clock;
use crate::domain::export::{ExportFormat, ReviewExport};
use crate::domain::id::Id;
use crate::domain::key::{self, Key, KeyKind};
use crate::domain::queue::{LatestDecisions, review_queue};
use crate::domain::review::{Decision, ReviewRecord};
use crate::domain::staleness::{RaisedFlag, StalenessRules};
use crate::domain::text;
use crate::wire::reviews::{
    AppliedDecision, ApplyDecision, CreateReview, ListReviews, RecordExport, RecordReviewExport, ReviewsQuery,
};

mod apply;

pub(super) use apply::ApplyRow;

/// Subcommands of `keyward review`.
#[derive(Subcommand, Debug)]
pub enum ReviewCommand {
    /// List the keys that need a decision, riskiest first
    List(ListArgs),
    /// Keep a key: record the decision immediately
    Keep(KeepArgs),
    /// Apply the decisions drafted with this profile in the terminal UI
    Apply(apply::ApplyArgs),
    /// Export applied decisions, for example for an auditor
    Export(ExportArgs),
}

/// Arguments of `keyward review list`.
#[derive(Args, Clone, Debug)]
#[command(after_help = list_after_help())]
pub struct ListArgs {
    /// Exit with code 10 if any key needs a decision
    #[arg(long)]
    exit_code: bool,
    #[command(flatten)]
    output: OutputArgs,
}

/// Arguments of `keyward review keep`.
#[derive(Args, Clone, Debug)]
#[command(
    after_help = "Example:\n  keyward review keep 'Weekly report' --until 2027-06-30 --note 'new plant'"
)]
pub struct KeepArgs {
    /// Id or exact name of the organization key
    #[arg(value_name = "KEY")]
    key: String,
    /// Keep the key until this date or RFC 3339 time; it returns to the queue earlier if it becomes riskier
    #[arg(long, value_name = "DATE")]
    until: Option<String>,
    /// Reason for keeping the key
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
    #[command(flatten)]
    output: OutputArgs,
}

/// Arguments of `keyward review export`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "Example:\n  keyward review export --since 2026-01-01 --form markdown > review.md")]
pub struct ExportArgs {
    /// Export only decisions since this time (RFC 3339, a date, or an age such as 90d)
    #[arg(long, value_name = "DATE")]
    since: Option<String>,
    /// Export only the decisions of the review with this id
    #[arg(long, value_name = "ID")]
    review: Option<String>,
    /// Export format
    #[arg(
        short,
        long,
        visible_short_alias = 'o',
        alias = "output",
        value_enum,
        value_name = "FORM",
        default_value = "markdown"
    )]
    form: ExportFormat,
    /// Export as JSON
    #[arg(long, conflicts_with_all = ["form", "csv"])]
    json: bool,
    /// Export as CSV
    #[arg(long, conflicts_with = "form")]
    csv: bool,
}

fn list_after_help() -> String {
    format!(
        "Example, in a cron job:\n  keyward review list --exit-code > /dev/null || echo 'keys need a review'\n\n\
        Output with --json: [{outline}].",
        outline = outline(QueueRow::FIELDS)
    )
}

pub(super) async fn run(command: ReviewCommand, context: &CommandContext) -> Result<ExitCode, CommandError> {
    match command {
        ReviewCommand::List(args) => list_queue(args, context).await,
        ReviewCommand::Keep(args) => keep(args, context).await,
        ReviewCommand::Apply(args) => apply::run(args, context).await,
        ReviewCommand::Export(args) => export(args, context).await,
    }
}

/// A key that needs a decision, in the output of `keyward review list`.
#[derive(Serialize)]
pub(super) struct QueueRow {
    key: Key,
    flags: Vec<RaisedFlag>,
    #[serde(skip)]
    reasons: String,
}

impl OutputRow for QueueRow {
    const FIELDS: &'static [JsonField] =
        &[object("key", "key", KEY_FIELDS), list("flags", "list", RAISED_FLAG_FIELDS)];

    const COLUMNS: &'static [OutputColumn<Self>] = &[
        OutputColumn {
            title: "Name",
            field: "name",
            rank: 0,
            cut: true,
            cell: |w| w.key.name.as_str().into(),
        },
        OutputColumn {
            title: "Secret key",
            field: "masked",
            rank: 1,
            cut: false,
            cell: |w| w.key.masked.as_str().into(),
        },
        OutputColumn {
            title: "Why",
            field: "reasons",
            rank: 0,
            cut: true,
            cell: |w| w.reasons.as_str().into(),
        },
        OutputColumn {
            title: "Last used",
            field: "last_used_at",
            rank: 3,
            cut: false,
            cell: |w| CellValue::Time(w.key.last_used_at, "Never"),
        },
        OutputColumn {
            title: "Created by",
            field: "created_by",
            rank: 4,
            cut: true,
            cell: |w| w.key.created_by.email.as_str().into(),
        },
        OutputColumn { title: "Id", field: "id", rank: 2, cut: false, cell: |w| w.id().into() },
    ];

    fn json(&self) -> String {
        output::to_json(self)
    }

    fn id(&self) -> String {
        self.key.id.to_string()
    }
}

async fn fetch_reviews(
    connection: &Connection,
    query: ReviewsQuery,
) -> Result<Vec<ReviewRecord>, CommandError> {
    connection.fetch_all(ListReviews, query, None).await
}

async fn list_queue(args: ListArgs, context: &CommandContext) -> Result<ExitCode, CommandError> {
    let output = Output::new::<QueueRow>(&args.output, context.is_ascii_only())?;
    let connection = context.connect()?;
    let (_, rules) = fetch_me(&connection).await?;
    let stale =
        fetch_keys(&connection, KeyKind::Organization, false, |key| rules.risk(key).is_some()).await?;
    let mut decisions = LatestDecisions::default();
    for review in fetch_reviews(&connection, ReviewsQuery::default()).await? {
        decisions.add(&review);
    }
    let rows = build_queue(stale, &decisions, &rules);
    output.print_list(&rows, "No key needs a review.")?;
    Ok(if args.exit_code && !rows.is_empty() { ExitCode::Found } else { ExitCode::Success })
}

fn build_queue(stale: Vec<Key>, decisions: &LatestDecisions, rules: &StalenessRules) -> Vec<QueueRow> {
    let order = review_queue(&stale, decisions, rules);
    let mut stale: Vec<Option<Key>> = stale.into_iter().map(Some).collect();
    order
        .into_iter()
        .filter_map(|i| stale[i].take())
        .map(|key| QueueRow { flags: rules.raised_flags(&key), reasons: rules.reasons(&key), key })
        .collect()
}

async fn keep(args: KeepArgs, context: &CommandContext) -> Result<ExitCode, CommandError> {
    let output = Output::new::<ReviewRow>(&args.output, context.is_ascii_only())?;
    let until =
        args.until.as_deref().map(time_arg::parse_time).transpose().map_err(|e| e.with_prefix("--until"))?;
    let note = args.note.as_deref().map(key::normalize_note).transpose();
    let note = note.map_err(|e| CommandError::usage(format!("--note {e}.")))?.flatten();
    let connection = context.connect()?;
    let key = target::find_key(&connection, KeyKind::Organization, &args.key).await?;
    let decide = ApplyDecision {
        review_id: Id::new(context.clock.now(), clock::random_bytes()),
        key_id: key.id,
        decision: Decision::Keep,
        until,
        note,
        unless_used_since: None,
    };
    let request = CallRequest::with(CreateReview, decide).idempotency_key(&new_idempotency_key());
    let AppliedDecision { review, key } = connection.send(request).await?;
    if output.format() == OutputFormat::Table {
        let until = review
            .until
            .map_or_else(|| "until it becomes riskier".to_owned(), |at| format!("until {}", format_time(at)));
        print_message(&format!("Kept {key} {until}.", key = describe(&key)));
    } else {
        output.print_one(&ReviewRow(review), &[])?;
    }
    Ok(ExitCode::Success)
}

async fn export(args: ExportArgs, context: &CommandContext) -> Result<ExitCode, CommandError> {
    let format = match (args.json, args.csv) {
        (true, _) => ExportFormat::Json,
        (_, true) => ExportFormat::Csv,
        _ => args.form,
    };
    let review =
        args.review.as_deref().map(|id| target::parse_id(id, "keyward review export --json")).transpose()?;
    let connection = context.connect()?;
    let (me, rules) = fetch_me(&connection).await?;
    let since = args.since.as_deref().map(|t| time_arg::parse_past(t, rules.now)).transpose()?;
    let records =
        fetch_reviews(&connection, ReviewsQuery { review, since, ..ReviewsQuery::default() }).await?;
    let export = ReviewExport::new(&me.organization.name, me.policy, records, rules.now, &me.member.email);
    let body =
        RecordExport { review_id: review, records: export.len() as u64, sha256: export.sha256().to_owned() };
    connection.client.send(CallRequest::with(RecordReviewExport, body)).await?;
    output::write_stdout(export.render(format).as_bytes())?;
    if export.is_empty() {
        print_message("No decision was applied in this period.");
    }
    Ok(ExitCode::Success)
}

/// An applied decision, in the output of `keyward review export` and `keep`.
pub(super) struct ReviewRow(ReviewRecord);

impl OutputRow for ReviewRow {
    const FIELDS: &'static [JsonField] = &[
        field("id", "id"),
        field("review_id", "id; shared by decisions that were applied together"),
        field("key_id", "id"),
        field("key_name", "text; the key's name at the time of the decision"),
        field("key_masked", "masked secret"),
        one_of::<Decision>("decision"),
        field("until", "time or null"),
        field("note", "text or null"),
        object("reviewer", "member", MEMBER_REF_FIELDS),
        field("reviewed_at", "time"),
        list("findings", "list; the key's flags at the time of the decision", RAISED_FLAG_FIELDS),
        field("last_used_at", "time; null if the key had not been used before the decision"),
    ];

    const COLUMNS: &'static [OutputColumn<Self>] = &[
        OutputColumn {
            title: "Decision",
            field: "decision",
            rank: 0,
            cut: false,
            cell: |r| r.0.decision.to_string().into(),
        },
        OutputColumn {
            title: "Name",
            field: "key_name",
            rank: 0,
            cut: true,
            cell: |r| r.0.key_name.as_str().into(),
        },
        OutputColumn {
            title: "Until",
            field: "until",
            rank: 1,
            cut: false,
            cell: |r| CellValue::time(r.0.until),
        },
        OutputColumn {
            title: "Note",
            field: "note",
            rank: 2,
            cut: true,
            cell: |r| {
                r.0.note.as_deref().map(|n| text::sanitize_line(n).into_owned()).unwrap_or_default().into()
            },
        },
        OutputColumn {
            title: "Key",
            field: "key_id",
            rank: 3,
            cut: false,
            cell: |r| r.0.key_id.to_string().into(),
        },
    ];

    fn json(&self) -> String {
        output::to_json(&self.0)
    }

    fn id(&self) -> String {
        self.0.id.to_string()
    }
}
