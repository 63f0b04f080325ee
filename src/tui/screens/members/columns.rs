//! The columns of the members.

use ratatui::text::Line;

use crate::domain::member::Status;
use crate::tui::screens::keys::time;
use crate::tui::table::{Column, Order, Width, text_order, text_rank, time_rank};
use crate::tui::theme;
use crate::wire::members::Member;

/// The columns.
pub(in crate::tui::screens) const COLUMNS: &[Column<Member>] = &[
    Column {
        title: "Name",
        width: Width::Flex { min: 14, max: 30, weight: 2 },
        yields: 0,
        cell: |member, look| {
            let role =
                if member.status == Status::Removed { theme::Role::Revoked } else { theme::Role::Plain };
            Line::styled(member.name.as_str(), look.theme.style(role))
        },
        order: Some(Order {
            rank: |member, _| text_rank(&member.name),
            tie: |a, b| text_order(&a.name, &b.name),
            descending: false,
        }),
    },
    Column {
        title: "Email",
        width: Width::Flex { min: 16, max: 36, weight: 2 },
        yields: 4,
        cell: |member, look| Line::styled(member.email.as_str(), look.theme.style(theme::Role::Muted)),
        order: Some(Order {
            rank: |member, _| text_rank(&member.email),
            tie: |a, b| text_order(&a.email, &b.email),
            descending: false,
        }),
    },
    Column {
        title: "Role",
        width: Width::Fixed(8),
        yields: 0,
        cell: |member, _| Line::raw(member.role.word()),
        order: Some(Order { rank: |member, _| member.role as u64, tie: by_name, descending: false }),
    },
    Column {
        title: "Status",
        width: Width::Fixed(8),
        yields: 0,
        cell: |member, look| {
            let role = match member.status {
                Status::Active => theme::Role::Plain,
                Status::Invited => theme::Role::Accent,
                Status::Removed => theme::Role::Muted,
            };
            Line::styled(member.status.word(), look.theme.style(role))
        },
        order: Some(Order { rank: |member, _| member.status as u64, tie: by_name, descending: false }),
    },
    Column {
        title: "Personal",
        width: Width::Fixed(8),
        yields: 2,
        cell: |member, _| Line::raw(format!("{:>8}", member.personal_keys)),
        order: Some(Order { rank: |member, _| count(member.personal_keys), tie: by_name, descending: true }),
    },
    Column {
        title: "Workspace",
        width: Width::Fixed(9),
        yields: 1,
        cell: |member, look| {
            let orphans = member.status == Status::Removed && member.organization_keys > 0;
            let role = if orphans { theme::Role::Orphaned } else { theme::Role::Plain };
            Line::styled(format!("{:>9}", member.organization_keys), look.theme.style(role))
        },
        order: Some(Order {
            rank: |member, _| count(member.organization_keys),
            tie: by_name,
            descending: true,
        }),
    },
    Column {
        title: "Last seen",
        width: Width::Time,
        yields: 3,
        cell: |member, look| Line::raw(member.last_seen_at.map_or("Never".to_owned(), |at| time(at, look))),
        order: Some(Order {
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
