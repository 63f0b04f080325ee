//! `keyward rotate …`: replaces a key without interrupting the clients that use it.

use clap::{Args, Subcommand};

use super::connect::{CommandContext, Connection};
use super::error::{CommandError, ExitCode};
use super::keys::create::create_and_deliver;
use super::keys::revoke::{RevokeFlags, RevokeRow, revoke};
use super::keys::{describe, fetch_me, target};
use super::output::schema::{KEY_FIELDS, field, object, one_of};
use super::output::{self, CellValue, JsonField, Output, OutputArgs, OutputColumn, OutputRow, format_time};
use super::secret_output::SecretOutputArgs;
use crate::domain::id::Id;
use crate::domain::key::{self, IN_USE_WITHIN, KeyKind};
use crate::domain::permission::Permission;
use crate::domain::rotation::{Phase, QuietWindow, finish_unless_used_since, is_stalled, proposed_name};
use crate::domain::time::saturating_seconds;
use crate::wire::keys::{CreateKey, ListRotations, Rotation, RotationsQuery};
use crate::wire::sessions::Me;

/// Subcommands of `keyward rotate`, in the order in which a rotation uses them.
#[derive(Subcommand, Debug)]
pub enum RotateCommand {
    /// Create a replacement key; its secret is issued only once
    Start(StartArgs),
    /// Show the phase of each rotation and the next step
    Status(StatusArgs),
    /// Revoke the old key once it has been unused for the whole quiet window
    Finish(EndArgs),
    /// Cancel the rotation: revoke the replacement, unless it is in use
    Cancel(EndArgs),
}

