//! `keyward review apply`: applies the decisions that were drafted with this profile, one request each.
//!
//! Every applied or refused draft is recorded on disk before the next request, so that an interrupted run can be repeated.

use std::collections::HashMap;

use clap::{Args, ValueEnum};
use serde::Serialize;

use super::fetch_reviews;
use crate::cli::connect::{CommandContext, Connection};
use crate::cli::error::{CommandError, ExitCode};
use crate::cli::keys::{fetch_keys, fetch_me};
use crate::cli::output::schema::{field, one_of, outline};
use crate::cli::output::{self, JsonField, Output, OutputArgs, OutputColumn, OutputRow, print_message};
use crate::cli::prompt;
use crate::cli::words::word_of;
use crate::client::{CallRequest, ClientError};
use crate::domain::draft::{Draft, DraftChange, Drafts};
use crate::domain::id::Id;
use crate::domain::key::{Key, KeyKind};
use crate::domain::review::Decision;
use crate::domain::staleness::StalenessRules;
use crate::domain::text;
use crate::domain::time::format_ago;
use crate::wire::problem::ProblemType;
use crate::wire::reviews::{ApplyDecision, CreateReview, ReviewsQuery};

/// Arguments of `keyward review apply`.
#[derive(Args, Clone, Debug)]
#[command(after_help = format!("Output with --json: [{outline}].", outline = outline(ApplyRow::FIELDS)))]
pub struct ApplyArgs {
    /// Skip the confirmation prompt (required without a terminal)
    #[arg(short, long)]
    yes: bool,
    /// Show what would be done without doing it
    #[arg(long)]
    dry_run: bool,
    /// Maximum number of keys to revoke; if more revocations are drafted, nothing is applied
    #[arg(long, value_name = "N")]
    max: Option<usize>,
    #[command(flatten)]
    output: OutputArgs,
}

/// Result of applying one draft decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
#[value(rename_all = "snake_case")]
enum ApplyResult {
    Applied,
    WouldApply,
    /// Not applied because the key has been used or changed; the draft is kept.
    Left,
    Failed,
}

/// A draft decision with its result.
#[derive(Serialize)]
pub(in crate::cli) struct ApplyRow {
    key_id: Id,
    name: String,
    decision: Decision,
    result: ApplyResult,
    detail: String,
    #[serde(skip)]
    exit_code: ExitCode,
}

impl OutputRow for ApplyRow {
    const FIELDS: &'static [JsonField] = &[
        field("key_id", "id"),
        field("name", "text"),
        one_of::<Decision>("decision"),
        one_of::<ApplyResult>("result"),
        field("detail", "text"),
    ];

    const COLUMNS: &'static [OutputColumn<Self>] = &[
        OutputColumn {
            title: "Result",
            field: "result",
            rank: 0,
            cut: false,
            cell: |a| word_of(&a.result).replace('_', " ").into(),
        },
        OutputColumn {
            title: "Decision",
            field: "decision",
            rank: 0,
            cut: false,
            cell: |a| a.decision.to_string().into(),
        },
        OutputColumn { title: "Name", field: "name", rank: 0, cut: true, cell: |a| a.name.as_str().into() },
        OutputColumn {
            title: "Why",
            field: "detail",
            rank: 1,
            cut: true,
            cell: |a| a.detail.as_str().into(),
        },
        OutputColumn { title: "Id", field: "key_id", rank: 2, cut: false, cell: |a| a.id().into() },
    ];

    fn json(&self) -> String {
        output::to_json(self)
    }

    fn id(&self) -> String {
        self.key_id.to_string()
    }
}

pub(super) async fn run(args: ApplyArgs, context: &CommandContext) -> Result<ExitCode, CommandError> {
    let output = Output::new::<ApplyRow>(&args.output, context.is_ascii_only())?;
    let connection = context.connect()?;
    let profile = connection.target.profile.clone().unwrap_or_default();
    let saved_drafts = context.state.drafts(&profile)?;
    let nothing_to_apply = || {
        print_message(&format!(
            "There are no draft decisions for {server}. Make some in the terminal UI, on the Review tab.",
            server = connection.target.label()
        ));
        Ok(ExitCode::Success)
    };
    if saved_drafts.is_empty() {
        return nothing_to_apply();
    }
    let mut drafts = Drafts::parse(&saved_drafts).ok_or_else(|| {
        CommandError::new(
            ExitCode::Failure,
            "The draft decisions saved on this machine cannot be read. Make them again in the terminal UI.",
        )
    })?;
    let (_, rules) = fetch_me(&connection).await?;
    let query = ReviewsQuery { review: Some(drafts.review_id), ..ReviewsQuery::default() };
    if let Some(change) = drafts.removal_of_recorded(&fetch_reviews(&connection, query).await?) {
        drafts.apply(change);
    }
    if drafts.is_empty() {
        return nothing_to_apply();
    }
    let has_draft = |key: &Key| drafts.draft_for(key.id).is_some();
    let keys = fetch_keys(&connection, KeyKind::Organization, true, has_draft).await?;
    let keys: HashMap<Id, Key> = keys.into_iter().map(|key| (key.id, key)).collect();
    let mut plan: Vec<ApplyRow> =
        drafts.iter().map(|(id, draft)| predict(id, draft, keys.get(&id), &rules)).collect();
    let revokes =
        plan.iter().filter(|a| a.result == ApplyResult::WouldApply && a.decision == Decision::Revoke).count();
    if let Some(max) = args.max
        && revokes > max
    {
        return Err(CommandError::new(
            ExitCode::Refused,
            format!("{revokes} keys would be revoked, but --max allows only {max}. Nothing was done."),
        ));
    }
    if args.dry_run {
        output.print_list(&plan, "")?;
        return Ok(ExitCode::Success);
    }
    if !args.yes {
        confirm(&plan, revokes, &connection)?;
    }
    // Rewritten as one line, to which the changes are appended.
    context.state.save_drafts(&profile, &drafts.to_line())?;
    for row in plan.iter_mut().filter(|a| a.result == ApplyResult::WouldApply) {
        let (change, must_stop) = apply_draft(&connection, row, &drafts).await;
        if let Some(change) = change {
            context.state.append_drafts(&profile, &change.to_line())?;
            drafts.apply(change);
        }
        if must_stop {
            break;
        }
    }
    output.print_list(&plan, "")?;
    let failed = plan.iter().filter(|a| a.exit_code != ExitCode::Success).count();
    if failed == 0 {
        return Ok(ExitCode::Success);
    }
    let exit_code = if failed == plan.len() { plan[0].exit_code } else { ExitCode::PartialFailure };
    Err(CommandError::new(
        exit_code,
        format!("{failed} of {total} decisions were not applied. Their drafts are kept.", total = plan.len()),
    ))
}

