//! A table with its filter line: what the tables of all tabs have in common.

use crokey::KeyCombination;

use super::filter_line::FilterLine;
use super::keymap::Action;
use super::table::{Table, TableRow};
use crate::domain::filter::FieldTest;
use crate::domain::id::Id;

/// Position in a table, as shown in the footer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TablePosition {
    /// One-based number of the selected row; 0 if no row is shown.
    pub selected: usize,
    /// Number of rows that pass the filter.
    pub shown: usize,
    pub is_filtered: bool,
    /// Number of marked rows.
    pub marked: usize,
}

/// Order, selection, marks and filter of a table. Its rows are stored in the [`Context`](super::context::Context).
#[derive(Debug)]
pub struct FilteredTable<T> {
    /// Order, selection and marks of the rows.
    pub table: Table,
    /// The filter line above the table.
    pub filter: FilterLine<T>,
}

/// A [`FilteredTable`] with any type of filter.
pub trait AnyFilteredTable {
    /// Order, selection and marks of the rows.
    fn table(&self) -> &Table;

    /// Returns whether key presses go to the filter's text field.
    fn is_typing(&self) -> bool;

    /// Handles a key press in the filter's text field. Returns whether the text may have changed.
    fn handle_key(&mut self, key: KeyCombination) -> bool;

    /// Inserts pasted text into the filter's text field.
    fn paste(&mut self, text: &str);

    /// Leaves the filter's text field, and removes the filter if `clear` is set.
    fn finish_typing(&mut self, clear: bool);

    /// Position in the table, for the footer.
    fn position(&self) -> TablePosition;

    /// Removes the mark from a row.
    fn unmark(&mut self, id: Id);
}

impl<T: FieldTest> FilteredTable<T> {
    /// Creates an empty table that is sorted by the column with this index.
    pub fn new(sort_column: usize, descending: bool) -> Self {
        Self { table: Table::new(sort_column, descending), filter: FilterLine::default() }
    }

    /// Runs an action that moves the selection, marks rows or starts typing a filter. Returns `false` for other actions.
    pub fn run_action<R: TableRow>(&mut self, rows: &[R], action: Action) -> bool {
        if action == Action::Filter {
            self.filter.is_typing = true;
            return true;
        }
        self.table.apply_action(rows, action)
    }
}

impl<T: FieldTest> AnyFilteredTable for FilteredTable<T> {
    fn table(&self) -> &Table {
        &self.table
    }

    fn is_typing(&self) -> bool {
        self.filter.is_typing
    }

    fn handle_key(&mut self, key: KeyCombination) -> bool {
        self.filter.handle_key(key)
    }

    fn paste(&mut self, text: &str) {
        self.filter.paste(text);
    }

    fn finish_typing(&mut self, clear: bool) {
        self.filter.finish_typing(clear);
    }

    fn position(&self) -> TablePosition {
        let shown = self.table.shown_rows().len();
        TablePosition {
            selected: if shown == 0 { 0 } else { self.table.selected_index() + 1 },
            shown,
            is_filtered: !self.filter.is_empty(),
            marked: self.table.marks.len(),
        }
    }

    fn unmark(&mut self, id: Id) {
        self.table.marks.remove(&id);
    }
}
