//! The newest rows of the activity log. Older pages are requested as the table is scrolled towards its end.

use super::key_list::LoadState;
use super::msg::UiTime;
use crate::domain::activity::Activity;
use crate::wire::activity::ActivityQuery;
use crate::wire::page::Page;

/// Number of rows requested per page.
const PAGE_ROWS: u32 = 200;
/// Memory limit in bytes. While the estimated size of the loaded rows exceeds it, no older rows are requested.
const MAX_BYTES: usize = 32 * 1024 * 1024;

/// The loaded part of the activity log, newest row first.
#[derive(Debug, Default)]
pub struct ActivityLog {
    /// Whether the newest page is loaded.
    pub load_state: LoadState,
    rows: Vec<Activity>,
    /// Cursor of the next older page. `None` if the oldest row is loaded, or if the rows exceed [`MAX_BYTES`].
    older: Option<String>,
    is_truncated: bool,
    awaits_newest: bool,
}

impl ActivityLog {
    /// The loaded rows, newest first.
    pub fn rows(&self) -> &[Activity] {
        &self.rows
    }

    /// Returns whether the server has older rows that can be requested.
    pub fn has_older(&self) -> bool {
        self.older.is_some()
    }

    /// Returns whether older rows were left out because the loaded rows reached the memory limit.
    pub fn is_truncated(&self) -> bool {
        self.is_truncated
    }

    /// Starts loading the newest page and returns the query for it.
    pub(super) fn begin(&mut self, now: UiTime) -> ActivityQuery {
        self.awaits_newest = true;
        self.load_state = LoadState::Loading { since: now };
        ActivityQuery { limit: Some(PAGE_ROWS), ..ActivityQuery::default() }
    }

    /// Returns the query for the next older page, or `None` if there is none.
    pub(super) fn older_page(&self) -> Option<ActivityQuery> {
        let cursor = self.older.clone()?;
        Some(ActivityQuery { limit: Some(PAGE_ROWS), cursor: Some(cursor), ..ActivityQuery::default() })
    }

    /// Adds the page that was requested last. Returns `true` if the rows reached the memory limit, so that no older rows will be
    /// requested.
    pub(super) fn add_page(&mut self, page: Page<Activity>) -> bool {
        let arrived = page.data;
        if std::mem::take(&mut self.awaits_newest) {
            // Where the newest page reaches a known row, only the rows above that are new; else the log is read anew.
            let newest = self.rows.first().map(|row| row.id);
            if let Some(known) = newest.and_then(|id| arrived.iter().position(|row| row.id == id)) {
                self.rows.splice(0..0, arrived.into_iter().take(known));
            } else {
                (self.rows, self.older) = (arrived, page.metadata.next_cursor);
                self.is_truncated = false;
            }
        } else {
            // A server that repeats its cursor, or sends empty pages, is not asked for more.
            let goes_on = !arrived.is_empty() && page.metadata.next_cursor != self.older;
            self.rows.extend(arrived);
            self.older = page.metadata.next_cursor.filter(|_| goes_on);
        }
        self.load_state = LoadState::Complete;
        let gives_up = self.rows.iter().map(size).sum::<usize>() > MAX_BYTES && self.older.take().is_some();
        self.is_truncated |= gives_up;
        gives_up
    }

    /// Records that the requested page could not be loaded.
    pub(super) fn fail(&mut self, why: String) {
        self.awaits_newest = false;
        self.load_state = LoadState::Failed(why);
    }
}

/// Estimates the memory that a row takes, in bytes.
fn size(row: &Activity) -> usize {
    let text = |text: &Option<String>| text.as_ref().map_or(0, String::len);
    let actor = row.actor.as_ref().map_or(0, |actor| actor.name.len() + actor.email.len());
    size_of::<Activity>() + row.detail.len() + text(&row.key_name) + text(&row.address) + actor
}
