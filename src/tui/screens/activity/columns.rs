//! The columns of the activity log, and the words for its actions.

use ratatui::text::{Line, Span};

use crate::domain::activity::{Action as Did, Activity};
use crate::tui::table::{ColumnSort, ColumnWidth, TableColumn, time_rank};
use crate::tui::theme::{StyleRole, ThemeSymbol};

/// Columns of the activity log, from left to right.
pub(super) const COLUMNS: &[TableColumn<Activity>] = &[
    TableColumn {
        title: "When",
        width: ColumnWidth::Time,
        yields: 0,
        cell: |row, cells| Line::raw(cells.time(row.at)),
        order: Some(ColumnSort {
            rank: |row, _| time_rank(Some(row.at)),
            tie: |a, b| a.id.cmp(&b.id),
            descending: true,
        }),
    },
    TableColumn {
        title: "Who",
        width: ColumnWidth::Flex { min: 12, max: 24, weight: 1 },
        yields: 0,
        cell: |row, cells| match &row.actor {
            Some(actor) => Line::raw(actor.name.as_str()),
            None if row.address.is_none() => {
                Line::styled("server's host", cells.theme.style(StyleRole::Muted))
            }
            None => Line::styled("not signed in", cells.theme.style(StyleRole::Muted)),
        },
        order: None,
    },
    TableColumn {
        title: "What",
        width: ColumnWidth::Flex { min: 14, max: 20, weight: 1 },
        yields: 0,
        cell: |row, cells| Line::styled(action_words(row.action), cells.theme.style(action_role(row.action))),
        order: None,
    },
    TableColumn {
        title: "Key or member, and details",
        width: ColumnWidth::Flex { min: 16, max: 90, weight: 4 },
        yields: 1,
        cell: |row, cells| {
            let muted = cells.theme.style(StyleRole::Muted);
            let mut spans = Vec::new();
            if let Some(name) = &row.key_name {
                spans.push(Span::raw(name.as_str()));
            }
            if !row.detail.is_empty() {
                if !spans.is_empty() {
                    spans.push(Span::styled(format!(" {} ", cells.theme.symbol(ThemeSymbol::Dot)), muted));
                }
                spans.push(Span::styled(row.detail.as_str(), muted));
            }
            Line::from(spans)
        },
        order: None,
    },
    TableColumn {
        title: "From",
        width: ColumnWidth::Flex { min: 11, max: 20, weight: 1 },
        yields: 2,
        cell: |row, cells| {
            Line::styled(row.address.as_deref().unwrap_or("-"), cells.theme.style(StyleRole::Muted))
        },
        order: None,
    },
];

/// Returns the past-tense phrase shown for an action, such as "revoked key".
pub(super) fn action_words(action: Did) -> &'static str {
    match action {
        Did::OrganizationCreated => "set up",
        Did::RestoreAccepted => "accepted a backup",
        Did::KeyCreated => "created key",
        Did::KeyReissued => "reissued key",
        Did::KeyConfirmed => "stored secret",
        Did::KeyEdited => "edited key",
        Did::KeyRevoked => "revoked key",
        Did::KeyRevokeRefused => "revoke refused",
        Did::ReviewRecorded => "reviewed key",
        Did::ReviewExported => "exported review",
        Did::MemberInvited => "invited",
        Did::MemberRoleChanged => "changed role",
        Did::MemberRemoved => "removed member",
        Did::SessionCreated => "signed in",
        Did::SessionEnded => "session ended",
        Did::SessionCodeCreated => "created sign-in code",
        Did::SessionRefused => "sign-in refused",
        Did::PermissionRefused => "not permitted",
    }
}

fn action_role(action: Did) -> StyleRole {
    match action {
        Did::KeyRevoked | Did::MemberRemoved => StyleRole::Danger,
        Did::KeyRevokeRefused | Did::SessionRefused | Did::PermissionRefused => StyleRole::Stale,
        _ => StyleRole::Plain,
    }
}
