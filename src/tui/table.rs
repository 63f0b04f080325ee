//! Table widget for any kind of row: columns as values, sorting, filtering, selection by id, and marks.
//!
//! Start at [`Table`] (which rows are shown, in which order) and [`draw_table`]. The rows themselves belong to the screens, and
//! only the visible ones are formatted. Hand-made, because ratatui's `Table` wants every row as a widget on every frame: for a list
//! of 100,000 keys that would take longer than a key press may.

use std::cmp::Ordering;
use std::collections::HashSet;

use crate::domain::id::Id;
use crate::domain::staleness::StalenessRules;

mod columns;
mod draw;
mod motion;

pub use columns::{
    CellContext, ColumnSort, ColumnWidth, TableColumn, TableRow, text_order, text_rank, time_rank,
};
pub use draw::{draw_gutter, draw_table, highlight_cell, shows_column};

/// Sort order, filtered rows, selection, marks and scroll position of a table. Rows are referred to by their index in a list
/// that the screen owns.
#[derive(Debug)]
pub struct Table {
    /// Index of the column that the table is sorted by.
    pub sort_column: usize,
    /// Whether the largest value comes first.
    pub descending: bool,
    /// Ids of the marked rows, including rows that the filter hides.
    pub marks: HashSet<Id>,
    /// Indices of all rows, in sort order.
    order: Vec<u32>,
    /// Indices of the rows that pass the filter, in sort order.
    shown: Vec<u32>,
    /// Id of the selected row. Kept while the filter hides every row, so that the row is selected when it reappears.
    selected: Option<Id>,
    /// Position of the selected row in `shown`.
    at: usize,
    /// Position of the topmost visible row in `shown`.
    top: usize,
    /// Number of rows that fit on the screen.
    page: usize,
    generation: u64,
}

impl Table {
    /// Creates an empty table that is sorted by the column with index `column`.
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

    /// Returns the indices of the rows that pass the filter, in sort order.
    pub fn shown_rows(&self) -> &[u32] {
        &self.shown
    }

    /// Returns the zero-based position of the selected row among the shown rows.
    pub fn selected_index(&self) -> usize {
        self.at
    }

    /// Returns the zero-based index, among the rows that pass the filter, of the row at the top of the viewport.
    pub fn first_visible(&self) -> usize {
        self.top
    }

    /// Returns a number that changes whenever the shown rows or their order change.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// Returns the id of the selected row, or `None` if no rows are shown.
    pub fn selected_id(&self) -> Option<Id> {
        self.selected.filter(|_| !self.shown.is_empty())
    }

    /// Returns the indices of the rows that are visible at the current scroll position.
    pub fn visible_rows(&self) -> &[u32] {
        let end = (self.top + self.page).min(self.shown.len());
        self.shown.get(self.top..end).unwrap_or(&[])
    }

    /// Sets the column to sort by, or reverses the order if the table is already sorted by it. Call [`Self::resort`]
    /// afterwards.
    pub fn sort_by<R: TableRow>(&mut self, column: usize, columns: &[TableColumn<R>]) {
        if column == self.sort_column {
            self.descending = !self.descending;
        } else if let Some(order) = columns.get(column).and_then(|c| c.order.as_ref()) {
            (self.sort_column, self.descending) = (column, order.descending);
        }
    }

    /// Sorts and filters a new list of rows.
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

    /// Sorts all rows after [`Self::sort_by`] changed the order.
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

    /// Filters all rows after the filter changed.
    pub fn refilter<R: TableRow>(&mut self, rows: &[R], keep: &dyn Fn(&R) -> bool) {
        self.shown.clear();
        self.shown.extend(self.order.iter().copied().filter(|&row| keep(&rows[row as usize])));
        self.reselect(rows);
    }

    /// Step 6 of "From a database row to a table cell": inserts new and changed rows into the sorted rows, without sorting the
    /// unchanged rows.
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

    /// Finds the selected row after rows have moved. If it is gone, selects the row that took its position.
    fn reselect<R: TableRow>(&mut self, rows: &[R]) {
        self.generation += 1;
        let id_at = |at: usize| self.shown.get(at).map(|&row| rows[row as usize].id());
        let stays = self.selected.is_some() && id_at(self.at) == self.selected;
        if !stays {
            let found =
                self.selected.and_then(|id| self.shown.iter().position(|&row| rows[row as usize].id() == id));
            self.at = found.unwrap_or(self.at.min(self.shown.len().saturating_sub(1)));
        }
        // Until the user selects a row, the first one stays selected while more rows arrive.
        self.selected = self.shown.get(self.at).map(|&row| rows[row as usize].id()).or(self.selected);
        self.scroll_to_selection(self.page);
    }
}

fn compare_ties<R: TableRow>(order: &ColumnSort<R>, a: &R, b: &R) -> Ordering {
    (order.tie)(a, b).then_with(|| a.id().cmp(&b.id()))
}

/// Removes the rows `gone` from a sorted list and merges the sorted rows `fresh` into it.
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

    use ratatui::text::Line;

    use super::*;
    use crate::domain::staleness::tests::NOW;
    use crate::tui::keymap::Action;

    #[derive(Clone)]
    struct TestRow(Id, u64);

    impl TableRow for TestRow {
        fn id(&self) -> Id {
            self.0
        }
    }

    const COLUMNS: &[TableColumn<TestRow>] = &[TableColumn {
        title: "n",
        width: ColumnWidth::Fixed(4),
        yields: 0,
        cell: |_, _| Line::raw("n"),
        order: Some(ColumnSort { rank: |one, _| one.1, tie: |_, _| Ordering::Equal, descending: false }),
    }];

    fn rules() -> StalenessRules {
        StalenessRules { policy: crate::domain::policy::Policy::default(), now: NOW, tracking_since: NOW }
    }

    fn test_row(n: u16, value: u64) -> TestRow {
        let mut random = [0; 10];
        random[..2].copy_from_slice(&n.to_be_bytes());
        TestRow(Id::new(NOW, random), value)
    }

    proptest! {
        #[test]
        fn rows_merged_in_chunks_are_ordered_as_if_sorted_at_once(
            first in prop::collection::vec(0u64..20, 0..40),
            later in prop::collection::vec((0usize..80, 0u64..20), 0..60),
            descending in any::<bool>(),
        ) {
            let keep = |one: &TestRow| !one.1.is_multiple_of(3);
            let mut rows: Vec<TestRow> = Vec::new();
            let mut table = Table::new(0, descending);
            for value in first {
                rows.push(test_row(u16::try_from(rows.len()).unwrap(), value));
            }
            table.rebuild(&rows, COLUMNS, &rules(), &keep);
            for chunk in later.chunks(7) {
                let mut changed: Vec<u32> = Vec::new();
                for &(at, value) in chunk {
                    let at = at.min(rows.len());
                    if at == rows.len() {
                        rows.push(test_row(u16::try_from(at).unwrap(), value));
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
            let rows: Vec<TestRow> = (0..count).map(|n| test_row(n, u64::from(n))).collect();
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
