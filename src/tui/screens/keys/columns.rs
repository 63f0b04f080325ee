//! Columns of the tables of personal and organization keys.

use std::cmp::Ordering;

use ratatui::text::{Line, Span};

use crate::domain::key::{Key, KeyKind};
use crate::domain::member::MemberStatus;
use crate::domain::staleness::Flag;
use crate::tui::chart::format_sparkline;
use crate::tui::table::{
    CellContext, ColumnSort, ColumnWidth, TableColumn, text_order, text_rank, time_rank,
};
use crate::tui::theme::{StyleRole, ThemeSymbol};

pub(super) const PERSONAL: &[TableColumn<Key>] =
    &[SYMBOLS, NAME, MASKED_SECRET, LAST_USED, DAILY_USAGE, CREATED, FLAGS];
pub(super) const WORKSPACE: &[TableColumn<Key>] =
    &[SYMBOLS, NAME, MASKED_SECRET, LAST_USED, DAILY_USAGE, CREATED, CREATED_BY, FLAGS];

/// Returns the index of the Created column, by which the table is initially sorted.
pub(super) fn created_column(kind: KeyKind) -> usize {
    let columns = match kind {
        KeyKind::Personal => PERSONAL,
        KeyKind::Organization => WORKSPACE,
    };
    columns.iter().position(|c| c.title == CREATED.title).expect("both tables have it")
}

const SYMBOLS: TableColumn<Key> =
    TableColumn { title: "", width: ColumnWidth::Fixed(2), yields: 0, cell: symbols_cell, order: None };
const NAME: TableColumn<Key> = TableColumn {
    title: "Name",
    width: ColumnWidth::Flex { min: 20, max: 56, weight: 4 },
    yields: 0,
    cell: name_cell,
    order: Some(ColumnSort {
        rank: |key, _| text_rank(&key.name),
        tie: |a, b| text_order(&a.name, &b.name),
        descending: false,
    }),
};
const MASKED_SECRET: TableColumn<Key> = TableColumn {
    title: "Secret key",
    width: ColumnWidth::MaskedSecret,
    yields: 0,
    cell: masked_secret_cell,
    order: Some(ColumnSort {
        rank: |key, _| text_rank(key.last_four()),
        tie: |a, b| text_order(&a.masked, &b.masked),
        descending: false,
    }),
};
const LAST_USED: TableColumn<Key> = TableColumn {
    title: "Last used",
    width: ColumnWidth::Time,
    yields: 1,
    cell: last_used_cell,
    order: Some(ColumnSort { rank: |key, _| time_rank(key.last_used_at), tie: by_age, descending: true }),
};
const CREATED: TableColumn<Key> = TableColumn {
    title: "Created",
    width: ColumnWidth::Time,
    yields: 2,
    cell: |key, cells| Line::raw(cells.time(key.created_at)),
    order: Some(ColumnSort { rank: |key, _| time_rank(Some(key.created_at)), tie: by_age, descending: true }),
};
/// Title of the sparkline column.
pub(super) const USAGE_TITLE: &str = "30 days";
const DAILY_USAGE: TableColumn<Key> = TableColumn {
    title: USAGE_TITLE,
    width: ColumnWidth::Fixed(15),
    yields: 5,
    cell: usage_cell,
    order: None,
};
const FLAGS: TableColumn<Key> = TableColumn {
    title: "Flags",
    width: ColumnWidth::Flex { min: 12, max: 32, weight: 2 },
    yields: 3,
    cell: flags_cell,
    order: Some(ColumnSort {
        // Most urgent first, as in the review.
        rank: |key, rules| rules.risk(key).map_or(0, |risk| 10 - risk as u64),
        tie: by_age,
        descending: true,
    }),
};
const CREATED_BY: TableColumn<Key> = TableColumn {
    title: "Created by",
    width: ColumnWidth::Flex { min: 14, max: 24, weight: 2 },
    yields: 4,
    cell: creator_cell,
    order: Some(ColumnSort {
        rank: |key, _| text_rank(&key.created_by.name),
        tie: |a, b| text_order(&a.created_by.name, &b.created_by.name),
        descending: false,
    }),
};

