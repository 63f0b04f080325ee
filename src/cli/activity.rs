//! `keyward activity`: lists the activity log, newest first.

use clap::Args;

use super::connect::CommandContext;
use super::error::{CommandError, ExitCode};
use super::keys::{self, target};
use super::output::schema::{MEMBER_REF_FIELDS, field, object, one_of};
use super::output::{self, CellValue, JsonField, Output, OutputArgs, OutputColumn, OutputRow};
use super::{members, time_arg};
use crate::domain::activity::{Action, Activity};
use crate::wire::activity::{ActivityQuery, ListActivity};

/// Arguments of `keyward activity`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "Example:\n  keyward activity --action key.revoked --from 30d --csv")]
pub struct ActivityArgs {
    /// Show only entries about the key with this id
    #[arg(long, value_name = "ID")]
    key: Option<String>,
    /// Show only entries by or about this member (email address or id)
    #[arg(long, value_name = "MEMBER")]
    member: Option<String>,
    /// Show only entries with this action
    #[arg(long, value_enum, value_name = "ACTION")]
    action: Option<Action>,
    /// Show only entries since this time (RFC 3339, a date, or an age such as 30d)
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// Show only entries before this time (RFC 3339, a date, or an age such as 7d)
    #[arg(long, value_name = "TIME")]
    to: Option<String>,
    /// Maximum number of entries to show, newest first
    #[arg(short = 'n', long, value_name = "N", default_value_t = 100)]
    limit: usize,
    #[command(flatten)]
    output: OutputArgs,
}

pub(super) async fn run(args: ActivityArgs, context: &CommandContext) -> Result<ExitCode, CommandError> {
    let output = Output::new::<ActivityRow>(&args.output, context.is_ascii_only())?;
    let connection = context.connect()?;
    let (_, rules) = keys::fetch_me(&connection).await?;
    let time =
        |text: &Option<String>| text.as_deref().map(|t| time_arg::parse_past(t, rules.now)).transpose();
    let member = match &args.member {
        Some(member) => Some(members::find_member(&connection, member).await?.id),
        None => None,
    };
    let query = ActivityQuery {
        key: args.key.as_deref().map(target::parse_key_id).transpose()?,
        member,
        action: args.action,
        from: time(&args.from)?,
        to: time(&args.to)?,
        ..ActivityQuery::default()
    };
    let rows = connection.fetch_all(ListActivity, query, Some(args.limit)).await?;
    output.print_list(&rows.into_iter().map(ActivityRow).collect::<Vec<_>>(), "No matching entries.")?;
    Ok(ExitCode::Success)
}

pub(super) struct ActivityRow(Activity);

impl OutputRow for ActivityRow {
    const FIELDS: &'static [JsonField] = &[
        field("id", "id"),
        field("at", "time"),
        object(
            "actor",
            "member; null if the action was taken on the server's host or without a session",
            MEMBER_REF_FIELDS,
        ),
        one_of::<Action>("action"),
        field("key_id", "id or null"),
        field("key_name", "text or null; the key's name when the action was taken"),
        field("member_id", "id of the member whom the action affected, or null"),
        field("detail", "text"),
        field("address", "text or null"),
    ];

    const COLUMNS: &'static [OutputColumn<Self>] = &[
        OutputColumn {
            title: "When",
            field: "at",
            rank: 0,
            cut: false,
            cell: |a| CellValue::time(Some(a.0.at)),
        },
        OutputColumn {
            title: "Who",
            field: "actor",
            rank: 0,
            cut: true,
            cell: |a| a.0.actor.as_ref().map_or_else(String::new, |m| m.email.clone()).into(),
        },
        OutputColumn {
            title: "What",
            field: "action",
            rank: 0,
            cut: false,
            cell: |a| a.0.action.to_string().into(),
        },
        OutputColumn {
            title: "Key",
            field: "key_name",
            rank: 1,
            cut: true,
            cell: |a| a.0.key_name.clone().unwrap_or_default().into(),
        },
        OutputColumn {
            title: "Details",
            field: "detail",
            rank: 2,
            cut: true,
            cell: |a| a.0.detail.as_str().into(),
        },
        OutputColumn {
            title: "From",
            field: "address",
            rank: 3,
            cut: false,
            cell: |a| a.0.address.clone().unwrap_or_default().into(),
        },
        OutputColumn {
            title: "Key id",
            field: "key_id",
            rank: 4,
            cut: false,
            cell: |a| a.0.key_id.map_or_else(String::new, |id| id.to_string()).into(),
        },
    ];

    fn json(&self) -> String {
        output::to_json(&self.0)
    }

    fn id(&self) -> String {
        self.0.id.to_string()
    }
}
