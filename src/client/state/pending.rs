//! Records of creates that are not finished: enough to reissue a lost secret, but never the secret itself.
//!
//! A record is written and synced before the request is sent, and removed once the secret is stored. The process that wrote it
//! holds a lock on the file while it runs; a record without a lock was abandoned.

use std::fs::{File, TryLockError};
use std::io::Write as _;
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{StateError, StateFolder};
use crate::domain::id::Id;
use crate::domain::key::KeyKind;
use crate::domain::time::Timestamp;
use crate::wire::keys::CreateKey;

/// A key creation whose secret may not be stored yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingCreate {
    /// Idempotency key of the creation: a retry with it returns the same API key.
    pub(crate) idempotency_key: String,
    /// URL of the server on which the key is created.
    pub(crate) url: String,
    /// Member who creates the key. Only the same member can retry with the idempotency key.
    pub(crate) member: Id,
    pub(crate) kind: KeyKind,
    /// Body of the request. A retry must send the same fields.
    pub(crate) create: CreateKey,
    /// Time of the first attempt.
    pub(crate) at: Timestamp,
    /// Id of the created key; `None` until the server has replied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) key_id: Option<Id>,
    /// Reason for revoking the replaced key immediately, if its secret leaked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) leaked: Option<String>,
}

/// The locked file of a [`PendingCreate`]. Dropping this value unlocks the file but keeps it, so that a later process can resume
/// the creation.
#[derive(Debug)]
pub struct PendingCreateFile {
    path: PathBuf,
    file: File,
}

impl PendingCreateFile {
    /// Replaces the record in the file.
    ///
    /// # Errors
    /// Fails if the file cannot be written; it may then still have its previous content.
    pub(crate) fn update(&mut self, pending: &PendingCreate) -> Result<(), StateError> {
        let text = serde_json::to_string(pending).expect("a record can always be serialized");
        // Records only grow, so a crash between these steps leaves no mixed content.
        self.file
            .write_all_at(text.as_bytes(), 0)
            .and_then(|()| self.file.set_len(text.len() as u64))
            .and_then(|()| self.file.sync_all())
            .map_err(|wrong| StateError::Io { path: self.path.clone(), wrong })
    }

    /// Removes the file after the secret was stored or the key was revoked.
    pub(crate) fn remove(self) -> Result<(), StateError> {
        std::fs::remove_file(&self.path).map_err(|wrong| StateError::Io { path: self.path, wrong })
    }
}

impl StateFolder {
    /// Writes a record to a new, locked file, before the creation request is sent.
    ///
    /// # Errors
    /// Fails if the record cannot be written; the request must then not be sent.
    pub(crate) fn record_create(&self, pending: &PendingCreate) -> Result<PendingCreateFile, StateError> {
        let (path, mut file) = self.create(&record_file(&pending.idempotency_key))?;
        let text = serde_json::to_string(pending).expect("a record can always be serialized");
        let write = |file: &mut File| {
            file.lock()?;
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
        };
        match write(&mut file) {
            Ok(()) => Ok(PendingCreateFile { path, file }),
            Err(wrong) => Err(StateError::Io { path, wrong }),
        }
    }

    /// Locks and returns the records of processes that have ended, oldest first.
    pub(crate) fn take_over_abandoned(&self) -> Result<Vec<(PendingCreate, PendingCreateFile)>, StateError> {
        let mut found = Vec::new();
        for key in self.list_json_files("pending")? {
            let path = self.folder().join(record_file(&key));
            let Ok(file) = File::options().read(true).write(true).open(&path) else { continue };
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => continue,
                Err(TryLockError::Error(wrong)) => return Err(StateError::Io { path, wrong }),
            }
            // Another process has created the file but not locked or written it yet.
            let Some(text) = self.read(&record_file(&key))? else { continue };
            if let Ok(pending) = serde_json::from_str::<PendingCreate>(&text) {
                found.push((pending, PendingCreateFile { path, file }));
            }
        }
        found.sort_by_key(|(pending, _)| pending.at);
        Ok(found)
    }
}

fn record_file(idempotency_key: &str) -> String {
    format!("pending/{idempotency_key}.json")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::clock::monotonic_now;

    #[test]
    fn a_record_can_be_taken_over_once_its_process_has_ended() {
        let home = tempfile::tempdir().unwrap();
        let state = StateFolder::new(home.path().join("keyward"));
        let pending = PendingCreate {
            idempotency_key: "k1".into(),
            url: "http://127.0.0.1:7711".into(),
            member: Id::new(Timestamp(0), [1; 10]),
            kind: KeyKind::Organization,
            create: CreateKey { name: "Grafana".into(), note: None, replaces: None },
            at: Timestamp(5),
            key_id: None,
            leaked: None,
        };
        let mut held = state.record_create(&pending).unwrap();
        let pending = PendingCreate { key_id: Some(Id::new(Timestamp(1), [2; 10])), ..pending };
        held.update(&pending).unwrap();
        assert!(state.record_create(&pending).is_err(), "the same idempotency key twice");
        assert!(state.take_over_abandoned().unwrap().is_empty(), "its holder lives");
        drop(held);
        let mut found = state.take_over_abandoned().unwrap();
        // A child process that another test is starting keeps the lock until it executes its program.
        let began = monotonic_now();
        while found.is_empty() && began.elapsed() < Duration::from_secs(10) {
            std::thread::yield_now();
            found = state.take_over_abandoned().unwrap();
        }
        assert_eq!(found.len(), 1);
        assert!(state.take_over_abandoned().unwrap().is_empty(), "taken over");
        let (again, held) = found.remove(0);
        assert_eq!(again, pending);
        held.remove().unwrap();
        assert!(state.take_over_abandoned().unwrap().is_empty());
    }
}
