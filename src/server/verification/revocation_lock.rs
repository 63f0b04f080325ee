//! The lock that keeps uses from being written while a key is revoked, and the guard that a revocation holds.
//!
//! Because of the lock, a revocation finds every use either in a buffer or in the database. Tasks that store first uses hold it
//! shared. The writer of buffered uses, revocations and review decisions hold it exclusively.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock};

use super::key_cache::{CacheEntry, CachedState, KeyCache};
use super::use_buffer::{UseBuffer, sorted_by_id};
use super::use_queue::UseQueue;
use crate::clock::Clock;
use crate::domain::id::Id;
use crate::domain::key::KeyKind;
use crate::store::{self, TransactionOutcome, Tx};

/// Lock that prevents uses from being stored during a revocation. There is one per process. Cheap to clone.
#[derive(Clone)]
pub(super) struct RevocationLock {
    lock: Arc<RwLock<()>>,
    keys: Arc<CachedKeys>,
}

/// What a [`RevocationGuard`] needs to suspend and resume keys.
struct CachedKeys {
    cache: Arc<KeyCache>,
    queue: Arc<UseQueue>,
    clock: Clock,
}

impl RevocationLock {
    pub(super) fn new(cache: Arc<KeyCache>, queue: Arc<UseQueue>, clock: Clock) -> Self {
        Self { lock: Arc::default(), keys: Arc::new(CachedKeys { cache, queue, clock }) }
    }

    /// Acquires shared access, which is needed to store the first use of a key.
    pub(super) async fn lock_shared(&self) -> OwnedRwLockReadGuard<()> {
        self.lock.clone().read_owned().await
    }

    /// Acquires exclusive access, which is needed to write buffered uses.
    pub(super) async fn lock_exclusive(&self) -> OwnedRwLockWriteGuard<()> {
        self.lock.clone().write_owned().await
    }

    /// Acquires exclusive access for a revocation or a review decision.
    pub(super) async fn lock_for_revocation(&self) -> RevocationGuard {
        RevocationGuard(Arc::new(GuardState {
            keys: self.keys.clone(),
            _lock: self.lock_exclusive().await,
            suspended: Mutex::default(),
            keeps_keys: AtomicBool::new(false),
        }))
    }
}

/// Exclusive access for a revocation or a review decision. It is released when the transaction that was passed to
/// [`suspend`](Self::suspend) has ended.
#[derive(Clone)]
pub(in crate::server) struct RevocationGuard(Arc<GuardState>);

struct GuardState {
    keys: Arc<CachedKeys>,
    _lock: OwnedRwLockWriteGuard<()>,
    suspended: Mutex<Vec<SuspendedKey>>,
    /// Whether the transaction leaves the suspended keys active.
    keeps_keys: AtomicBool,
}

struct SuspendedKey {
    entry: Arc<CacheEntry>,
    state_before: CachedState,
    /// The uses that were unwritten when the key was suspended. The transaction writes them.
    buffer: Option<Box<UseBuffer>>,
}

impl RevocationGuard {
    /// Suspends the keys: requests with them wait until the transaction ends, which also writes their buffered uses.
    ///
    /// After a commit, the keys count as revoked unless [`keep_keys`](Self::keep_keys) was called. After a rollback, they return to
    /// their previous state.
    ///
    /// # Errors
    /// Fails if the buffered uses cannot be written.
    pub(in crate::server) async fn suspend(
        &self,
        tx: &mut Tx,
        keys: &[(Id, KeyKind)],
    ) -> Result<(), store::StoreError> {
        let guard = &self.0;
        let mut uses = Vec::new();
        for &(id, kind) in keys {
            let entry = guard.keys.cache.get_or_insert(id, kind);
            let (state_before, buffer) = entry.suspend();
            uses.extend(buffer.as_deref().map(|buffer| buffer.to_key_use(id)));
            guard.suspended.lock().unwrap_or_else(PoisonError::into_inner).push(SuspendedKey {
                entry,
                state_before,
                buffer,
            });
        }
        let guard_until_end = self.clone();
        tx.on_end(move |outcome| guard_until_end.0.resume_keys(outcome));
        if uses.is_empty() {
            Ok(())
        } else {
            tx.record_uses(&sorted_by_id(uses), guard.keys.clock.now()).await
        }
    }

    /// Keeps the suspended keys active, because the transaction does not revoke them after all.
    pub(in crate::server) fn keep_keys(&self) {
        self.0.keeps_keys.store(true, Ordering::SeqCst);
    }
}

impl GuardState {
    /// Resumes the suspended keys, in a state that depends on the transaction's outcome.
    fn resume_keys(&self, outcome: TransactionOutcome) {
        let suspended = std::mem::take(&mut *self.suspended.lock().unwrap_or_else(PoisonError::into_inner));
        if suspended.is_empty() {
            return;
        }
        let keeps_keys = self.keeps_keys.load(Ordering::SeqCst);
        for SuspendedKey { entry, state_before, buffer } in suspended {
            let (state, unwritten) = match outcome {
                TransactionOutcome::Committed if keeps_keys => {
                    // If there was a buffer, the transaction has stored a use of the key.
                    (if buffer.is_some() { CachedState::Accepted } else { state_before }, None)
                }
                TransactionOutcome::Committed => (CachedState::Revoked, None),
                TransactionOutcome::Unknown => (CachedState::Unconfirmed, buffer),
                TransactionOutcome::RolledBack => (state_before, buffer),
            };
            let was_empty = entry.resume(state, unwritten);
            self.keys.queue.enqueue_if(was_empty, entry);
        }
        self.keys.cache.notify_resumed();
    }
}

impl Drop for GuardState {
    /// Treats a transaction that ended without reporting an outcome as rolled back.
    fn drop(&mut self) {
        self.resume_keys(TransactionOutcome::RolledBack);
    }
}