/// Arguments of `keyward rotate start`.
#[derive(Args, Clone, Debug)]
#[command(
    after_help = "Example:\n  keyward rotate start 01987c4e-2b7a-7c31-9a53-0d6f3c1e8a21 --write-to new.txt"
)]
pub struct StartArgs {
    /// Id of the personal or organization key to replace
    #[arg(value_name = "KEY")]
    key: String,
    /// Name of the replacement [default: derived from the old name]
    #[arg(long, value_name = "TEXT")]
    name: Option<String>,
    #[command(flatten)]
    secret_output: SecretOutputArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// Arguments of `keyward rotate status`.
#[derive(Args, Clone, Debug)]
pub struct StatusArgs {
    /// Id of the old or the new key [default: all rotations in progress]
    #[arg(value_name = "KEY")]
    key: Option<String>,
    /// Include rotations that are done or abandoned
    #[arg(long)]
    all: bool,
    /// Exit with code 10 if a rotation can be finished or is stalled (not ready after twice its quiet window)
    #[arg(long)]
    exit_code: bool,
    #[command(flatten)]
    output: OutputArgs,
}

/// Arguments of `keyward rotate finish` and `keyward rotate cancel`.
#[derive(Args, Clone, Debug)]
pub struct EndArgs {
    /// Id of the old or the new key
    #[arg(value_name = "KEY")]
    key: String,
    #[command(flatten)]
    flags: RevokeFlags,
    #[command(flatten)]
    output: OutputArgs,
}

pub(super) async fn run(command: RotateCommand, context: &CommandContext) -> Result<ExitCode, CommandError> {
    match command {
        RotateCommand::Start(args) => start(args, context).await,
        RotateCommand::Status(args) => status(args, context).await,
        RotateCommand::Finish(args) => finish(args, context).await,
        RotateCommand::Cancel(args) => cancel(args, context).await,
    }
}

async fn start(args: StartArgs, context: &CommandContext) -> Result<ExitCode, CommandError> {
    let connection = context.connect()?;
    let (me, rules) = fetch_me(&connection).await?;
    let old = target::find_key_by_id(&connection, &args.key).await?;
    let refused = |why: &str| CommandError::new(ExitCode::Refused, format!("{} {why}", describe(&old)));
    if old.revoked_at.is_some() {
        return Err(refused(
            "is revoked, so it cannot be replaced. Create a key with `keyward keys create`.",
        ));
    }
    if let Some(new) = old.replaced_by {
        return Err(refused(&format!(
            "is already being replaced by {new}. See `keyward rotate status {id}`.",
            id = old.id
        )));
    }
    let name = match args.name {
        Some(name) => key::normalize_name(&name)
            .map_err(|e| CommandError::usage(format!("--name {e}. No key was created.")))?,
        None => proposed_name(&old.name, rules.now),
    };
    let create = CreateKey { name, note: old.note.clone(), replaces: Some(old.id) };
    create_and_deliver(&connection, &me, context, old.kind, create, &args.secret_output, &args.output).await
}

/// Fetches the rotations of personal and organization keys that the member may see.
async fn fetch_rotations(connection: &Connection, me: &Me) -> Result<Vec<Rotation>, CommandError> {
    let mut all = Vec::new();
    for owner in [KeyKind::Organization, KeyKind::Personal] {
        if Permission::ListKeys(owner).is_granted_to(me.role) {
            let query = RotationsQuery { owner, ..RotationsQuery::default() };
            all.extend(connection.fetch_all(ListRotations, query, None).await?);
        }
    }
    Ok(all)
}

/// Finds the rotation that a key is part of. If there are several, prefers one in progress, then one in which this key is the
/// old one.
async fn find_rotation(connection: &Connection, me: &Me, id: Id) -> Result<Rotation, CommandError> {
    let mut matches: Vec<Rotation> = fetch_rotations(connection, me)
        .await?
        .into_iter()
        .filter(|r| r.old.id == id || r.new.id == id)
        .collect();
    matches.sort_by_key(|r| (matches!(r.phase, Phase::Done | Phase::Abandoned), r.old.id != id));
    if matches.is_empty() {
        return Err(CommandError::new(
            ExitCode::NotFound,
            format!("The key {id} is not part of a rotation. Start one with `keyward rotate start {id}`."),
        ));
    }
    Ok(matches.swap_remove(0))
}

async fn status(args: StatusArgs, context: &CommandContext) -> Result<ExitCode, CommandError> {
    let output = Output::new::<RotationRow>(&args.output, context.is_ascii_only())?;
    let connection = context.connect()?;
    let (me, rules) = fetch_me(&connection).await?;
    let needs_action =
        |r: &Rotation| r.phase == Phase::Ready || is_stalled(r.phase, &r.new, quiet_window(r), rules.now);
    let any_needs_action;
    if let Some(key) = &args.key {
        let rotation = find_rotation(&connection, &me, target::parse_key_id(key)?).await?;
        any_needs_action = needs_action(&rotation);
        let details = detail_lines(&rotation);
        output.print_one(&RotationRow(rotation), &details)?;
    } else {
        let mut all = fetch_rotations(&connection, &me).await?;
        all.retain(|r| args.all || !matches!(r.phase, Phase::Done | Phase::Abandoned));
        any_needs_action = all.iter().any(needs_action);
        let rows: Vec<_> = all.into_iter().map(RotationRow).collect();
        output.print_list(&rows, "No rotation is in progress.")?;
    }
    Ok(if any_needs_action && args.exit_code { ExitCode::Found } else { ExitCode::Success })
}

fn quiet_window(rotation: &Rotation) -> QuietWindow {
    QuietWindow {
        duration: saturating_seconds(rotation.quiet_window_s),
        raised_by_gap: rotation.raised_by_gap_s.map(saturating_seconds),
    }
}

fn detail_lines(rotation: &Rotation) -> Vec<(&'static str, String)> {
    let mut details = vec![
        (
            "Phase",
            format!(
                "{phase} – {explanation}",
                phase = rotation.phase,
                explanation = rotation.phase.explanation()
            ),
        ),
        ("Old key", describe(&rotation.old)),
        ("New key", describe(&rotation.new)),
        ("Seen", rotation.evidence.clone()),
        ("Quiet window", quiet_window(rotation).reason()),
    ];
    details.extend(rotation.quiet_since.map(|at| ("Quiet since", format_time(at))));
    details.extend(rotation.ready_at.map(|at| ("Ready at", format_time(at))));
    let next = match rotation.phase {
        Phase::Ready => Some(format!("keyward rotate finish {id}", id = rotation.old.id)),
        Phase::Abandoned => Some(format!("keyward rotate start {id}", id = rotation.old.id)),
        _ => None,
    };
    details.extend(next.map(|command| ("Next", command)));
    details
}

async fn finish(args: EndArgs, context: &CommandContext) -> Result<ExitCode, CommandError> {
    let output = Output::new::<RevokeRow>(&args.output, context.is_ascii_only())?;
    let connection = context.connect()?;
    let (me, rules) = fetch_me(&connection).await?;
    let rotation = find_rotation(&connection, &me, target::parse_key_id(&args.key)?).await?;
    match rotation.phase {
        Phase::Switch if !args.flags.even_if_used => Err(CommandError::new(
            ExitCode::Refused,
            format!(
                "The new key {key} was never used, so the old key was not revoked. Replace the old secret with the new one wherever it is used, or pass --even-if-used --reason TEXT to revoke it anyway.",
                key = describe(&rotation.new)
            ),
        )),
        Phase::Abandoned => Err(CommandError::new(
            ExitCode::Refused,
            format!(
                "The new key {key} is revoked, so the old key was not revoked. Start again with `keyward rotate start {old_id}`.",
                key = describe(&rotation.new),
                old_id = rotation.old.id
            ),
        )),
        _ => {
            let since = finish_unless_used_since(quiet_window(&rotation), rules.now);
            let targets = vec![(args.key, Ok(rotation.old))];
            revoke(&connection, &rules, targets, since, &args.flags, &output).await
        }
    }
}

async fn cancel(args: EndArgs, context: &CommandContext) -> Result<ExitCode, CommandError> {
    let output = Output::new::<RevokeRow>(&args.output, context.is_ascii_only())?;
    let connection = context.connect()?;
    let (me, rules) = fetch_me(&connection).await?;
    let rotation = find_rotation(&connection, &me, target::parse_key_id(&args.key)?).await?;
    if rotation.phase == Phase::Done {
        return Err(CommandError::new(
            ExitCode::Refused,
            format!(
                "The old key {key} is revoked, so the rotation is done and cannot be cancelled.",
                key = describe(&rotation.old)
            ),
        ));
    }
    let targets = vec![(args.key, Ok(rotation.new))];
    revoke(&connection, &rules, targets, rules.now.minus(IN_USE_WITHIN), &args.flags, &output).await
}

/// A rotation in the output of `keyward rotate status`.
pub(super) struct RotationRow(Rotation);

impl OutputRow for RotationRow {
    const FIELDS: &'static [JsonField] = &[
        one_of::<Phase>("phase"),
        object("old", "key", KEY_FIELDS),
        object("new", "key", KEY_FIELDS),
        field("quiet_window_s", "number of seconds"),
        field("raised_by_gap_s", "number of seconds; null if the default quiet window applies"),
        field("quiet_since", "time or null"),
        field("ready_at", "time or null"),
        field("evidence", "text"),
    ];