fn predict(id: Id, draft: &Draft, key: Option<&Key>, rules: &StalenessRules) -> ApplyRow {
    let reason_to_leave = match (key, draft.decision) {
        (None, _) => Some("the key no longer exists".to_owned()),
        (Some(key), Decision::Revoke) if key.revoked_at.is_some() => {
            Some("the key is already revoked".to_owned())
        }
        (Some(key), Decision::Revoke) => key
            .last_used_at
            .filter(|&at| at >= draft.seen_until || key.is_in_use(rules.now))
            .map(|at| format!("the key is in use: used {time_ago}", time_ago = format_ago(at, rules.now))),
        _ => None,
    };
    ApplyRow {
        key_id: id,
        name: key.map_or_else(String::new, |k| k.name.clone()),
        decision: draft.decision,
        result: if reason_to_leave.is_some() { ApplyResult::Left } else { ApplyResult::WouldApply },
        exit_code: if reason_to_leave.is_some() { ExitCode::Refused } else { ExitCode::Success },
        detail: reason_to_leave.or_else(|| key.map(|k| rules.last_use(k))).unwrap_or_default(),
    }
}

fn confirm(plan: &[ApplyRow], revokes: usize, connection: &Connection) -> Result<(), CommandError> {
    if !prompt::is_interactive() {
        return Err(CommandError::usage(
            "Standard input is not a terminal, so nothing was applied. Pass --yes to apply without a prompt, or --dry-run to see what \
             would happen.",
        ));
    }
    let lines: Vec<String> = plan
        .iter()
        .map(|a| {
            format!(
                "  {decision:7} \"{name}\" – {left}{detail}",
                decision = a.decision,
                name = text::sanitize_line(&a.name),
                left = if a.result == ApplyResult::WouldApply { "" } else { "left: " },
                detail = a.detail
            )
        })
        .collect();
    print_message(&format!("On {}:\n{}", connection.target.label(), lines.join("\n")));
    let expected = if revokes > 0 { format!("revoke {revokes}") } else { "y".to_owned() };
    prompt::confirm(&format!("Apply? Type `{expected}`:"), &expected)
}

/// Applies one draft decision. Returns the change to record in the drafts file, and whether to stop because all further
/// requests would fail too.
async fn apply_draft(
    connection: &Connection,
    row: &mut ApplyRow,
    drafts: &Drafts,
) -> (Option<DraftChange>, bool) {
    let Some(draft) = drafts.draft_for(row.key_id) else { return (None, false) };
    let decide = ApplyDecision {
        review_id: drafts.review_id,
        key_id: row.key_id,
        decision: draft.decision,
        until: draft.until,
        note: draft.note.clone(),
        unless_used_since: (draft.decision == Decision::Revoke).then_some(draft.seen_until),
    };
    let key = drafts.idempotency_key(row.key_id, draft);
    let request = CallRequest::with(CreateReview, decide).idempotency_key(&key);
    match connection.client.send(request).await {
        Ok(_) => {
            row.result = ApplyResult::Applied;
            (Some(DraftChange::Applied(vec![row.key_id])), false)
        }
        Err(error) => {
            row.result = if matches!(&error, ClientError::Refused(p) if p.kind == ProblemType::UsedSince) {
                ApplyResult::Left
            } else {
                ApplyResult::Failed
            };
            let error = CommandError::from(error);
            let change = DraftChange::Refused(row.key_id, error.message.clone());
            row.detail = error.message;
            row.exit_code = error.exit_code;
            let must_stop = matches!(
                error.exit_code,
                ExitCode::Unreachable | ExitCode::NotSignedIn | ExitCode::NotPermitted
            );
            (Some(change), must_stop)
        }
    }
}
