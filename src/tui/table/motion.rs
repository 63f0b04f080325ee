//! Moves the selection of a table, scrolls it and marks rows.

use std::collections::HashSet;

use super::{Table, TableRow};
use crate::domain::id::Id;
use crate::tui::keymap::Action;

impl Table {
    /// Runs an action that moves the selection or marks rows; returns `false` for any other action.
    pub fn apply_action<R: TableRow>(&mut self, rows: &[R], action: Action) -> bool {
        let page = isize::try_from(self.page).unwrap_or(isize::MAX);
        let last = self.shown.len();
        match action {
            Action::Down => self.select_index(rows, self.at + 1),
            Action::Up => self.select_index(rows, self.at.saturating_sub(1)),
            Action::Top => self.select_index(rows, 0),
            Action::Bottom => self.select_index(rows, last),
            Action::PageDown => self.scroll_by(rows, page),
            Action::PageUp => self.scroll_by(rows, -page),
            Action::HalfDown => self.scroll_by(rows, (page / 2).max(1)),
            Action::HalfUp => self.scroll_by(rows, -(page / 2).max(1)),
            Action::Mark => self.toggle_mark(rows),
            Action::MarkAll => self.toggle_all_marks(rows),
            _ => return false,
        }
        true
    }

    /// Selects the row at position `at` among the shown rows, or the last row if there are fewer.
    pub fn select_index<R: TableRow>(&mut self, rows: &[R], at: usize) {
        self.at = at.min(self.shown.len().saturating_sub(1));
        self.selected = self.shown.get(self.at).map(|&row| rows[row as usize].id());
        self.scroll_to_selection(self.page);
    }

    /// Selects the row with this id, if it is shown.
    pub fn select_id<R: TableRow>(&mut self, rows: &[R], id: Id) {
        if let Some(at) = self.shown.iter().position(|&row| rows[row as usize].id() == id) {
            self.select_index(rows, at);
        }
    }

    /// Scrolls as little as necessary to make the selected row visible, for a table of `page` rows.
    pub fn scroll_to_selection(&mut self, page: usize) {
        self.page = page.max(1);
        let last_top = self.shown.len().saturating_sub(self.page);
        self.top = self.top.clamp((self.at + 1).saturating_sub(self.page), self.at).min(last_top);
    }

    /// Moves the selection and the scroll position by `by` rows; up, if negative.
    pub fn scroll_by<R: TableRow>(&mut self, rows: &[R], by: isize) {
        self.top = self.top.saturating_add_signed(by);
        self.select_index(rows, self.at.saturating_add_signed(by));
    }

    /// Returns the number of rows that fit on the screen.
    pub fn page_rows(&self) -> usize {
        self.page
    }

    /// Marks or unmarks the selected row, and selects the next row.
    pub fn toggle_mark<R: TableRow>(&mut self, rows: &[R]) {
        if let Some(id) = self.selected_id() {
            if !self.marks.remove(&id) {
                self.marks.insert(id);
            }
            self.select_index(rows, self.at + 1);
        }
    }

    /// Marks all shown rows, or unmarks them if all of them are marked.
    pub fn toggle_all_marks<R: TableRow>(&mut self, rows: &[R]) {
        let ids = || self.shown.iter().map(|&row| rows[row as usize].id());
        if ids().all(|id| self.marks.contains(&id)) {
            let shown: HashSet<Id> = ids().collect();
            self.marks.retain(|id| !shown.contains(id));
        } else {
            let shown: Vec<Id> = ids().collect();
            self.marks.extend(shown);
        }
    }
}
