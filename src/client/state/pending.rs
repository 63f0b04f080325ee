//! Creates under way: enough to issue a lost secret anew, never the secret itself.
//!
//! The record is written and synced before the request is sent, and dropped once the secret is where it belongs. While the
//! process that made it lives, it holds a lock on the file; a record without a lock was left behind.

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

/// A create whose secret may not have been stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingCreate {
    /// Repeating the create with it gives the same key.
    pub idempotency_key: String,
    /// The server.
    pub url: String,
    /// Who created it; the idempotency key is theirs.
    pub member: Id,
    /// The kind of the key.
    pub kind: KeyKind,
    /// The fields of the create: a repetition needs the same.
    pub create: CreateKey,
    /// When.
    pub at: Timestamp,
    /// The key, once the server has named it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_id: Option<Id>,
    /// Why the key that it replaces is to be revoked at once, where that leaked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leaked: Option<String>,
}

/// A record that this process holds. Dropping it leaves the file behind, for the next start to ask about.
#[derive(Debug)]
pub struct PendingCreateFile {
    path: PathBuf,
    /// Holds the lock.
    file: File,
}

impl PendingCreateFile {
    /// Notes what is known now, in the same file.
    ///
    /// # Errors
    /// The file cannot be written; it may then still hold what it held before.
    pub fn update(&mut self, pending: &PendingCreate) -> Result<(), StateError> {
        let text = serde_json::to_string(pending).expect("a record has no keys but texts");
        // A record only grows, so that a crash in between leaves no shorter one.
        self.file
            .write_all_at(text.as_bytes(), 0)
            .and_then(|()| self.file.set_len(text.len() as u64))
            .and_then(|()| self.file.sync_all())
            .map_err(|wrong| StateError::Io { path: self.path.clone(), wrong })
    }

    /// The secret is stored, or the key is gone: nothing is left to ask about.
    ///
    /// # Errors
    /// The file cannot be removed.
    pub fn remove(self) -> Result<(), StateError> {
        std::fs::remove_file(&self.path).map_err(|wrong| StateError::Io { path: self.path, wrong })
    }
}

impl StateFolder {
    /// Records a create before it is sent.
    ///
    /// # Errors
    /// The record cannot be written: then the create must not be sent.
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

    /// The records of processes that are gone, the oldest first, each taken over by this process.
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
            // Between making the file and locking it, its process has written nothing: leave it alone.
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
