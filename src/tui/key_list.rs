//! All keys of one kind that the member may see, as last heard from the server, and how far loading them has come.

use std::collections::HashMap;
use std::sync::Arc;

use crate::domain::id::Id;
use crate::domain::key::Key;
use crate::domain::member::MemberRef;
use crate::domain::text;
use crate::domain::time::Timestamp;
use crate::wire::page::Page;

use super::msg::UiTime;

/// How far loading has come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum LoadState {
    /// Nothing was asked for yet.
    #[default]
    NotLoaded,
    /// Pages are arriving.
    Loading {
        /// Since when.
        since: UiTime,
    },
    /// All were there at the last answer.
    Complete,
    /// They could not be loaded; why. What was known before stays.
    Failed(String),
}

/// All keys of one kind.
#[derive(Debug, Default)]
pub struct KeyList {
    /// How far loading has come.
    pub load_state: LoadState,
    /// How many there are in all, where the server says so.
    pub total: Option<u64>,
    /// Up to when the keys are known: the `as_of` to ask for changes since.
    pub as_of: Option<Timestamp>,
    keys: Vec<Key>,
    by_id: HashMap<Id, u32>,
    members: HashMap<Id, Arc<MemberRef>>,
    first_as_of: Option<Timestamp>,
}

/// What a page changed.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Rows that were not there before; they stand at the end.
    pub added: Vec<u32>,
    /// Rows that differ from what they were.
    pub changed: Vec<u32>,
}

impl KeyList {
    /// All keys, in the order in which they arrived. A row keeps its number.
    pub fn keys(&self) -> &[Key] {
        &self.keys
    }

    /// A key by its id.
    pub fn get(&self, id: Id) -> Option<&Key> {
        self.row(id).map(|row| &self.keys[row as usize])
    }

    /// The row of a key.
    pub fn row(&self, id: Id) -> Option<u32> {
        self.by_id.get(&id).copied()
    }

    /// Up to when the server's answers have surely shown every use: what is revoked is guarded by this moment.
    pub fn seen(&self) -> Option<Timestamp> {
        self.as_of.or(self.first_as_of)
    }

    /// Loading begins (again); what is known stays until it is replaced.
    pub fn begin(&mut self, now: UiTime) {
        self.load_state = LoadState::Loading { since: now };
        self.first_as_of = None;
    }

    /// Takes a page of the whole list. The last one completes it.
    pub fn page(&mut self, page: Page<Key>) -> Changes {
        self.total = page.metadata.total.or(self.total);
        // Changes are asked for since the first page: what changed while the others arrived is among them.
        self.first_as_of = self.first_as_of.or(page.metadata.as_of);
        if let Some(total) = self.total.and_then(|total| usize::try_from(total).ok()) {
            self.keys.reserve_exact(total.min(1_000_000).saturating_sub(self.keys.len()));
        }
        let changes = self.merge(page.data);
        if page.metadata.next_cursor.is_none() {
            self.load_state = LoadState::Complete;
            self.as_of = self.first_as_of.or(self.as_of);
        }
        changes
    }

    /// Takes a page of changes.
    pub fn changes(&mut self, page: Page<Key>) -> Changes {
        if page.metadata.next_cursor.is_none() {
            self.as_of = page.metadata.as_of.or(self.as_of);
        }
        self.merge(page.data)
    }

    /// Takes keys as they are now.
    pub fn merge(&mut self, keys: Vec<Key>) -> Changes {
        let mut changes = Changes::default();
        for mut key in keys {
            self.clean(&mut key);
            let Some(&row) = self.by_id.get(&key.id) else {
                let row = u32::try_from(self.keys.len()).expect("fewer than 2^32 keys fit in memory");
                self.by_id.insert(key.id, row);
                self.keys.push(key);
                changes.added.push(row);
                continue;
            };
            let old = &mut self.keys[row as usize];
            // An answer that was overtaken by a later one must not bring back what it saw.
            let older = key.version < old.version
                || (key.version == old.version && key.last_used_at < old.last_used_at);
            if !older && *old != key {
                *old = key;
                changes.changed.push(row);
            }
        }
        changes
    }

    /// Makes a key fit to be shown, and small: texts cleaned once, its members shared with all other keys.
    fn clean(&mut self, key: &mut Key) {
        clean(&mut key.name);
        clean(&mut key.masked);
        if let Some(note) = &mut key.note {
            clean(note);
        }
        if let Some(by) = &mut key.last_used_by {
            clean(&mut by.agent);
            clean(&mut by.address);
        }
        if let Some(reason) = &mut key.revoke_reason {
            clean(reason);
        }
        self.share(&mut key.created_by);
        if let Some(by) = &mut key.revoked_by {
            self.share(by);
        }
    }

    fn share(&mut self, member: &mut Arc<MemberRef>) {
        match self.members.get(&member.id) {
            Some(known) if same(known, member) => *member = Arc::clone(known),
            _ => {
                let mut own = member.as_ref().clone();
                clean(&mut own.name);
                clean(&mut own.email);
                *member = Arc::new(own);
                self.members.insert(member.id, Arc::clone(member));
            }
        }
    }
}

fn same(known: &MemberRef, new: &MemberRef) -> bool {
    known.status == new.status
        && known.removed_at == new.removed_at
        && known.name == text::sanitize_line(&new.name)
        && known.email == text::sanitize_line(&new.email)
}

/// Cleans in place, and gives back what memory the text does not need.
fn clean(text: &mut String) {
    if let std::borrow::Cow::Owned(clean) = text::sanitize_line(text) {
        *text = clean;
    }
    text.shrink_to_fit();
}
