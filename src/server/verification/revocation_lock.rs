//! A turn to decide about keys: their requests wait, and their gathered uses become part of the transaction that decides.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OwnedRwLockWriteGuard;

use crate::domain::id::Id;
use crate::domain::key::KeyKind;
use crate::server::verification::key_cache::CacheEntry;
use crate::server::verification::key_cache::CachedState;
use crate::server::verification::use_buffer::UseBuffer;
use crate::server::verification::verifier::Recorder;
use crate::server::verification::verifier::in_order;
use crate::server::verification::verifier::key_use;
use crate::store::{self, TransactionOutcome, Tx};

/// A suspended key: how it stood before, and the uses that the transaction takes in.
type Suspended = (Arc<CacheEntry>, CachedState, Option<Box<UseBuffer>>);

/// A turn to decide about keys. It ends when the transaction that it was handed into has ended.
#[derive(Clone)]
pub struct RevocationGuard(Arc<Held>);

struct Held {
    recorder: Arc<Recorder>,
    _turn: OwnedRwLockWriteGuard<()>,
    keys: Mutex<Vec<Suspended>>,
    /// Whether the transaction leaves the keys as they are.
    spared: AtomicBool,
}

impl RevocationGuard {
    pub(in crate::server) fn new(recorder: Arc<Recorder>, turn: OwnedRwLockWriteGuard<()>) -> Self {
        let (keys, spared) = (Mutex::default(), AtomicBool::new(false));
        Self(Arc::new(Held { recorder, _turn: turn, keys, spared }))
    }

    /// Makes requests with these keys wait for the end of the transaction, and writes their gathered uses in it. Unless they are
    /// [spared](RevocationGuard::spare), the keys are taken for revoked once it is committed, and for what they were if it is rolled back.
    ///
    /// # Errors
    /// The database refuses.
    pub async fn suspend(&self, tx: &mut Tx, keys: &[(Id, KeyKind)]) -> Result<(), store::StoreError> {
        let recorder = &self.0.recorder;
        let mut uses = Vec::new();
        for &(id, kind) in keys {
            let entry = recorder.index.get_or_insert(id, kind);
            let (before, gathered) = entry.suspend();
            uses.extend(gathered.as_deref().map(|gathered| key_use(id, gathered)));
            self.0.keys.lock().unwrap_or_else(PoisonError::into_inner).push((entry, before, gathered));
        }
        let held = self.clone();
        tx.on_end(move |outcome| held.0.end(outcome));
        if uses.is_empty() { Ok(()) } else { tx.record_uses(&in_order(uses), recorder.clock.now()).await }
    }

    /// The keys stay as they are after all; the transaction is committed for what else it says.
    pub fn spare(&self) {
        self.0.spared.store(true, Ordering::SeqCst);
    }
}

impl Held {
    fn end(&self, outcome: TransactionOutcome) {
        let keys = std::mem::take(&mut *self.keys.lock().unwrap_or_else(PoisonError::into_inner));
        if keys.is_empty() {
            return;
        }
        let spared = self.spared.load(Ordering::SeqCst);
        for (entry, before, gathered) in keys {
            let (standing, unwritten) = match outcome {
                TransactionOutcome::Committed if spared => {
                    // A gathered use that was written now is on record.
                    (if gathered.is_some() { CachedState::Accepted } else { before }, None)
                }
                TransactionOutcome::Committed => (CachedState::Revoked, None),
                TransactionOutcome::Unknown => (CachedState::Unconfirmed, gathered),
                TransactionOutcome::RolledBack => (before, gathered),
            };
            let first = entry.resume(standing, unwritten);
            self.recorder.note(first, entry);
        }
        self.recorder.index.wake();
    }
}

impl Drop for Held {
    /// The transaction never came to an end, which rolls it back.
    fn drop(&mut self) {
        self.end(TransactionOutcome::RolledBack);
    }
}
