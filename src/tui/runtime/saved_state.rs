//! State stored beyond the end of the UI: creates whose secret is not stored yet, the session, the drafts of a review.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::client::ServerAddress;
use crate::client::state::{PendingCreate, PendingCreateFile, SavedSession, StateError, StateFolder};
use crate::clock::Clock;
use crate::domain::id::Id;
use crate::domain::key::KeyKind;
use crate::tui::msg::{RequestError, UnfinishedCreate};
use crate::wire::keys::CreateKey;
use crate::wire::sessions::CreatedSession;

/// State of one profile that is stored on this machine. Without a state folder, nothing is stored.
pub struct SavedState {
    state: Option<StateFolder>,
    profile: String,
    clock: Clock,
    /// Unfinished creates that this process is responsible for, by idempotency key.
    held: Mutex<HashMap<String, (PendingCreate, PendingCreateFile)>>,
}

impl From<StateError> for RequestError {
    fn from(error: StateError) -> Self {
        Self::Local(error.to_string())
    }
}

impl SavedState {
    /// Creates a store for a profile. Without `state`, nothing is stored.
    pub fn new(state: Option<StateFolder>, profile: String, clock: Clock) -> Self {
        Self { state, profile, clock, held: Mutex::default() }
    }

    /// Returns the stored state of another profile.
    pub(super) fn for_profile(&self, profile: String) -> Self {
        Self::new(self.state.clone(), profile, self.clock.clone())
    }

    fn held(&self) -> MutexGuard<'_, HashMap<String, (PendingCreate, PendingCreateFile)>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes this process responsible for the creates that earlier runs left unfinished on this server, and returns them.
    pub fn take_over_abandoned(&self, server: &ServerAddress) -> Vec<UnfinishedCreate> {
        let found = self.state.as_ref().map(StateFolder::take_over_abandoned);
        let found = found.and_then(Result::ok).unwrap_or_default();
        let mut pending = Vec::new();
        for (create, recorded) in found {
            // Those of other servers are released again, for a run against that server.
            if create.url == server.to_string() {
                pending.push(UnfinishedCreate {
                    idempotency_key: create.idempotency_key.clone(),
                    kind: create.kind,
                    body: create.create.clone(),
                    at: create.at,
                    key_id: create.key_id,
                    member: create.member,
                    leaked: create.leaked.clone(),
                });
                self.held().insert(create.idempotency_key.clone(), (create, recorded));
            }
        }
        pending
    }

    /// Records a create before its request is sent. If that fails, the request must not be sent.
    pub(super) fn begin(
        &self,
        server: &ServerAddress,
        member: Option<Id>,
        kind: KeyKind,
        idempotency_key: &str,
        body: &CreateKey,
        leaked: Option<String>,
    ) -> Result<(), RequestError> {
        let Some(state) = &self.state else { return Ok(()) };
        let Some(member) = member else {
            return Err(RequestError::Local("Nobody is signed in yet: no key was created.".to_owned()));
        };
        let mut held = self.held();
        // The create is sent again, or was left unfinished by an earlier run.
        if held.contains_key(idempotency_key) {
            return Ok(());
        }
        let create = PendingCreate {
            idempotency_key: idempotency_key.to_owned(),
            url: server.to_string(),
            member,
            kind,
            create: body.clone(),
            at: self.clock.now(),
            key_id: None,
            leaked,
        };
        let recorded = state
            .record_create(&create)
            .map_err(|e| RequestError::Local(format!("No key was created: {e}")))?;
        held.insert(idempotency_key.to_owned(), (create, recorded));
        Ok(())
    }

    /// Adds the id of the created key to the record of a create.
    pub(super) fn record_key_id(&self, idempotency_key: &str, id: Id) {
        if let Some((create, recorded)) = self.held().get_mut(idempotency_key) {
            create.key_id = Some(id);
            if let Err(error) = recorded.update(create) {
                tracing::warn!(%error, "the record of a create could not be updated");
            }
        }
    }

    /// Removes the record of a create that the server refused, unless an earlier attempt created the key.
    pub(super) fn discard_refused_create(&self, idempotency_key: &str) {
        if self.held().get(idempotency_key).is_some_and(|(create, _)| create.key_id.is_none()) {
            self.finish_create(idempotency_key);
        }
    }

