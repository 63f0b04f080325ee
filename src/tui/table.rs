//! A table of any rows: columns as values, sort, filter, selection by id, marks; only the visible rows are ever formatted.

use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};

use ratatui::text::Line;

use super::theme::Theme;
use crate::domain::id::Id;
use crate::domain::staleness::StalenessRules;
use crate::domain::time::Timestamp;

mod draw;
mod motion;

pub use draw::{draw_gutter, draw_line, draw_table, highlight_cell, shows_column};

/// What a table can show.
pub trait TableRow {
    /// What the row is, whatever its place.
    fn id(&self) -> Id;
}

/// What a cell's look depends on besides its row.
#[derive(Clone, Copy, Debug)]
pub struct CellContext<'a> {
    /// The look.
    pub theme: Theme,
    /// The server's present, and the policy.
    pub rules: StalenessRules,
    /// Whether times are shown exactly.
    pub exact: bool,
    /// Uses a day of the keys of which that is known.
    pub daily: Option<&'a HashMap<Id, Vec<Option<i64>>>>,
}

/// How wide a column is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnWidth {
    /// Always this many columns of the terminal.
    Fixed(u16),
    /// A key's mask, `sk_…5G08`.
    MaskedSecret,
    /// A time: as wide as the relative or the exact form needs.
    Time,
    /// From `min` to `max`; what is left over goes to such columns by their `weight`.
    Flex {
        /// At least.
        min: u16,
        /// At most.
        max: u16,
        /// Share of what is left over.
        weight: u16,
    },
}

/// A column, as one value.
pub struct TableColumn<R: 'static> {
    /// The title.
    pub title: &'static str,
    /// How wide it is.
    pub width: ColumnWidth,
    /// When it gives way to others: the highest first, 0 never.
    pub yields: u8,
    /// What stands in it.
    pub cell: for<'a> fn(&'a R, &CellContext<'_>) -> Line<'a>,
    /// How it is sorted; nothing where it cannot be.
    pub order: Option<ColumnSort<R>>,
}

/// How a column is sorted.
pub struct ColumnSort<R: 'static> {
    /// A number that decides most comparisons at once.
    pub rank: fn(&R, &StalenessRules) -> u64,
    /// Decides between rows of the same rank.
    pub tie: fn(&R, &R) -> Ordering,
    /// Whether the largest comes first when the column is chosen.
    pub descending: bool,
}

/// Rank of a text: its first eight bytes in lower case.
pub fn text_rank(text: &str) -> u64 {
    let mut bytes = [0; 8];
    for (to, from) in bytes.iter_mut().zip(text.bytes()) {
        *to = from.to_ascii_lowercase();
    }
    u64::from_be_bytes(bytes)
}

/// Order of two texts whatever the case.
pub fn text_order(a: &str, b: &str) -> Ordering {
    a.bytes().map(|c| c.to_ascii_lowercase()).cmp(b.bytes().map(|c| c.to_ascii_lowercase()))
}

/// Rank of a moment; nothing comes before all moments.
pub fn time_rank(at: Option<Timestamp>) -> u64 {
    at.map_or(0, |at| u64::try_from(at.0).unwrap_or(0).saturating_add(1))
}

/// Where the table stands: order, filter result, selection, marks. The rows themselves live elsewhere.
#[derive(Debug)]
pub struct Table {
    /// Which column sorts.
    pub sort_column: usize,
    /// Whether the largest comes first.
    pub descending: bool,
    /// The marked rows.
    pub marks: HashSet<Id>,
    order: Vec<u32>,
    shown: Vec<u32>,
    selected: Option<Id>,
    at: usize,
    top: usize,
    page: usize,
    generation: u64,
}

impl Table {
    /// An empty table sorted by this column.
    pub fn new(column: usize, descending: bool) -> Self {
        Self {
            sort_column: column,
            descending,
            marks: HashSet::new(),
            order: Vec::new(),
            shown: Vec::new(),
            selected: None,
            at: 0,
            top: 0,
            page: 1,
            generation: 0,
        }
    }

    /// The rows that pass the filter, in their order.
    pub fn shown_rows(&self) -> &[u32] {
        &self.shown
    }

    /// Where the selected row stands among those shown, from 0.
    pub fn selected_index(&self) -> usize {
        self.at
    }

    /// The first visible row among those shown.
    pub fn first_visible(&self) -> usize {
        self.top
    }

    /// Changes whenever other rows, or rows in another order, are shown.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// The id of the selected row.
    pub fn selected_id(&self) -> Option<Id> {
        self.selected.filter(|_| !self.shown.is_empty())
    }

