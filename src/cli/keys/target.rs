//! Finds the key that an argument names: by its id, or by an exact name that only one key has. Prefixes and masked secrets name no
//! key, because several keys may share them.

use std::ops::ControlFlow;

use super::for_each_page;
use crate::cli::connect::Connection;
use crate::cli::error::{CommandError, ExitCode};
use crate::client::{ClientError, Retention};
use crate::domain::id::Id;
use crate::domain::key::{self, Key, KeyKind};
use crate::domain::text;
use crate::wire::problem::ProblemType;

/// Maximum number of keys counted when several have the same name.
const SAME_NAME_COUNT_MAX: usize = 1_000;

/// Finds the key with this id or exact name. A name is looked up among keys of `kind`, an id among keys of both kinds.
pub(in crate::cli) async fn find_key(
    connection: &Connection,
    kind: KeyKind,
    target: &str,
) -> Result<Key, CommandError> {
    match target.trim().parse::<Id>() {
        Ok(id) => find_by_id(connection, kind, id).await,
        Err(_) => find_by_name(connection, kind, target).await,
    }
}

/// Finds the personal or organization key with this id.
pub(in crate::cli) async fn find_key_by_id(
    connection: &Connection,
    target: &str,
) -> Result<Key, CommandError> {
    let id = parse_key_id(target)?;
    match find_by_id(connection, KeyKind::Organization, id).await {
        // The member did not ask for an organization key, so the message is not about permissions.
        Err(error) if error.exit_code == ExitCode::NotPermitted => {
            Err(not_found_error(&id.to_string(), KeyKind::Personal))
        }
        result => result,
    }
}

/// Parses a key id. The error message names the command that lists key ids.
pub(in crate::cli) fn parse_key_id(target: &str) -> Result<Id, CommandError> {
    parse_id(target, "keyward keys list --json=id,name")
}

/// Parses an id. The error message suggests `command` to list the valid ids.
pub(in crate::cli) fn parse_id(target: &str, command: &str) -> Result<Id, CommandError> {
    target.trim().parse().map_err(|_| {
        CommandError::usage(format!(
            "`{text}` is not an id. Find the id with `{command}`.",
            text = text::sanitize_line(target)
        ))
    })
}

async fn find_by_id(connection: &Connection, kind: KeyKind, id: Id) -> Result<Key, CommandError> {
    let may_be_of_other_kind =
        |e: &ClientError| e.is_problem(ProblemType::NotFound) || e.is_problem(ProblemType::NotPermitted);
    match connection.client.key(kind, id).await {
        // The error is about the kind that the arguments name.
        Err(first) if may_be_of_other_kind(&first) => {
            connection.client.key(kind.other(), id).await.map_err(|second| match (first, second) {
                (_, e) if !may_be_of_other_kind(&e) => e.into(),
                (e, _) if e.is_problem(ProblemType::NotFound) => not_found_error(&id.to_string(), kind),
                (e, _) => e.into(),
            })
        }
        result => Ok(result?),
    }
}

async fn find_by_name(connection: &Connection, kind: KeyKind, target: &str) -> Result<Key, CommandError> {
    if target.starts_with("sk_…") || target.starts_with("sk_...") {
        return Err(CommandError::usage(
            "A masked secret does not identify a key, because several keys may share it. Use the id or the exact name.",
        ));
    }
    let name =
        key::normalize_name(target).map_err(|e| CommandError::usage(format!("The name of a key {e}.")))?;
    let mut matches = Vec::new();
    for_each_page(connection, kind, true, Retention::Page, |page| {
        matches.extend(page.into_iter().filter(|key| key.name == name));
        Ok(if matches.len() > SAME_NAME_COUNT_MAX {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        })
    })
    .await?;
    // A name that was reused belongs to the key that is not revoked.
    if matches.iter().any(|key| key.revoked_at.is_none()) {
        matches.retain(|key| key.revoked_at.is_none());
    }
    match matches.len() {
        0 => Err(not_found_error(&format!("\"{name}\""), kind)),
        1 => Ok(matches.remove(0)),
        n => {
            let n = if n > SAME_NAME_COUNT_MAX {
                format!("more than {SAME_NAME_COUNT_MAX}")
            } else {
                n.to_string()
            };
            let ids: Vec<String> = matches
                .iter()
                .take(20)
                .map(|k| format!("  {}  {}", k.id, text::sanitize_line(&k.masked)))
                .collect();
            Err(CommandError::new(
                ExitCode::Refused,
                format!(
                    "{n} keys are named \"{name}\". Nothing was done. Use the id of one of them:\n{ids}",
                    ids = ids.join("\n")
                ),
            ))
        }
    }
}

fn not_found_error(what: &str, kind: KeyKind) -> CommandError {
    let message = match kind {
        KeyKind::Personal => {
            format!("You have no personal key {what}. For an organization key, add --workspace.")
        }
        KeyKind::Organization => format!("The organization has no key {what}."),
    };
    let list =
        if kind == KeyKind::Organization { "keyward keys list --workspace" } else { "keyward keys list" };
    CommandError::new(ExitCode::NotFound, format!("{message} List the existing keys with `{list}`."))
}
