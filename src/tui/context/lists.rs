//! Loads the lists from the server and applies the replies.

use super::{Connection, Context, RETRY_DELAY, ReplyTo};
use crate::domain::activity::Activity;
use crate::domain::key::{Key, KeyKind};
use crate::domain::permission::Permission;
use crate::tui::key_list::{Changes, LoadState};
use crate::tui::msg::{ApiRequest, ListRequest, RequestError};
use crate::tui::text_layout::format_count;
use crate::wire::keys::Rotation;
use crate::wire::members::Member;
use crate::wire::page::Page;
use crate::wire::problem::ProblemType;

impl Context {
    /// Loads all keys of this kind.
    pub fn load_keys(&mut self, kind: KeyKind) {
        self.cancel_requests(ReplyTo::List(kind));
        self.cancel_requests(ReplyTo::Changes(kind));
        let now = self.now;
        self.keys_mut(kind).begin(now);
        self.request(ReplyTo::List(kind), ApiRequest::List(ListRequest::Keys(kind)));
    }

    /// Requests the changed keys of this kind, or all of them if they are not completely loaded yet. Does nothing while such a
    /// request is running.
    pub fn refresh_keys(&mut self, kind: KeyKind) {
        if self.is_waiting_for(ReplyTo::Changes(kind)) || self.is_waiting_for(ReplyTo::List(kind)) {
            return;
        }
        self.keys_mut(kind).refresh_at = None;
        match self.keys(kind).as_of {
            Some(since) if self.keys(kind).load_state == LoadState::Complete => {
                self.request(ReplyTo::Changes(kind), ApiRequest::List(ListRequest::Changes { kind, since }));
            }
            _ => self.load_keys(kind),
        }
    }

    /// Refreshes the keys of this kind at the user's request, with a spinner until the replies have arrived.
    pub fn refresh_keys_now(&mut self, kind: KeyKind) {
        self.refresh_keys(kind);
        self.keys_mut(kind).refresh_requested_at = Some(self.now);
    }

    /// Refreshes the keys of this kind if their next refresh is due.
    pub fn refresh_keys_if_due(&mut self, kind: KeyKind) {
        if self.keys(kind).refresh_at.is_some_and(|at| self.now >= at) {
            self.refresh_keys(kind);
        }
    }

    /// Applies a page of all keys of this kind, or of the changed ones.
    pub fn apply_key_page(&mut self, kind: KeyKind, page: Page<Key>, is_whole_list: bool) {
        if let Some(as_of) = page.metadata.as_of {
            self.record_server_time(as_of);
        }
        self.connection = Connection::Connected;
        let is_last = page.metadata.next_cursor.is_none();
        let changes = self.keys_mut(kind).add_page(page, is_whole_list);
        let (server_now, refresh_at) = (self.server_now(), self.now.plus(self.start.refresh_interval));
        let keys = self.keys_mut(kind);
        keys.shown_as_of = server_now;
        if is_last {
            keys.refresh_requested_at = None;
            keys.refresh_at = Some(refresh_at);
        }
        self.key_changes.push((kind, changes));
    }

    /// Applies the new state of a key, which the server returned after a change.
    pub fn apply_key(&mut self, key: Key) {
        let kind = key.kind;
        let changes = self.keys_mut(kind).merge(vec![key]);
        self.key_changes.push((kind, changes));
    }

    /// Returns and clears the key changes that the screens have not been notified of.
    pub fn take_key_changes(&mut self) -> Vec<(KeyKind, Changes)> {
        std::mem::take(&mut self.key_changes)
    }

    /// Records that keys of this kind could not be loaded. Schedules a retry unless it would fail for the same reason.
    pub fn key_list_failed(&mut self, kind: KeyKind, failure: &RequestError) {
        self.record_failure(failure);
        let retry_at = self.now.plus(RETRY_DELAY);
        let keys = self.keys_mut(kind);
        keys.refresh_requested_at = None;
        if matches!(keys.load_state, LoadState::Loading { .. }) {
            keys.load_state = LoadState::Failed(failure.to_string());
        }
        let is_denied = failure.problem_type() == Some(ProblemType::NotPermitted);
        if !is_denied && !failure.is_signed_out() {
            keys.refresh_at = Some(retry_at);
        }
    }

    /// Loads the members. Known members remain until the last page has arrived.
    pub fn load_members(&mut self) {
        self.cancel_requests(ReplyTo::Members);
        self.members.begin(self.now);
        self.request(ReplyTo::Members, ApiRequest::List(ListRequest::Members));
    }

    /// Applies a page of members. Returns `true` if it was the last page.
    pub fn apply_members(&mut self, page: Page<Member>) -> bool {
        let is_last = page.metadata.next_cursor.is_none();
        self.members.add_page(page);
        if is_last {
            self.members.complete();
        }
        is_last
    }

    /// Loads the rotations of each kind of key that the signed-in member may list.
    pub fn load_rotations(&mut self) {
        self.cancel_requests(ReplyTo::Rotations);
        let kinds = [KeyKind::Personal, KeyKind::Organization]
            .into_iter()
            .filter(|&kind| self.check_permission(Permission::ListKeys(kind)).is_ok());
        let kinds: Vec<KeyKind> = kinds.collect();
        let requests = u8::try_from(kinds.len()).unwrap_or(u8::MAX);
        let (now, server_now) = (self.now, self.server_now());
        self.rotations.begin(now, server_now, requests);
        for kind in kinds {
            self.request(ReplyTo::Rotations, ApiRequest::List(ListRequest::Rotations(kind)));
        }
    }

    /// Applies a page of rotations. Returns `true` if all pages have arrived.
    pub fn apply_rotations(&mut self, page: Page<Rotation>) -> bool {
        let server_now = self.server_now();
        self.rotations.add_page(server_now, page)
    }

    /// Loads the newest page of the activity log.
    pub fn load_activity(&mut self) {
        self.cancel_requests(ReplyTo::Activity);
        let query = self.activity.begin(self.now);
        self.request(ReplyTo::Activity, ApiRequest::Activity(query));
    }

    /// Requests the next older page of the activity log, unless a request for the log is running.
    pub fn load_older_activity(&mut self) {
        if self.activity.load_state != LoadState::Complete || self.is_waiting_for(ReplyTo::Activity) {
            return;
        }
        if let Some(query) = self.activity.older_page() {
            self.request(ReplyTo::Activity, ApiRequest::Activity(query));
        }
    }

    /// Applies a page of the activity log.
    pub fn apply_activity(&mut self, page: Page<Activity>) {
        if self.activity.add_page(page) {
            let rows = format_count(self.activity.rows().len() as u64);
            self.notices
                .info(self.now, format!("the log has more rows, but only the newest {rows} are loaded"));
        }
    }

    /// Records that the members, the rotations or the activity log could not be loaded.
    pub fn list_failed(&mut self, reply_to: ReplyTo, failure: &RequestError) {
        self.record_failure(failure);
        let why = failure.to_string();
        match reply_to {
            ReplyTo::Members => self.members.load_state = LoadState::Failed(why),
            ReplyTo::Rotations => {
                self.cancel_requests(ReplyTo::Rotations);
                self.rotations.list.load_state = LoadState::Failed(why);
            }
            ReplyTo::Activity => self.activity.fail(why),
            _ => {}
        }
    }
}
