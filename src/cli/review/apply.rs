//! `keyward review apply`: the decisions that were prepared on this profile become real, one by one.

use std::collections::HashMap;

use clap::Args;
use serde::Serialize;

use super::reviews;
use crate::cli::connect::{Connection, Context};
use crate::cli::exit::{Exit, Failure};
use crate::cli::keys::{all, me};
use crate::cli::output::schema::field;
use crate::cli::output::{self, Column, Field, Output, OutputArgs, Row, say};
use crate::cli::prompt;
use crate::client::{Error, Request};
use crate::domain::draft::{Change, Draft, Drafts};
use crate::domain::id::Id;
use crate::domain::key::{Key, Kind};
use crate::domain::review::Decision;
use crate::domain::staleness::StalenessRules;
use crate::domain::text;
use crate::domain::time::ago;
use crate::wire::problem::ProblemType;
use crate::wire::reviews::{CreateReview, Decide, ReviewsQuery};

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
pub(in crate::cli) struct Applied {
    key_id: Id,
    name: String,
    decision: Decision,
    result: &'static str,
    detail: String,
    #[serde(skip)]
    exit: Exit,
}

const WOULD: &str = "would_apply";

impl Row for Applied {
    const FIELDS: &'static [Field] = &[
        field("key_id", "id"),
        field("name", "text"),
        field("decision", "`keep`, `revoke`, `rotate` or `skip`"),
        field("result", "`applied`, `would_apply`, `left` or `failed`"),
        field("detail", "text"),
    ];

    const COLUMNS: &'static [Column<Self>] = &[
        Column {
            title: "Result",
            field: "result",
            rank: 0,
            cut: false,
            cell: |a| a.result.replace('_', " ").into(),
        },
        Column {
            title: "Decision",
            field: "decision",
            rank: 0,
            cut: false,
            cell: |a| a.decision.to_string().into(),
        },
        Column { title: "Name", field: "name", rank: 0, cut: true, cell: |a| a.name.as_str().into() },
        Column { title: "Why", field: "detail", rank: 1, cut: true, cell: |a| a.detail.as_str().into() },
        Column { title: "Id", field: "key_id", rank: 2, cut: false, cell: |a| a.id().into() },
    ];

    fn json(&self) -> String {
        output::json_of(self)
    }

    fn id(&self) -> String {
        self.key_id.to_string()
    }
}

pub(super) async fn run(args: ApplyArgs, context: &Context) -> Result<Exit, Failure> {
    let output = Output::new::<Applied>(&args.output, context.ascii())?;
    let connection = context.connect()?;
    let profile = connection.target.profile.clone().unwrap_or_default();
    let kept = context.state.drafts(&profile)?;
    let nothing = || {
        say(&format!(
            "Nothing is prepared on {}: decide in the terminal UI, tab Review.",
            connection.target.label()
        ));
        Ok(Exit::Done)
    };
    if kept.is_empty() {
        return nothing();
    }
    let mut drafts = Drafts::read(&kept).ok_or_else(|| {
        Failure::new(
            Exit::Failed,
            "the prepared decisions on this machine cannot be read; decide again in the terminal UI",
        )
    })?;
    let (_, rules) = me(&connection).await?;
    let query = ReviewsQuery { review: Some(drafts.review_id), ..ReviewsQuery::default() };
    if let Some(change) = drafts.recorded(&reviews(&connection, query).await?) {
        drafts.take(change);
    }
    if drafts.is_empty() {
        return nothing();
    }
    let wanted = |key: &Key| drafts.get(key.id).is_some();
    let keys = all(&connection, Kind::Organization, true, wanted).await?;
    let keys: HashMap<Id, Key> = keys.into_iter().map(|key| (key.id, key)).collect();
    let mut plan: Vec<Applied> =
        drafts.iter().map(|(id, draft)| foresee(id, draft, keys.get(&id), &rules)).collect();
    let revokes = plan.iter().filter(|a| a.result == WOULD && a.decision == Decision::Revoke).count();
    if let Some(max) = args.max
        && revokes > max
    {
        return Err(Failure::new(
            Exit::Refused,
            format!("{revokes} keys would be revoked and --max allows {max}: nothing was done"),
        ));
    }
    if args.dry_run {
        output.list(&plan, "")?;
        return Ok(Exit::Done);
    }
    if !args.yes {
        confirm(&plan, revokes, &connection)?;
    }
    // In one line, whatever state it was left in: the changes are appended to it.
    context.state.keep_drafts(&profile, &drafts.line())?;
    for applied in plan.iter_mut().filter(|a| a.result == WOULD) {
        let (change, stop) = carry_out(&connection, applied, &drafts).await;
        if let Some(change) = change {
            context.state.note_drafts(&profile, &change.line())?;
            drafts.take(change);
        }
        if stop {
            break;
        }
    }
    output.list(&plan, "")?;
    let bad = plan.iter().filter(|a| a.exit != Exit::Done).count();
    if bad == 0 {
        return Ok(Exit::Done);
    }
    let exit = if bad == plan.len() { plan[0].exit } else { Exit::Partial };
    Err(Failure::new(exit, format!("{bad} of {} decisions were not applied; they stay prepared", plan.len())))
}

