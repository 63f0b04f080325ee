//! Columns of a table as values: title, width, cell content and sort order. A screen lists its columns in one slice.

use std::cmp::Ordering;
use std::collections::HashMap;

use ratatui::text::Line;

use crate::domain::id::Id;
use crate::domain::staleness::StalenessRules;
use crate::domain::time::{Timestamp, format_ago};
use crate::tui::theme::Theme;

/// Row that a table can list.
pub trait TableRow {
    /// Returns the id by which the row is selected and marked, wherever it is in the table.
    fn id(&self) -> Id;
}

/// What the cells of a table depend on besides the row.
#[derive(Clone, Copy, Debug)]
pub struct CellContext<'a> {
    pub theme: Theme,
    /// Staleness policy and current server time.
    pub rules: StalenessRules,
    /// Whether exact dates and times are shown instead of ages.
    pub exact: bool,
    /// Number of uses per day for each key whose counts are loaded, oldest day first.
    pub daily: Option<&'a HashMap<Id, Vec<Option<i64>>>>,
}

impl CellContext<'_> {
    /// Formats a time as an age, or as a date and time if exact times are on.
    pub fn time(&self, at: Timestamp) -> String {
        if self.exact { at.format_minute() } else { format_ago(at, self.rules.now) }
    }
}

/// Width of a table column, in terminal columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnWidth {
    /// The same width in every window.
    Fixed(u16),
    /// Width of a masked secret, `sk_…5G08`.
    MaskedSecret,
    /// Width of an age, or of a date and time if exact times are on.
    Time,
    /// At least `min`. Free space is divided among the flexible columns by `weight`, up to `max` for each.
    Flex {
        /// Width below which the column is hidden.
        min: u16,
        /// Width beyond which the column does not grow.
        max: u16,
        /// Relative share of the free space.
        weight: u16,
    },
}

/// Table column: title, width, content and sort order in one value.
pub struct TableColumn<R: 'static> {
    /// Title in the header and in the sort menu.
    pub title: &'static str,
    pub width: ColumnWidth,
    /// Order in which columns are hidden in a narrow window: the highest value first, 0 never.
    pub yields: u8,
    /// Returns the cell of a row.
    pub cell: for<'a> fn(&'a R, &CellContext<'_>) -> Line<'a>,
    /// Sort order; `None` if the table cannot be sorted by this column.
    pub order: Option<ColumnSort<R>>,
}

/// How a table is sorted by a column.
pub struct ColumnSort<R: 'static> {
    /// Returns a number that decides most comparisons quickly; lower numbers come first.
    pub rank: fn(&R, &StalenessRules) -> u64,
    /// Compares rows of equal rank.
    pub tie: fn(&R, &R) -> Ordering,
    /// Whether the largest value comes first when the user chooses the column.
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

/// Returns the sort rank of a time; `None` sorts before every time.
pub fn time_rank(at: Option<Timestamp>) -> u64 {
    at.map_or(0, |at| u64::try_from(at.0).unwrap_or(0).saturating_add(1))
}
