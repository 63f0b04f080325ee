//! Rows that arrive from the server in pages and replace the previous ones as a whole.

use super::key_list::LoadState;
use super::msg::UiTime;
use crate::wire::page::Page;

/// Every row of one type, and the state of loading them.
#[derive(Debug)]
pub struct RowList<R> {
    pub load_state: LoadState,
    rows: Vec<R>,
    arriving: Vec<R>,
}

impl<R> Default for RowList<R> {
    fn default() -> Self {
        Self { load_state: LoadState::NotLoaded, rows: Vec::new(), arriving: Vec::new() }
    }
}

impl<R> RowList<R> {
    /// The rows of the last complete load.
    pub fn rows(&self) -> &[R] {
        &self.rows
    }

    /// Starts loading. Rows that are known stay until the new ones are complete.
    pub(super) fn begin(&mut self, now: UiTime) {
        self.arriving.clear();
        if self.rows.is_empty() || matches!(self.load_state, LoadState::Failed(_)) {
            self.load_state = LoadState::Loading { since: now };
        }
    }

    /// Adds a page of the load under way.
    pub(super) fn add_page(&mut self, page: Page<R>) {
        self.arriving.extend(page.data);
    }

    /// Replaces the rows by those that arrived since [`Self::begin`].
    pub(super) fn complete(&mut self) {
        self.rows = std::mem::take(&mut self.arriving);
        self.load_state = LoadState::Complete;
    }
}