    const COLUMNS: &'static [OutputColumn<Self>] = &[
        OutputColumn {
            title: "Phase",
            field: "phase",
            rank: 0,
            cut: false,
            cell: |r| r.0.phase.to_string().into(),
        },
        OutputColumn {
            title: "Old key",
            field: "old",
            rank: 0,
            cut: true,
            cell: |r| r.0.old.name.as_str().into(),
        },
        OutputColumn {
            title: "Secret key",
            field: "old_masked",
            rank: 4,
            cut: false,
            cell: |r| r.0.old.masked.as_str().into(),
        },
        OutputColumn {
            title: "New key",
            field: "new",
            rank: 3,
            cut: true,
            cell: |r| r.0.new.name.as_str().into(),
        },
        OutputColumn {
            title: "Seen",
            field: "evidence",
            rank: 1,
            cut: true,
            cell: |r| r.0.evidence.as_str().into(),
        },
        OutputColumn {
            title: "Ready at",
            field: "ready_at",
            rank: 2,
            cut: false,
            cell: |r| CellValue::time(r.0.ready_at),
        },
        OutputColumn {
            title: "Old id",
            field: "old_id",
            rank: 5,
            cut: false,
            cell: |r| r.0.old.id.to_string().into(),
        },
        OutputColumn {
            title: "New id",
            field: "new_id",
            rank: 6,
            cut: false,
            cell: |r| r.0.new.id.to_string().into(),
        },
    ];

    fn json(&self) -> String {
        output::to_json(&self.0)
    }

    fn id(&self) -> String {
        self.0.old.id.to_string()
    }
}
