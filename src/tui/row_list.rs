//! Rows that arrive from the server in pages and replace the previous ones as a whole.

use super::key_list::LoadState;
use super::msg::UiTime;
use crate::wire::page::Page;

/// All rows of one type, and how far loading them has come.
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
    /// Returns the rows of the last complete load.
    pub fn rows(&self) -> &[R] {
        &self.rows
    }

    /// Starts loading. Known rows remain until all new rows have arrived.
    pub(super) fn begin(&mut self, now: UiTime) {
        self.arriving.clear();
        if self.rows.is_empty() || matches!(self.load_state, LoadState::Failed(_)) {
            self.load_state = LoadState::Loading { since: now };
        }
    }

    /// Adds a page of the running request.
    pub(super) fn add_page(&mut self, page: Page<R>) {
        self.arriving.extend(page.data);
    }

    /// Replaces the rows by the pages added since [`Self::begin`].
    pub(super) fn complete(&mut self) {
        self.rows = std::mem::take(&mut self.arriving);
        self.load_state = LoadState::Complete;
    }
}