fn foresee(id: Id, draft: &Draft, key: Option<&Key>, rules: &StalenessRules) -> Applied {
    let held = match (key, draft.decision) {
        (None, _) => Some("it is not among the keys any more".to_owned()),
        (Some(key), Decision::Revoke) if key.revoked_at.is_some() => Some("it is revoked already".to_owned()),
        (Some(key), Decision::Revoke) => key
            .last_used_at
            .filter(|&at| at >= draft.seen_until || key.is_live(rules.now))
            .map(|at| format!("it is in use: used {}", ago(at, rules.now))),
        _ => None,
    };
    Applied {
        key_id: id,
        name: key.map_or_else(String::new, |k| k.name.clone()),
        decision: draft.decision,
        result: if held.is_some() { "left" } else { WOULD },
        exit: if held.is_some() { Exit::Refused } else { Exit::Done },
        detail: held.or_else(|| key.map(|k| rules.last_use(k))).unwrap_or_default(),
    }
}

fn confirm(plan: &[Applied], revokes: usize, connection: &Connection) -> Result<(), Failure> {
    if !prompt::possible() {
        return Err(Failure::usage(
            "nothing was applied: there is no terminal to ask on, so say --yes (or --dry-run to see what would happen)",
        ));
    }
    let lines: Vec<String> = plan
        .iter()
        .map(|a| {
            format!(
                "  {:7} \"{}\" – {}{}",
                a.decision,
                text::line(&a.name),
                if a.result == WOULD { "" } else { "left: " },
                a.detail
            )
        })
        .collect();
    say(&format!("On {}:\n{}", connection.target.label(), lines.join("\n")));
    let wanted = if revokes > 0 { format!("revoke {revokes}") } else { "y".to_owned() };
    prompt::confirm(&format!("Apply? Type `{wanted}`:"), &wanted)
}

/// Applies one: what it changes, and whether it makes no sense to go on.
async fn carry_out(
    connection: &Connection,
    applied: &mut Applied,
    drafts: &Drafts,
) -> (Option<Change>, bool) {
    let Some(draft) = drafts.get(applied.key_id) else { return (None, false) };
    let decide = Decide {
        review_id: drafts.review_id,
        key_id: applied.key_id,
        decision: draft.decision,
        until: draft.until,
        note: draft.note.clone(),
        unless_used_since: (draft.decision == Decision::Revoke).then_some(draft.seen_until),
    };
    let key = drafts.idempotency_key(applied.key_id, draft);
    let request = Request::with(CreateReview, decide).idempotency_key(&key);
    match connection.client.send(request).await {
        Ok(_) => {
            applied.result = "applied";
            (Some(Change::Applied(vec![applied.key_id])), false)
        }
        Err(error) => {
            applied.result = if matches!(&error, Error::Refused(p) if p.kind == ProblemType::UsedSince) {
                "left"
            } else {
                "failed"
            };
            let failure = Failure::from(error);
            let change = Change::Refused(applied.key_id, failure.words.clone());
            applied.detail = failure.words;
            applied.exit = failure.exit;
            let stop = matches!(failure.exit, Exit::Unreachable | Exit::NotSignedIn | Exit::NotPermitted);
            (Some(change), stop)
        }
    }
}
