//! `keyward review apply`: the decisions that were prepared on this profile become real, one by one.

use std::collections::HashMap;

use clap::Args;
use serde::Serialize;

use super::reviews;
use crate::cli::connect::{CommandContext, Connection};
use crate::cli::error::{CommandError, ExitCode};
use crate::cli::keys::{all, fetch_me};
use crate::cli::output::schema::field;
use crate::cli::output::{self, JsonField, Output, OutputArgs, OutputColumn, OutputRow, print_message};
use crate::cli::prompt;
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

/// `keyward review apply`
#[derive(Args, Clone, Debug)]
#[command(
    after_help = "With --json: [{\"key_id\", \"name\", \"decision\", \"result\": \"applied\" | \"would_apply\" | \"left\" | \"failed\", \
    \"detail\"}]."
)]
pub struct ApplyArgs {
    /// Do not ask; needed where there is no terminal
    #[arg(short, long)]
    yes: bool,
    /// Say what would be done and do nothing
    #[arg(long)]
    dry_run: bool,
    /// At most so many revokes; more are refused before anything is done
    #[arg(long, value_name = "N")]
    max: Option<usize>,
    #[command(flatten)]
    output: OutputArgs,
}

/// What became of a draft.
#[derive(Serialize)]
pub(in crate::cli) struct ApplyRow {
    key_id: Id,
    name: String,
    decision: Decision,
    result: &'static str,
    detail: String,
    #[serde(skip)]
    exit_code: ExitCode,
}

const WOULD: &str = "would_apply";

impl OutputRow for ApplyRow {
    const FIELDS: &'static [JsonField] = &[
        field("key_id", "id"),
        field("name", "text"),
        field("decision", "`keep`, `revoke`, `rotate` or `skip`"),
        field("result", "`applied`, `would_apply`, `left` or `failed`"),
        field("detail", "text"),
    ];

    const COLUMNS: &'static [OutputColumn<Self>] = &[
        OutputColumn {
            title: "Result",
            field: "result",
            rank: 0,
            cut: false,
            cell: |a| a.result.replace('_', " ").into(),
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
    let kept = context.state.drafts(&profile)?;
    let nothing = || {
        print_message(&format!(
            "Nothing is prepared on {}: decide in the terminal UI, tab Review.",
            connection.target.label()
        ));
        Ok(ExitCode::Success)
    };
    if kept.is_empty() {
        return nothing();
    }
    let mut drafts = Drafts::parse(&kept).ok_or_else(|| {
        CommandError::new(
            ExitCode::Failure,
            "the prepared decisions on this machine cannot be read; decide again in the terminal UI",
        )
    })?;
    let (_, rules) = fetch_me(&connection).await?;
    let query = ReviewsQuery { review: Some(drafts.review_id), ..ReviewsQuery::default() };
    if let Some(change) = drafts.settled_by(&reviews(&connection, query).await?) {
        drafts.apply(change);
    }
    if drafts.is_empty() {
        return nothing();
    }
    let wanted = |key: &Key| drafts.get(key.id).is_some();
    let keys = all(&connection, KeyKind::Organization, true, wanted).await?;
    let keys: HashMap<Id, Key> = keys.into_iter().map(|key| (key.id, key)).collect();
    let mut plan: Vec<ApplyRow> =
        drafts.iter().map(|(id, draft)| foresee(id, draft, keys.get(&id), &rules)).collect();
    let revokes = plan.iter().filter(|a| a.result == WOULD && a.decision == Decision::Revoke).count();
    if let Some(max) = args.max
        && revokes > max
    {
        return Err(CommandError::new(
            ExitCode::Refused,
            format!("{revokes} keys would be revoked and --max allows {max}: nothing was done"),
        ));
    }
    if args.dry_run {
        output.print_list(&plan, "")?;
        return Ok(ExitCode::Success);
    }
    if !args.yes {
        confirm(&plan, revokes, &connection)?;
    }
    // In one line, whatever state it was left in: the changes are appended to it.
    context.state.save_drafts(&profile, &drafts.to_line())?;
    for applied in plan.iter_mut().filter(|a| a.result == WOULD) {
        let (change, stop) = carry_out(&connection, applied, &drafts).await;
        if let Some(change) = change {
            context.state.append_drafts(&profile, &change.to_line())?;
            drafts.apply(change);
        }
        if stop {
            break;
        }
    }
    output.print_list(&plan, "")?;
    let bad = plan.iter().filter(|a| a.exit_code != ExitCode::Success).count();
    if bad == 0 {
        return Ok(ExitCode::Success);
    }
    let exit = if bad == plan.len() { plan[0].exit_code } else { ExitCode::PartialFailure };
    Err(CommandError::new(
        exit,
        format!("{bad} of {} decisions were not applied; they stay prepared", plan.len()),
    ))
}

