//! `keyward keys …`: list, show, create, edit, revoke.

use std::ops::ControlFlow;

use clap::{Args, Subcommand};
use futures_util::StreamExt as _;

use super::connect::{CommandContext, Connection};
use super::error::{CommandError, ExitCode};
use super::output::schema::KEY;
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

/// Personal keys, or the organization's.
#[derive(Args, Clone, Copy, Debug, Default)]
pub struct KindArgs {
    /// The organization's keys instead of your own
    #[arg(short, long)]
    workspace: bool,
}

impl KindArgs {
    /// The kind of key that is meant.
    pub fn kind(self) -> KeyKind {
        if self.workspace { KeyKind::Organization } else { KeyKind::Personal }
    }
}

/// What can be done with keys.
#[derive(Subcommand, Debug)]
pub enum KeysCommand {
    /// List keys, newest first
    List(list::ListArgs),
    /// Show one key, and what uses it
    Show(show::ShowArgs),
    /// Create a key; its secret is handed over once
    Create(create::CreateArgs),
    /// Change a key's name or note
    Edit(edit::EditArgs),
    /// Revoke keys, unless they are in use
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

/// Who asks, and what the judgement of keys depends on.
pub(super) async fn fetch_me(connection: &Connection) -> Result<(Me, StalenessRules), CommandError> {
    let me = connection.send(CallRequest::to(GetMe)).await?;
    let rules = StalenessRules { policy: me.policy, now: me.as_of, tracking_since: me.usage_tracking_since };
    Ok((me, rules))
}

/// The keys of a kind that `wanted` lets through; the progress shows on a terminal.
pub(super) async fn all(
    connection: &Connection,
    kind: KeyKind,
    revoked: bool,
    wanted: impl Fn(&Key) -> bool,
) -> Result<Vec<Key>, CommandError> {
    let mut keys = Vec::new();
    each_page(connection, kind, revoked, Retention::All, |page| {
        keys.extend(page.into_iter().filter(&wanted));
        Ok(ControlFlow::Continue(()))
    })
    .await?;
    Ok(keys)
}

/// Hands over the keys of a kind page by page, newest first, until `take` has enough; the progress shows on a terminal.
/// `keep`: what `take` keeps of them.
pub(super) async fn each_page(
    connection: &Connection,
    kind: KeyKind,
    revoked: bool,
    keep: Retention,
    mut take: impl FnMut(Vec<Key>) -> Result<ControlFlow<()>, CommandError>,
) -> Result<(), CommandError> {
    let query = KeysQuery { include: revoked.then_some(IncludedKeys::Revoked), ..KeysQuery::default() };
    let mut progress = Progress::new();
    let mut pages = std::pin::pin!(connection.client.key_pages(kind, query, keep));
    while let Some(page) = pages.next().await {
        let page = page?;
        progress.clear();
        if take(page.keys)?.is_break() {
            break;
        }
        let of = page.total.map_or_else(String::new, |total| format!(" of {total}"));
        progress.show(&format!("{}{of} keys", page.loaded));
    }
    Ok(())
}

/// A key as it is listed.
pub(super) struct KeyRow {
    pub(super) key: Key,
    /// Its flags in words.
    pub(super) flags: String,
}

impl KeyRow {
    pub(super) fn new(key: Key, rules: Option<&StalenessRules>) -> Self {
        let flags = rules.map_or_else(String::new, |rules| {
            let mut words: Vec<&str> = rules.flags(&key).iter().map(Flag::label).collect();
            if key.is_in_use(rules.now) {
                words.push("live");
            }
            words.join(", ")
        });
        Self { key, flags }
    }
}

impl OutputRow for KeyRow {
    const FIELDS: &'static [JsonField] = KEY;

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

/// How a key is named in a sentence: `"Grafana" (sk_…5G08, 0190…)`.
pub(super) fn describe(key: &Key) -> String {
    format!("\"{}\" ({}, {})", text::sanitize_line(&key.name), text::sanitize_line(&key.masked), key.id)
}
