//! Which key is meant: an id, or an exact name that only one key has. Never a prefix or a mask, which many may share.

use std::ops::ControlFlow;

use super::each_page;
use crate::cli::connect::Connection;
use crate::cli::error::{CommandError, ExitCode};
use crate::client::{ClientError, Retention};
use crate::domain::id::Id;
use crate::domain::key::{self, Key, KeyKind};
use crate::domain::text;
use crate::wire::problem::ProblemType;

/// So many keys of one name are no longer counted.
const TOO_MANY: usize = 1_000;

/// The key of this kind that `target` names. An id is looked for among the keys of the other kind too: it names one key only.
///
/// # Errors
/// There is no such key, or several have the name.
pub async fn find(connection: &Connection, kind: KeyKind, target: &str) -> Result<Key, CommandError> {
    match target.trim().parse::<Id>() {
        Ok(id) => by_id(connection, kind, id).await,
        Err(_) => by_name(connection, kind, target).await,
    }
}

/// The key of either kind that has this id.
///
/// # Errors
/// It is no id, or there is no such key.
pub async fn find_any(connection: &Connection, target: &str) -> Result<Key, CommandError> {
    let id = id(target)?;
    match by_id(connection, KeyKind::Organization, id).await {
        // Nobody said that an organization key was meant.
        Err(failure) if failure.exit_code == ExitCode::NotPermitted => {
            Err(missing(&id.to_string(), KeyKind::Personal))
        }
        found => found,
    }
}

/// The id of a key.
///
/// # Errors
/// It is none.
pub fn id(target: &str) -> Result<Id, CommandError> {
    id_from(target, "keyward keys list --json=id,name")
}

/// An id that this command tells.
///
/// # Errors
/// It is none.
pub fn id_from(target: &str, command: &str) -> Result<Id, CommandError> {
    target.trim().parse().map_err(|_| {
        CommandError::usage(format!(
            "`{}` is not an id: find it with `{command}`",
            text::sanitize_line(target)
        ))
    })
}

async fn by_id(connection: &Connection, kind: KeyKind, id: Id) -> Result<Key, CommandError> {
    let elsewhere =
        |e: &ClientError| e.is_problem(ProblemType::NotFound) || e.is_problem(ProblemType::NotPermitted);
    match connection.client.key(kind, id).await {
        // What is said is about the kind that was asked for.
        Err(first) if elsewhere(&first) => {
            connection.client.key(kind.other(), id).await.map_err(|second| match (first, second) {
                (_, e) if !elsewhere(&e) => e.into(),
                (e, _) if e.is_problem(ProblemType::NotFound) => missing(&id.to_string(), kind),
                (e, _) => e.into(),
            })
        }
        found => Ok(found?),
    }
}

async fn by_name(connection: &Connection, kind: KeyKind, target: &str) -> Result<Key, CommandError> {
    if target.starts_with("sk_…") || target.starts_with("sk_...") {
        return Err(CommandError::usage(
            "a mask names no key, since several may share it: use the id or the exact name",
        ));
    }
    let name =
        key::normalize_name(target).map_err(|e| CommandError::usage(format!("the name of a key {e}")))?;
    let mut found = Vec::new();
    each_page(connection, kind, true, Retention::Page, |page| {
        found.extend(page.into_iter().filter(|key| key.name == name));
        // More than these are not told apart by looking at them.
        Ok(if found.len() > TOO_MANY { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    })
    .await?;
    // A name that was used again means the key that is accepted now.
    if found.iter().any(|key| key.revoked_at.is_none()) {
        found.retain(|key| key.revoked_at.is_none());
    }
    match found.len() {
        0 => Err(missing(&format!("\"{name}\""), kind)),
        1 => Ok(found.remove(0)),
        n => {
            let n = if n > TOO_MANY { format!("more than {TOO_MANY}") } else { n.to_string() };
            let ids: Vec<String> = found
                .iter()
                .take(20)
                .map(|k| format!("  {}  {}", k.id, text::sanitize_line(&k.masked)))
                .collect();
            Err(CommandError::new(
                ExitCode::Refused,
                format!(
                    "{n} keys are named \"{name}\"; nothing was done. Say which by its id:\n{}",
                    ids.join("\n")
                ),
            ))
        }
    }
}

fn missing(what: &str, kind: KeyKind) -> CommandError {
    let words = match kind {
        KeyKind::Personal => {
            format!("you have no personal key {what}. For the organization's keys add --workspace.")
        }
        KeyKind::Organization => format!("the organization has no key {what}."),
    };
    let list =
        if kind == KeyKind::Organization { "keyward keys list --workspace" } else { "keyward keys list" };
    CommandError::new(ExitCode::NotFound, format!("{words} `{list}` shows what there is."))
}
