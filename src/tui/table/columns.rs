//! Columns of a table as values: title, width, cell content and sort order. A screen lists its columns in one slice.

use std::cmp::Ordering;
use std::collections::HashMap;

use ratatui::text::Line;

use crate::domain::id::Id;
use crate::domain::staleness::StalenessRules;
use crate::domain::time::{Timestamp, format_ago};
use crate::tui::theme::Theme;

/// Row that a table can show.
pub trait TableRow {
    /// Returns the id that identifies the row wherever it is in the table.
    fn id(&self) -> Id;
}

/// Everything besides the row that the content of a cell depends on.
#[derive(Clone, Copy, Debug)]
pub struct CellContext<'a> {
    /// Theme of the UI.
    pub theme: Theme,
    /// Policy and current server time, for staleness and relative times.
    pub rules: StalenessRules,
    /// Shows dates and times instead of ages.
    pub exact: bool,
    /// Daily use counts of the keys for which they are loaded, oldest first.
    pub daily: Option<&'a HashMap<Id, Vec<Option<i64>>>>,
}

impl CellContext<'_> {
    /// Formats a time for a cell: as an age, or as date and time if exact times are on.
    pub fn time(&self, at: Timestamp) -> String {
        if self.exact { at.format_minute() } else { format_ago(at, self.rules.now) }
    }
}

/// Width of a column, in columns of the terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnWidth {
    /// Always this width.
    Fixed(u16),
    /// Width of a masked secret, `sk_…5G08`.
    MaskedSecret,
    /// Width of a time, which depends on whether exact times are shown.
    Time,
    /// At least `min`; remaining width is shared among such columns by `weight`, up to `max` each.
    Flex {
        /// Least width.
        min: u16,
        /// Greatest width.
        max: u16,
        /// Columns received per round of sharing.
        weight: u16,
    },
}

/// Column of a table: title, width, content and sort order in one value.
pub struct TableColumn<R: 'static> {
    /// Title in the table's header, and in the sort menu.
    pub title: &'static str,
    /// Width, or how it is computed.
    pub width: ColumnWidth,
    /// Rank for hiding columns in a narrow window: the highest rank is hidden first, 0 never.
    pub yields: u8,
    /// Formats the cell of a row.
    pub cell: for<'a> fn(&'a R, &CellContext<'_>) -> Line<'a>,
    /// Sort order; `None` if the table cannot be sorted by this column.
    pub order: Option<ColumnSort<R>>,
}

/// Sort order of a column.
pub struct ColumnSort<R: 'static> {
    /// Number that decides most comparisons quickly; lower ranks come first.
    pub rank: fn(&R, &StalenessRules) -> u64,
    /// Compares rows of equal rank.
    pub tie: fn(&R, &R) -> Ordering,
    /// Sorts the largest first when the column is chosen.
    pub descending: bool,
}

/// Returns the sort rank of a text: its first eight bytes in lower case.
pub fn text_rank(text: &str) -> u64 {
    let mut bytes = [0; 8];
    for (to, from) in bytes.iter_mut().zip(text.bytes()) {
        *to = from.to_ascii_lowercase();
    }
    u64::from_be_bytes(bytes)
}

/// Compares two texts, ignoring ASCII case.
pub fn text_order(a: &str, b: &str) -> Ordering {
    a.bytes().map(|c| c.to_ascii_lowercase()).cmp(b.bytes().map(|c| c.to_ascii_lowercase()))
}

/// Returns the sort rank of a time; `None` sorts before all times.
pub fn time_rank(at: Option<Timestamp>) -> u64 {
    at.map_or(0, |at| u64::try_from(at.0).unwrap_or(0).saturating_add(1))
}