    /// The visible rows.
    pub fn visible_rows(&self) -> &[u32] {
        let end = (self.top + self.page).min(self.shown.len());
        self.shown.get(self.top..end).unwrap_or(&[])
    }

    /// Sorts by another column, or the other way round where it is the same.
    pub fn sort_by<R: TableRow>(&mut self, column: usize, columns: &[TableColumn<R>]) {
        if column == self.sort_column {
            self.descending = !self.descending;
        } else if let Some(order) = columns.get(column).and_then(|c| c.order.as_ref()) {
            (self.sort_column, self.descending) = (column, order.descending);
        }
    }

    /// Sorts and filters all rows anew.
    pub fn rebuild<R: TableRow>(
        &mut self,
        rows: &[R],
        columns: &[TableColumn<R>],
        rules: &StalenessRules,
        keep: &dyn Fn(&R) -> bool,
    ) {
        self.order = (0..u32::try_from(rows.len()).unwrap_or(u32::MAX)).collect();
        self.sort(rows, columns, rules);
        self.refilter(rows, keep);
    }

    fn sort<R: TableRow>(&mut self, rows: &[R], columns: &[TableColumn<R>], rules: &StalenessRules) {
        let Some(order) = columns.get(self.sort_column).and_then(|c| c.order.as_ref()) else { return };
        let mut ranked: Vec<(u64, u32)> =
            self.order.iter().map(|&row| ((order.rank)(&rows[row as usize], rules), row)).collect();
        ranked.sort_unstable_by(|a, b| {
            let by =
                a.0.cmp(&b.0).then_with(|| compare_ties(order, &rows[a.1 as usize], &rows[b.1 as usize]));
            if self.descending { by.reverse() } else { by }
        });
        self.order.clear();
        self.order.extend(ranked.into_iter().map(|(_, row)| row));
    }

    /// Sorts all rows anew, after [`Self::sort_by`].
    pub fn resort<R: TableRow>(
        &mut self,
        rows: &[R],
        columns: &[TableColumn<R>],
        rules: &StalenessRules,
        keep: &dyn Fn(&R) -> bool,
    ) {
        self.sort(rows, columns, rules);
        self.refilter(rows, keep);
    }

    /// Filters all rows anew.
    pub fn refilter<R: TableRow>(&mut self, rows: &[R], keep: &dyn Fn(&R) -> bool) {
        self.shown.clear();
        self.shown.extend(self.order.iter().copied().filter(|&row| keep(&rows[row as usize])));
        self.reselect(rows);
    }

    /// Takes rows that are new or changed, without touching the order of the others.
    pub fn merge<R: TableRow>(
        &mut self,
        rows: &[R],
        changed: &[u32],
        columns: &[TableColumn<R>],
        rules: &StalenessRules,
        keep: &dyn Fn(&R) -> bool,
    ) {
        if changed.is_empty() {
            return;
        }
        let Some(order) = columns.get(self.sort_column).and_then(|c| c.order.as_ref()) else {
            return self.rebuild(rows, columns, rules, keep);
        };
        let descending = self.descending;
        let compare = |a: u32, b: u32| {
            let (a, b) = (&rows[a as usize], &rows[b as usize]);
            let by =
                (order.rank)(a, rules).cmp(&(order.rank)(b, rules)).then_with(|| compare_ties(order, a, b));
            if descending { by.reverse() } else { by }
        };
        let known: HashSet<u32> =
            changed.iter().copied().filter(|&row| (row as usize) < self.order.len()).collect();
        let mut fresh = changed.to_vec();
        fresh.sort_unstable_by(|&a, &b| compare(a, b));
        merge_sorted(&mut self.order, &known, &fresh, compare);
        fresh.retain(|&row| keep(&rows[row as usize]));
        merge_sorted(&mut self.shown, &known, &fresh, compare);
        self.reselect(rows);
    }

    /// Finds the selected row again; where it is gone, the row at its place is selected.
    fn reselect<R: TableRow>(&mut self, rows: &[R]) {
        self.generation += 1;
        let id_at = |at: usize| self.shown.get(at).map(|&row| rows[row as usize].id());
        let stays = self.selected.is_some() && id_at(self.at) == self.selected;
        if !stays {
            let found =
                self.selected.and_then(|id| self.shown.iter().position(|&row| rows[row as usize].id() == id));
            self.at = found.unwrap_or(self.at.min(self.shown.len().saturating_sub(1)));
        }
        // Before anything was chosen, the first row stays selected while others arrive.
        self.selected = self.shown.get(self.at).map(|&row| rows[row as usize].id()).or(self.selected);
        self.scroll_to_selection(self.page);
    }
}