fn foresee(id: Id, draft: &Draft, key: Option<&Key>, rules: &StalenessRules) -> ApplyRow {
    let held = match (key, draft.decision) {
        (None, _) => Some("it is not among the keys any more".to_owned()),
        (Some(key), Decision::Revoke) if key.revoked_at.is_some() => Some("it is revoked already".to_owned()),
        (Some(key), Decision::Revoke) => key
            .last_used_at
            .filter(|&at| at >= draft.seen_until || key.is_in_use(rules.now))
            .map(|at| format!("it is in use: used {}", format_ago(at, rules.now))),
        _ => None,
    };
    ApplyRow {
        key_id: id,
        name: key.map_or_else(String::new, |k| k.name.clone()),
        decision: draft.decision,
        result: if held.is_some() { "left" } else { WOULD },
        exit_code: if held.is_some() { ExitCode::Refused } else { ExitCode::Success },
        detail: held.or_else(|| key.map(|k| rules.last_use(k))).unwrap_or_default(),
    }
}

fn confirm(plan: &[ApplyRow], revokes: usize, connection: &Connection) -> Result<(), CommandError> {
    if !prompt::is_interactive() {
        return Err(CommandError::usage(
            "nothing was applied: there is no terminal to ask on, so say --yes (or --dry-run to see what would happen)",
        ));
    }
    let lines: Vec<String> = plan
        .iter()
        .map(|a| {
            format!(
                "  {:7} \"{}\" – {}{}",
                a.decision,
                text::sanitize_line(&a.name),
                if a.result == WOULD { "" } else { "left: " },
                a.detail
            )
        })
        .collect();
    print_message(&format!("On {}:\n{}", connection.target.label(), lines.join("\n")));
    let wanted = if revokes > 0 { format!("revoke {revokes}") } else { "y".to_owned() };
    prompt::confirm(&format!("Apply? Type `{wanted}`:"), &wanted)
}

/// Applies one: what it changes, and whether it makes no sense to go on.
async fn carry_out(
    connection: &Connection,
    applied: &mut ApplyRow,
    drafts: &Drafts,
) -> (Option<DraftChange>, bool) {
    let Some(draft) = drafts.get(applied.key_id) else { return (None, false) };
    let decide = ApplyDecision {
        review_id: drafts.review_id,
        key_id: applied.key_id,
        decision: draft.decision,
        until: draft.until,
        note: draft.note.clone(),
        unless_used_since: (draft.decision == Decision::Revoke).then_some(draft.seen_until),
    };
    let key = drafts.idempotency_key(applied.key_id, draft);
    let request = CallRequest::with(CreateReview, decide).idempotency_key(&key);
    match connection.client.send(request).await {
        Ok(_) => {
            applied.result = "applied";
            (Some(DraftChange::Applied(vec![applied.key_id])), false)
        }
        Err(error) => {
            applied.result = if matches!(&error, ClientError::Refused(p) if p.kind == ProblemType::UsedSince)
            {
                "left"
            } else {
                "failed"
            };
            let failure = CommandError::from(error);
            let change = DraftChange::Refused(applied.key_id, failure.message.clone());
            applied.detail = failure.message;
            applied.exit_code = failure.exit_code;
            let stop = matches!(
                failure.exit_code,
                ExitCode::Unreachable | ExitCode::NotSignedIn | ExitCode::NotPermitted
            );
            (Some(change), stop)
        }
    }
}