    /// Removes the record of a create whose secret is stored or whose key is revoked.
    pub fn finish_create(&self, idempotency_key: &str) {
        if let Some((_, recorded)) = self.held().remove(idempotency_key)
            && let Err(error) = recorded.remove()
        {
            tracing::warn!(%error, "the record of a create could not be removed");
        }
    }

    /// Stores a new session for the next run of the profile.
    pub(super) fn keep_session(
        &self,
        server: &ServerAddress,
        created: CreatedSession,
        organization: &str,
    ) -> Result<(), RequestError> {
        let Some(state) = self.state.as_ref().filter(|_| !self.profile.is_empty()) else { return Ok(()) };
        let session = SavedSession {
            url: server.to_string(),
            token: created.token,
            email: created.member.email,
            organization: organization.to_owned(),
            expires_at: created.session.expires_at,
        };
        state.save_session(&self.profile, &session)?;
        Ok(())
    }

    /// Returns the review drafts of the previous run; empty if they are missing or cannot be read.
    pub fn drafts(&self) -> String {
        let read = self.state.as_ref().and_then(|state| state.drafts(&self.profile).ok());
        read.map(|text| text.as_str().to_owned()).unwrap_or_default()
    }

    /// Appends a change to the stored review drafts.
    pub fn append_drafts(&self, lines: &str) -> Result<(), RequestError> {
        if let Some(state) = &self.state {
            state.append_drafts(&self.profile, lines)?;
        }
        Ok(())
    }

    /// Replaces the stored review drafts.
    pub fn save_drafts(&self, drafts: &str) -> Result<(), RequestError> {
        if let Some(state) = &self.state {
            state.save_drafts(&self.profile, drafts)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::clock::monotonic_now;
    use crate::domain::time::Timestamp;

    #[test]
    fn an_unfinished_create_is_returned_until_its_secret_is_stored() {
        let home = tempfile::tempdir().unwrap();
        let server: ServerAddress = "http://127.0.0.1:7711".parse().unwrap();
        let other: ServerAddress = "http://127.0.0.1:7712".parse().unwrap();
        let records = || {
            let state = StateFolder::new(home.path().join("keyward"));
            SavedState::new(Some(state), "plant".to_owned(), Clock::fixed(Timestamp(7)))
        };
        let body = CreateKey { name: "Grafana".to_owned(), note: None, replaces: None };
        let member = Id::new(Timestamp(0), [1; 10]);
        let first = records();
        assert!(
            first.begin(&server, None, KeyKind::Personal, "a", &body, None).is_err(),
            "nobody is signed in"
        );
        for key in ["a", "b", "c"] {
            first.begin(&server, Some(member), KeyKind::Personal, key, &body, None).unwrap();
        }
        first.record_key_id("a", member);
        first.discard_refused_create("a");
        first.discard_refused_create("b");
        first.finish_create("c");
        assert!(records().take_over_abandoned(&server).is_empty(), "its process lives");
        drop(first);
        assert!(records().take_over_abandoned(&other).is_empty());
        let next = records();
        let mut left = next.take_over_abandoned(&server);
        // A child process that another test is starting keeps the lock until it executes its program.
        let began = monotonic_now();
        while left.is_empty() && began.elapsed() < Duration::from_secs(10) {
            std::thread::yield_now();
            left = next.take_over_abandoned(&server);
        }
        assert_eq!(left.len(), 1);
        assert_eq!((left[0].idempotency_key.as_str(), left[0].key_id), ("a", Some(member)));
        next.begin(&server, Some(member), KeyKind::Personal, "a", &body, None).unwrap();
        next.finish_create("a");
        drop(next);
        assert!(records().take_over_abandoned(&server).is_empty());
    }

    #[test]
    fn stored_drafts_are_read_back() {
        let home = tempfile::tempdir().unwrap();
        let state = StateFolder::new(home.path().join("keyward"));
        let records = SavedState::new(Some(state), String::new(), Clock::System);
        assert_eq!(records.drafts(), "");
        records.save_drafts("{\"a\":1}").unwrap();
        assert_eq!(records.drafts(), "{\"a\":1}");
        records.append_drafts("\nmore\n").unwrap();
        assert_eq!(records.drafts(), "{\"a\":1}\nmore\n");
    }
}