fn compare_ties<R: TableRow>(order: &ColumnSort<R>, a: &R, b: &R) -> Ordering {
    (order.tie)(a, b).then_with(|| a.id().cmp(&b.id()))
}

/// Takes `gone` out of a sorted list and puts the sorted `fresh` in.
fn merge_sorted(list: &mut Vec<u32>, gone: &HashSet<u32>, fresh: &[u32], by: impl Fn(u32, u32) -> Ordering) {
    if !gone.is_empty() {
        list.retain(|row| !gone.contains(row));
    }
    let (Some(&first), Some(&end)) = (fresh.first(), list.last()) else {
        list.extend_from_slice(fresh);
        return;
    };
    if by(end, first).is_lt() {
        list.extend_from_slice(fresh);
        return;
    }
    let mut merged = Vec::with_capacity(list.len() + fresh.len());
    let mut from = 0;
    for &new in fresh {
        let to = from + list[from..].partition_point(|&other| by(other, new).is_lt());
        merged.extend_from_slice(&list[from..to]);
        merged.push(new);
        from = to;
    }
    merged.extend_from_slice(&list[from..]);
    *list = merged;
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::staleness::tests::NOW;
    use crate::tui::keymap::Action;

    #[derive(Clone)]
    struct One(Id, u64);

    impl TableRow for One {
        fn id(&self) -> Id {
            self.0
        }
    }

    const COLUMNS: &[TableColumn<One>] = &[TableColumn {
        title: "n",
        width: ColumnWidth::Fixed(4),
        yields: 0,
        cell: |_, _| Line::raw("n"),
        order: Some(ColumnSort { rank: |one, _| one.1, tie: |_, _| Ordering::Equal, descending: false }),
    }];

    fn rules() -> StalenessRules {
        StalenessRules { policy: crate::domain::policy::Policy::default(), now: NOW, tracking_since: NOW }
    }

    fn one(n: u16, value: u64) -> One {
        let mut random = [0; 10];
        random[..2].copy_from_slice(&n.to_be_bytes());
        One(Id::new(NOW, random), value)
    }

    proptest! {
        #[test]
        fn rows_that_arrive_bit_by_bit_stand_as_if_sorted_at_once(
            first in prop::collection::vec(0u64..20, 0..40),
            later in prop::collection::vec((0usize..80, 0u64..20), 0..60),
            descending in any::<bool>(),
        ) {
            let keep = |one: &One| !one.1.is_multiple_of(3);
            let mut rows: Vec<One> = Vec::new();
            let mut table = Table::new(0, descending);
            for value in first {
                rows.push(one(u16::try_from(rows.len()).unwrap(), value));
            }
            table.rebuild(&rows, COLUMNS, &rules(), &keep);
            for chunk in later.chunks(7) {
                let mut changed: Vec<u32> = Vec::new();
                for &(at, value) in chunk {
                    let at = at.min(rows.len());
                    if at == rows.len() {
                        rows.push(one(u16::try_from(at).unwrap(), value));
                    } else {
                        rows[at].1 = value;
                    }
                    let row = u32::try_from(at).unwrap();
                    if !changed.contains(&row) {
                        changed.push(row);
                    }
                }
                let selected = table.selected_id();
                table.merge(&rows, &changed, COLUMNS, &rules(), &keep);
                let mut whole = Table::new(0, descending);
                whole.rebuild(&rows, COLUMNS, &rules(), &keep);
                prop_assert_eq!(table.shown_rows(), whole.shown_rows());
                if let Some(id) = selected.filter(|id| table.shown_rows().iter().any(|&r| rows[r as usize].0 == *id)) {
                    prop_assert_eq!(table.selected_id(), Some(id));
                }
            }
        }

        #[test]
        fn the_selected_row_is_visible_after_every_move(
            moves in prop::collection::vec((0usize..10, 1usize..30), 1..40), count in 0u16..60,
        ) {
            let rows: Vec<One> = (0..count).map(|n| one(n, u64::from(n))).collect();
            let mut table = Table::new(0, false);
            table.rebuild(&rows, COLUMNS, &rules(), &|_| true);
            let actions = [
                Action::Down, Action::Up, Action::Top,
                Action::Bottom, Action::PageDown,
                Action::PageUp, Action::HalfDown,
                Action::HalfUp, Action::Mark, Action::MarkAll,
            ];
            for (action, page) in moves {
                table.scroll_to_selection(page);
                table.apply_action(&rows, actions[action]);
                let visible = table.visible_rows();
                prop_assert!(visible.len() <= page);
                prop_assert_eq!(count == 0, visible.is_empty());
                if let Some(id) = table.selected_id() {
                    prop_assert!(visible.iter().any(|&row| rows[row as usize].0 == id));
                }
            }
        }
    }
}
