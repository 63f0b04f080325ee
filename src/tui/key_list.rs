//! The keys of one kind that the signed-in member may see, as last received from the server.
//!
//! # From a database row to a table cell, the steps of the UI
//! 5. A page of the whole list, or of later changes, arrives as `Reply::Keys`. `KeyList::add_page` merges it by id, and [`Changes`] names
//!    the rows that were added or changed. The model passes them on to every screen (`Screen::keys_changed`).
//! 6. `Table::merge` inserts these rows into the sorted order and the filtered list of the screen's table.
//! 7. `draw_table` formats the visible rows only. The terminal gets the difference to the last frame.
//!
//! Steps 1 to 4, on the server and in the client, are in `docs/architecture.md`. Nothing here knows tables or requests.

use std::collections::HashMap;
use std::sync::Arc;

use super::msg::UiTime;
use crate::domain::id::Id;
use crate::domain::key::Key;
use crate::domain::member::MemberRef;
use crate::domain::time::Timestamp;
use crate::wire::page::Page;

/// How far loading a list has come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum LoadState {
    /// Nothing has been requested yet.
    #[default]
    NotLoaded,
    /// A request is running; some pages may have arrived.
    Loading {
        /// When the request was sent.
        since: UiTime,
    },
    /// Every page of the last request has arrived.
    Complete,
    /// The last request failed, for this reason. Rows of earlier replies are kept.
    Failed(String),
}

/// The loaded keys of one kind, and how far loading has come.
#[derive(Debug, Default)]
pub struct KeyList {
    /// How far loading has come.
    pub load_state: LoadState,
    /// Total number of keys on the server; `None` until the server has returned it.
    pub total: Option<u64>,
    /// Server time up to which all changes are known. The next refresh requests the keys that changed later.
    pub as_of: Option<Timestamp>,
    /// Server time of the last page. The ages in the table refer to this time, so that they change only with a refresh.
    pub shown_as_of: Timestamp,
    /// When the next refresh is due; `None` if none is scheduled.
    pub refresh_at: Option<UiTime>,
    /// When the user requested the refresh that is still running; `None` if there is none.
    pub refresh_requested_at: Option<UiTime>,
    keys: Vec<Key>,
    by_id: HashMap<Id, u32>,
    members: HashMap<Id, Arc<MemberRef>>,
    first_as_of: Option<Timestamp>,
}

/// Indexes of the keys that a page added or changed.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Indexes of new keys, at the end of the list.
    pub added: Vec<u32>,
    /// Indexes of known keys that changed.
    pub changed: Vec<u32>,
}

impl Changes {
    /// Returns `true` if no key was added or changed.
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.changed.is_empty()
    }

    /// Returns the indexes of all added and changed keys.
    pub fn rows(&self) -> Vec<u32> {
        self.added.iter().chain(&self.changed).copied().collect()
    }
}

impl KeyList {
    /// Returns the keys in order of arrival. The index of a key never changes.
    pub fn keys(&self) -> &[Key] {
        &self.keys
    }

    /// Returns the key with this id; `None` if it is not loaded.
    pub fn get(&self, id: Id) -> Option<&Key> {
        self.by_id.get(&id).map(|&row| &self.keys[row as usize])
    }

    /// Returns the server time up to which every use is known; a revocation is refused if the key was used later. `None` if nothing
    /// is loaded.
    pub fn seen_until(&self) -> Option<Timestamp> {
        self.as_of.or(self.first_as_of)
    }

    /// Returns whether a spinner is shown: while the list is loading, or while the user waits for a refresh.
    pub fn is_loading(&self) -> bool {
        self.refresh_requested_at.is_some() || matches!(self.load_state, LoadState::Loading { .. })
    }

    /// Starts loading the whole list. Known keys remain until a page replaces them.
    pub(super) fn begin(&mut self, now: UiTime) {
        self.load_state = LoadState::Loading { since: now };
        self.first_as_of = None;
        self.refresh_at = None;
    }

    /// Step 5 of "From a database row to a table cell": merges a page of the whole list, or of the changes since
    /// [`Self::as_of`].
    pub(super) fn add_page(&mut self, page: Page<Key>, is_whole_list: bool) -> Changes {
        let is_last = page.metadata.next_cursor.is_none();
        if !is_whole_list {
            if is_last {
                self.as_of = page.metadata.as_of.or(self.as_of);
            }
            return self.merge(page.data);
        }
        self.total = page.metadata.total.or(self.total);
        // The next request asks for changes since the first page: it includes what changed while the others arrived.
        self.first_as_of = self.first_as_of.or(page.metadata.as_of);
        if let Some(total) = self.total.and_then(|total| usize::try_from(total).ok()) {
            self.keys.reserve_exact(total.min(1_000_000).saturating_sub(self.keys.len()));
        }
        let changes = self.merge(page.data);
        if is_last {
            self.load_state = LoadState::Complete;
            self.as_of = self.first_as_of.or(self.as_of);
        }
        changes
    }

    /// Merges keys by id. A key older than the known one is ignored, since replies may arrive out of order.
    pub(super) fn merge(&mut self, keys: Vec<Key>) -> Changes {
        let mut changes = Changes::default();
        for mut key in keys {
            self.share_members(&mut key);
            let Some(&row) = self.by_id.get(&key.id) else {
                let row = u32::try_from(self.keys.len()).expect("fewer than 2^32 keys fit in memory");
                self.by_id.insert(key.id, row);
                self.keys.push(key);
                changes.added.push(row);
                continue;
            };
            let known = &mut self.keys[row as usize];
            let is_older = key.version < known.version
                || (key.version == known.version && key.last_used_at < known.last_used_at);
            if !is_older && *known != key {
                *known = key;
                changes.changed.push(row);
            }
        }
        changes
    }

    /// Shares equal members between keys, to save memory.
    fn share_members(&mut self, key: &mut Key) {
        self.share(&mut key.created_by);
        if let Some(by) = &mut key.revoked_by {
            self.share(by);
        }
    }

    fn share(&mut self, member: &mut Arc<MemberRef>) {
        match self.members.get(&member.id) {
            Some(known) if known == member => *member = Arc::clone(known),
            _ => {
                self.members.insert(member.id, Arc::clone(member));
            }
        }
    }
}
