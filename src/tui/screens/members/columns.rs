//! Columns of the members table.

use ratatui::text::Line;

use crate::domain::member::MemberStatus;
use crate::tui::table::{ColumnSort, ColumnWidth, TableColumn, text_order, text_rank, time_rank};
use crate::tui::theme;
use crate::wire::members::Member;

/// Columns of the members table, from left to right.
pub(in crate::tui::screens) const COLUMNS: &[TableColumn<Member>] = &[
    TableColumn {
        title: "Name",
        width: ColumnWidth::Flex { min: 14, max: 30, weight: 2 },
        yields: 0,
        cell: |member, cells| {
            let role = if member.status == MemberStatus::Removed {
                theme::StyleRole::Revoked
            } else {
                theme::StyleRole::Plain
            };
            Line::styled(member.name.as_str(), cells.theme.style(role))
        },
        order: Some(ColumnSort {
            rank: |member, _| text_rank(&member.name),
            tie: |a, b| text_order(&a.name, &b.name),
            descending: false,
        }),
    },
    TableColumn {
        title: "Email",
        width: ColumnWidth::Flex { min: 16, max: 36, weight: 2 },
        yields: 4,
        cell: |member, cells| Line::styled(member.email.as_str(), cells.theme.style(theme::StyleRole::Muted)),
        order: Some(ColumnSort {
            rank: |member, _| text_rank(&member.email),
            tie: |a, b| text_order(&a.email, &b.email),
            descending: false,
        }),
    },
    TableColumn {
        title: "Role",
        width: ColumnWidth::Fixed(8),
        yields: 0,
        cell: |member, _| Line::raw(member.role.word()),
        order: Some(ColumnSort { rank: |member, _| member.role as u64, tie: by_name, descending: false }),
    },
    TableColumn {
        title: "Status",
        width: ColumnWidth::Fixed(8),
        yields: 0,
        cell: |member, cells| {
            let role = match member.status {
                MemberStatus::Active => theme::StyleRole::Plain,
                MemberStatus::Invited => theme::StyleRole::Accent,
                MemberStatus::Removed => theme::StyleRole::Muted,
            };
            Line::styled(member.status.word(), cells.theme.style(role))
        },
        order: Some(ColumnSort { rank: |member, _| member.status as u64, tie: by_name, descending: false }),
    },
    TableColumn {
        title: "Personal",
        width: ColumnWidth::Fixed(8),
        yields: 2,
        cell: |member, _| Line::raw(format!("{:>8}", member.personal_keys)),
        order: Some(ColumnSort {
            rank: |member, _| count(member.personal_keys),
            tie: by_name,
            descending: true,
        }),
    },
    TableColumn {
        title: "Workspace",
        width: ColumnWidth::Fixed(9),
        yields: 1,
        cell: |member, cells| {
            let orphans = member.status == MemberStatus::Removed && member.organization_keys > 0;
            let role = if orphans { theme::StyleRole::Orphaned } else { theme::StyleRole::Plain };
            Line::styled(format!("{:>9}", member.organization_keys), cells.theme.style(role))
        },
        order: Some(ColumnSort {
            rank: |member, _| count(member.organization_keys),
            tie: by_name,
            descending: true,
        }),
    },
    TableColumn {
        title: "Last seen",
        width: ColumnWidth::Time,
        yields: 3,
        cell: |member, cells| Line::raw(member.last_seen_at.map_or("Never".to_owned(), |at| cells.time(at))),
        order: Some(ColumnSort {
            rank: |member, _| time_rank(member.last_seen_at),
            tie: by_name,
            descending: true,
        }),
    },
];

fn count(n: i64) -> u64 {
    u64::try_from(n).unwrap_or(0)
}

fn by_name(a: &Member, b: &Member) -> std::cmp::Ordering {
    text_order(&a.name, &b.name)
}
