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

/// A create whose secret may not be stored yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingCreate {
    /// Repeating the create with this idempotency key returns the same key.
    pub idempotency_key: String,
    /// URL of the server.
    pub url: String,
    /// Member who created the key. Idempotency keys belong to a member.
    pub member: Id,
    /// Kind of the key.
    pub kind: KeyKind,
    /// Body of the create. Repeating it requires the same fields.
    pub create: CreateKey,
    /// Time of the first attempt.
    pub at: Timestamp,
    /// The created key, once the server has replied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_id: Option<Id>,
    /// Reason for revoking the replaced key at once, if its secret leaked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leaked: Option<String>,
}

/// The file of a record, locked by this process. Dropping it keeps the file, so that the next run finds it.
#[derive(Debug)]
pub struct PendingCreateFile {
    path: PathBuf,
    /// The open file, which holds the lock.
    file: File,
}

impl PendingCreateFile {
    /// Replaces the content of the record.
    ///
    /// # Errors
    /// The file cannot be written; it may still have its previous content.
    pub fn update(&mut self, pending: &PendingCreate) -> Result<(), StateError> {
        let text = serde_json::to_string(pending).expect("a record has no keys but texts");
        // Records only grow, so a crash between these steps leaves no mixed content.
        self.file
            .write_all_at(text.as_bytes(), 0)
            .and_then(|()| self.file.set_len(text.len() as u64))
            .and_then(|()| self.file.sync_all())
            .map_err(|wrong| StateError::Io { path: self.path.clone(), wrong })
    }

    /// Removes the record: the secret is stored, or the key is revoked.
    ///
    /// # Errors
    /// The file cannot be removed.
    pub fn remove(self) -> Result<(), StateError> {
        std::fs::remove_file(&self.path).map_err(|wrong| StateError::Io { path: self.path, wrong })
    }
}

impl StateFolder {
    /// Writes a record before its create is sent.
    ///
    /// # Errors
    /// The record cannot be written. The create must not be sent then.
    pub fn record_create(&self, pending: &PendingCreate) -> Result<PendingCreateFile, StateError> {
        let (path, mut file) = self.create(&name(&pending.idempotency_key))?;
        let text = serde_json::to_string(pending).expect("a record has no keys but texts");
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

    /// Locks the records of processes that have ended and returns them, oldest first.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn take_over_abandoned(&self) -> Result<Vec<(PendingCreate, PendingCreateFile)>, StateError> {
        let mut found = Vec::new();
        for key in self.list_json_files("pending")? {
            let path = self.folder().join(name(&key));
            let Ok(file) = File::options().read(true).write(true).open(&path) else { continue };
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => continue,
                Err(TryLockError::Error(wrong)) => return Err(StateError::Io { path, wrong }),
            }
            // Another process has created the file but not locked or written it yet.
            let Some(text) = self.read(&name(&key))? else { continue };
            if let Ok(pending) = serde_json::from_str::<PendingCreate>(&text) {
                found.push((pending, PendingCreateFile { path, file }));
            }
        }
        found.sort_by_key(|(pending, _)| pending.at);
        Ok(found)
    }
}

fn name(idempotency_key: &str) -> String {
    format!("pending/{idempotency_key}.json")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_found_once_its_holder_is_gone() {
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
        assert_eq!(found.len(), 1);
        assert!(state.take_over_abandoned().unwrap().is_empty(), "taken over");
        let (again, held) = found.remove(0);
        assert_eq!(again, pending);
        held.remove().unwrap();
        assert!(state.take_over_abandoned().unwrap().is_empty());
    }
}
