//! Columns of the rotations table: phase, old key, the client that still uses it, next step.

use ratatui::text::Line;

use crate::domain::rotation::Phase;
use crate::domain::time::{format_ago, format_duration};
use crate::tui::table::{CellContext, ColumnSort, ColumnWidth, TableColumn, text_order, text_rank};
use crate::tui::theme::{StyleRole, phase_role};
use crate::wire::keys::Rotation;

pub(super) const COLUMNS: &[TableColumn<Rotation>] = &[
    TableColumn {
        title: "Phase",
        width: ColumnWidth::Fixed(9),
        yields: 0,
        cell: |rotation, cells| {
            let phase = rotation.phase_at(cells.rules.now);
            Line::styled(phase.word(), cells.theme.style(phase_role(phase)))
        },
        order: Some(ColumnSort {
            rank: |rotation, rules| urgency(rotation.phase_at(rules.now)),
            tie: |a, b| b.new.created_at.cmp(&a.new.created_at),
            descending: false,
        }),
    },
    TableColumn {
        title: "Old key",
        width: ColumnWidth::Flex { min: 16, max: 36, weight: 3 },
        yields: 0,
        cell: |rotation, _| Line::raw(rotation.old.name.as_str()),
        order: Some(ColumnSort {
            rank: |rotation, _| text_rank(&rotation.old.name),
            tie: |a, b| text_order(&a.old.name, &b.old.name),
            descending: false,
        }),
    },
    TableColumn {
        title: "Secret key",
        width: ColumnWidth::MaskedSecret,
        yields: 1,
        cell: |rotation, cells| {
            Line::styled(rotation.old.masked.as_str(), cells.theme.style(StyleRole::Muted))
        },
        order: None,
    },
    TableColumn {
        title: "Still used by",
        width: ColumnWidth::Flex { min: 18, max: 48, weight: 3 },
        yields: 2,
        cell: |rotation, cells| Line::raw(last_use(rotation, cells)),
        order: None,
    },
    TableColumn {
        title: "Next",
        width: ColumnWidth::Flex { min: 14, max: 30, weight: 2 },
        yields: 0,
        cell: |rotation, cells| {
            let now = cells.rules.now;
            let (next_step, role) = match rotation.phase_at(now) {
                Phase::Switch => ("enter new key".to_owned(), StyleRole::Accent),
                Phase::Drain => match rotation.ready_at {
                    Some(at) if at > now => {
                        (format!("{} to go", format_duration(at.since(now))), StyleRole::Plain)
                    }
                    _ => ("wait".to_owned(), StyleRole::Plain),
                },
                Phase::Ready => ("revoke old key".to_owned(), StyleRole::InUse),
                Phase::Done => {
                    (rotation.old.revoked_at.map_or(String::new(), |at| cells.time(at)), StyleRole::Muted)
                }
                Phase::Abandoned => ("start again".to_owned(), StyleRole::Stale),
            };
            Line::styled(next_step, cells.theme.style(role))
        },
        order: None,
    },
];

/// Returns the sort rank of a phase: phases that wait for the user come first, finished rotations last.
fn urgency(phase: Phase) -> u64 {
    match phase {
        Phase::Ready => 0,
        Phase::Switch => 1,
        Phase::Drain => 2,
        Phase::Abandoned => 3,
        Phase::Done => 4,
    }
}

/// Returns the old key's last client and use, such as `Grafana/11.4.0, 3 h ago`; empty if the key is revoked.
fn last_use(rotation: &Rotation, cells: &CellContext) -> String {
    let old = &rotation.old;
    match (old.last_used_at, &old.last_used_by) {
        _ if old.revoked_at.is_some() => String::new(),
        (None, _) => "never used".to_owned(),
        (Some(at), Some(by)) if !by.agent.is_empty() => {
            format!("{}, {}", by.agent, format_ago(at, cells.rules.now))
        }
        (Some(at), Some(by)) => format!("{}, {}", by.address, format_ago(at, cells.rules.now)),
        (Some(at), None) => format_ago(at, cells.rules.now),
    }
}
