//! `keyward keys …`: list, show, create, edit and revoke keys. Helpers here are shared with the commands for rotations and reviews.

use std::ops::ControlFlow;

use clap::{Args, Subcommand};
use futures_util::StreamExt as _;

use super::connect::{CommandContext, Connection};
use super::error::{CommandError, ExitCode};
use super::output::schema::KEY_FIELDS;
use super::output::{self, CellValue, JsonField, OutputColumn, OutputRow, Progress};
use crate::client::{CallRequest, Retention};
use crate::domain::key::{Key, KeyKind};
use crate::domain::staleness::{Flag, StalenessRules};
use crate::domain::text;
use crate::wire::keys::{IncludedKeys, KeysQuery};
use crate::wire::sessions::{GetMe, Me};

pub(super) mod create;
mod edit;
mod list;
pub(super) mod revoke;
mod show;
pub(super) mod target;

/// Flag that chooses between personal and organization keys.
#[derive(Args, Clone, Copy, Debug, Default)]
pub struct KindArgs {
    /// Use the organization's keys instead of your own
    #[arg(short, long)]
    workspace: bool,
}

impl KindArgs {
    pub(super) fn kind(self) -> KeyKind {
        if self.workspace { KeyKind::Organization } else { KeyKind::Personal }
    }
}

/// Subcommands of `keyward keys`.
#[derive(Subcommand, Debug)]
pub enum KeysCommand {
    /// List keys, newest first
    List(list::ListArgs),
    /// Show one key and the clients that use it
    Show(show::ShowArgs),
    /// Create a key; its secret is issued only once
    Create(create::CreateArgs),
    /// Change a key's name or note
    Edit(edit::EditArgs),
    /// Revoke keys that are not in use
    Revoke(revoke::RevokeArgs),
}

pub(super) async fn run(command: KeysCommand, context: &CommandContext) -> Result<ExitCode, CommandError> {
    match command {
        KeysCommand::List(args) => list::run(args, context).await,
        KeysCommand::Show(args) => show::run(args, context).await,
        KeysCommand::Create(args) => create::run(args, context).await,
        KeysCommand::Edit(args) => edit::run(args, context).await,
        KeysCommand::Revoke(args) => revoke::run(args, context).await,
    }
}

/// Fetches the signed-in member and the rules that make keys stale.
pub(super) async fn fetch_me(connection: &Connection) -> Result<(Me, StalenessRules), CommandError> {
    let me = connection.send(CallRequest::to(GetMe)).await?;
    let rules = StalenessRules { policy: me.policy, now: me.as_of, tracking_since: me.usage_tracking_since };
    Ok((me, rules))
}

/// Fetches the keys of this kind that match `filter`. Shows progress if standard error is a terminal.
pub(super) async fn fetch_keys(
    connection: &Connection,
    kind: KeyKind,
    include_revoked: bool,
    filter: impl Fn(&Key) -> bool,
) -> Result<Vec<Key>, CommandError> {
    let mut keys = Vec::new();
    for_each_page(connection, kind, include_revoked, Retention::All, |page| {
        keys.extend(page.into_iter().filter(&filter));
        Ok(ControlFlow::Continue(()))
    })
    .await?;
    Ok(keys)
}

/// Calls `visit` with each page of keys of this kind, newest first, until it returns `Break`. Shows progress if standard error
/// is a terminal. `retention` says how much of each page `visit` keeps, which determines the page size.
pub(super) async fn for_each_page(
    connection: &Connection,
    kind: KeyKind,
    include_revoked: bool,
    retention: Retention,
    mut visit: impl FnMut(Vec<Key>) -> Result<ControlFlow<()>, CommandError>,
) -> Result<(), CommandError> {
    let query =
        KeysQuery { include: include_revoked.then_some(IncludedKeys::Revoked), ..KeysQuery::default() };
    let mut progress = Progress::new();
    let mut pages = std::pin::pin!(connection.client.key_pages(kind, query, retention));
    while let Some(page) = pages.next().await {
        let page = page?;
        progress.clear();
        if visit(page.keys)?.is_break() {
            break;
        }
        let of = page.total.map_or_else(String::new, |total| format!(" of {total}"));
        progress.show(&format!("{}{of} keys", page.loaded));
    }
    Ok(())
}

/// A key in the output of a command, with its flags.
pub(super) struct KeyRow {
    pub(super) key: Key,
    /// Comma-separated labels of the key's flags; empty if [`KeyRow::new`] was called without rules.
    pub(super) flags: String,
}

impl KeyRow {
    pub(super) fn new(key: Key, rules: Option<&StalenessRules>) -> Self {
        let flags = rules.map_or_else(String::new, |rules| {
            let mut labels: Vec<&str> = rules.flags(&key).iter().map(Flag::label).collect();
            if key.is_in_use(rules.now) {
                labels.push("in use");
            }
            labels.join(", ")
        });
        Self { key, flags }
    }
}

impl OutputRow for KeyRow {
    const FIELDS: &'static [JsonField] = KEY_FIELDS;

    const COLUMNS: &'static [OutputColumn<Self>] = &[
        OutputColumn {
            title: "Name",
            field: "name",
            rank: 0,
            cut: true,
            cell: |r| r.key.name.as_str().into(),
        },
        OutputColumn {
            title: "Secret key",
            field: "masked",
            rank: 0,
            cut: false,
            cell: |r| r.key.masked.as_str().into(),
        },
        OutputColumn {
            title: "Last used",
            field: "last_used_at",
            rank: 1,
            cut: false,
            cell: |r| CellValue::Time(r.key.last_used_at, "Never"),
        },
        OutputColumn {
            title: "Created",
            field: "created_at",
            rank: 2,
            cut: false,
            cell: |r| CellValue::time(Some(r.key.created_at)),
        },
        OutputColumn {
            title: "Revoked",
            field: "revoked_at",
            rank: 6,
            cut: false,
            cell: |r| CellValue::time(r.key.revoked_at),
        },
        OutputColumn {
            title: "Flags",
            field: "flags",
            rank: 3,
            cut: true,
            cell: |r| r.flags.as_str().into(),
        },
        OutputColumn {
            title: "Created by",
            field: "created_by",
            rank: 4,
            cut: true,
            cell: |r| r.key.created_by.email.as_str().into(),
        },
        OutputColumn {
            title: "Used by",
            field: "last_used_by",
            rank: 7,
            cut: true,
            cell: |r| r.key.last_used_by.as_ref().map_or_else(String::new, ToString::to_string).into(),
        },
        OutputColumn { title: "Id", field: "id", rank: 5, cut: false, cell: |r| r.key.id.to_string().into() },
    ];

    fn json(&self) -> String {
        output::to_json(&self.key)
    }

    fn id(&self) -> String {
        self.key.id.to_string()
    }
}

/// Describes a key within a sentence: `"Grafana" (sk_…5G08, 0190…)`.
pub(super) fn describe(key: &Key) -> String {
    format!(
        "\"{name}\" ({masked}, {id})",
        name = text::sanitize_line(&key.name),
        masked = text::sanitize_line(&key.masked),
        id = key.id
    )
}