fn by_age(a: &Key, b: &Key) -> Ordering {
    a.created_at.cmp(&b.created_at)
}

/// Returns the symbols of a key that is in use, stale or orphaned. Unlike the names of the flags, they are visible at every
/// window width.
fn symbols_cell<'a>(key: &'a Key, cells: &CellContext<'_>) -> Line<'a> {
    let theme = cells.theme;
    let flags = cells.rules.flags(key);
    let symbol = |symbol, role| Span::styled(theme.symbol(symbol), theme.style(role));
    let use_symbol = if key.revoked_at.is_some() {
        Span::raw(" ")
    } else if key.is_in_use(cells.rules.now) {
        symbol(ThemeSymbol::InUse, StyleRole::InUse)
    } else if flags.has(Flag::NeverUsed) || flags.has(Flag::Unused) {
        symbol(ThemeSymbol::Stale, StyleRole::Stale)
    } else {
        Span::raw(" ")
    };
    let mut symbols = Line::from(use_symbol);
    if flags.has(Flag::Orphaned) {
        symbols.push_span(symbol(ThemeSymbol::Orphaned, StyleRole::Orphaned));
    }
    symbols
}

fn name_cell<'a>(key: &'a Key, cells: &CellContext<'_>) -> Line<'a> {
    let role = if key.revoked_at.is_some() { StyleRole::Revoked } else { StyleRole::Plain };
    Line::styled(key.name.as_str(), cells.theme.style(role))
}

fn masked_secret_cell<'a>(key: &'a Key, cells: &CellContext<'_>) -> Line<'a> {
    Line::styled(key.masked.as_str(), cells.theme.style(StyleRole::Muted))
}

fn usage_cell<'a>(key: &'a Key, cells: &CellContext<'_>) -> Line<'a> {
    let counts = cells.daily.and_then(|daily| daily.get(&key.id));
    let shown = counts.map(|counts| format_sparkline(counts, 15, cells.theme.ascii)).unwrap_or_default();
    Line::styled(shown, cells.theme.style(StyleRole::Bar))
}

fn last_used_cell<'a>(key: &'a Key, cells: &CellContext<'_>) -> Line<'a> {
    let theme = cells.theme;
    let flags = cells.rules.flags(key);
    let is_stale = flags.has(Flag::NeverUsed) || flags.has(Flag::Unused);
    let role = if is_stale { StyleRole::Stale } else { StyleRole::Plain };
    match key.last_used_at {
        Some(at) => Line::styled(cells.time(at), theme.style(role)),
        None => Line::styled("Never", theme.style(role)),
    }
}

/// Returns the creator's name, with the status of a creator who is not an active member.
fn creator_cell<'a>(key: &'a Key, cells: &CellContext<'_>) -> Line<'a> {
    let by = &key.created_by;
    match by.status {
        MemberStatus::Active => Line::raw(by.name.as_str()),
        MemberStatus::Invited | MemberStatus::Removed => {
            let style = cells.theme.style(StyleRole::Muted);
            Line::from(vec![
                Span::styled(by.name.as_str(), style),
                Span::styled(format!(" ({})", by.status), style),
            ])
        }
    }
}

/// Returns the names of the key's flags, or the time at which it was revoked.
fn flags_cell<'a>(key: &'a Key, cells: &CellContext<'_>) -> Line<'a> {
    let theme = cells.theme;
    if let Some(at) = key.revoked_at {
        return Line::styled(format!("revoked {}", cells.time(at)), theme.style(StyleRole::Muted));
    }
    let mut spans: Vec<Span<'a>> = Vec::new();
    for flag in cells.rules.flags(key).iter() {
        if !spans.is_empty() {
            spans.push(Span::raw(", "));
        }
        let role = if flag == Flag::Orphaned { StyleRole::Orphaned } else { StyleRole::Stale };
        spans.push(Span::styled(flag.label(), theme.style(role)));
    }
    if key.replaced_by.is_some() {
        let text = if spans.is_empty() { "being replaced" } else { ", being replaced" };
        spans.push(Span::styled(text, theme.style(StyleRole::Muted)));
    }
    Line::from(spans)
}
