//! The rotations that the signed-in member may see, as loaded from the server, and their phases at a later time.

use super::key_list::LoadState;
use super::msg::UiTime;
use super::row_list::RowList;
use crate::domain::id::Id;
use crate::domain::rotation::{Phase, QuietWindow, phase};
use crate::domain::time::{Timestamp, saturating_seconds};
use crate::wire::keys::Rotation;
use crate::wire::page::Page;

impl Rotation {
    /// Returns how long the old key must be unused before it can be revoked.
    pub fn window(&self) -> QuietWindow {
        QuietWindow {
            duration: saturating_seconds(self.quiet_window_s),
            raised_by_gap: self.raised_by_gap_s.map(saturating_seconds),
        }
    }

    /// Returns the phase at `now`, according to the known uses of both keys. `now` may be later than the server's reply.
    pub fn phase_at(&self, now: Timestamp) -> Phase {
        phase(&self.old, &self.new, self.window(), now)
    }
}

/// The rotations of the member's own keys and, for admins, of the organization's keys.
#[derive(Debug, Default)]
pub struct RotationList {
    pub list: RowList<Rotation>,
    /// Whether keys have changed since the rotations were requested.
    pub is_outdated: bool,
    /// Server time before which every use of the listed keys is known.
    pub seen: Timestamp,
    /// Server time of the newest reply, which the shown phases and ages refer to.
    pub as_of: Timestamp,
    requested_at: Timestamp,
    requests_left: u8,
}

impl RotationList {
    pub fn load_state(&self) -> &LoadState {
        &self.list.load_state
    }

    /// Returns the rotation that has this key as its new key; `None` if it is not loaded.
    pub fn by_new_key(&self, id: Id) -> Option<&Rotation> {
        self.list.rows().iter().find(|rotation| rotation.new.id == id)
    }

    /// Returns the newest unfinished rotation that has this key as its old or new key.
    pub fn open_rotation(&self, key: Id) -> Option<&Rotation> {
        let involves = |rotation: &&Rotation| rotation.old.id == key || rotation.new.id == key;
        let is_open =
            |rotation: &&Rotation| !matches!(rotation.phase_at(self.as_of), Phase::Done | Phase::Abandoned);
        self.list
            .rows()
            .iter()
            .filter(involves)
            .filter(is_open)
            .max_by_key(|rotation| rotation.new.created_at)
    }

    /// Starts loading with this many requests, one for each kind of key. The replies will contain every use before `server_now`.
    pub(super) fn begin(&mut self, now: UiTime, server_now: Timestamp, requests: u8) {
        self.list.begin(now);
        self.requested_at = server_now;
        (self.requests_left, self.is_outdated) = (requests, false);
    }

    /// Adds a page. Returns `true` if it was the last page of the last request.
    pub(super) fn add_page(&mut self, server_now: Timestamp, page: Page<Rotation>) -> bool {
        self.as_of = self.as_of.max(page.metadata.as_of.unwrap_or_default()).max(server_now);
        let is_last = page.metadata.next_cursor.is_none();
        self.list.add_page(page);
        if !is_last {
            return false;
        }
        self.requests_left = self.requests_left.saturating_sub(1);
        if self.requests_left > 0 {
            return false;
        }
        self.list.complete();
        self.seen = self.requested_at;
        true
    }
}
