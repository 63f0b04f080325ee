//! The lock that separates writing uses from revoking keys, and the guard that a revocation holds.
//!
//! The lock keeps every use in exactly one place that a revocation sees: in a buffer, or in the database. First uses on their way to
//! the database hold it shared. The writer of buffered uses, revocations and review decisions hold it exclusively.

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

/// The revocation lock of this process. Cheap to clone.
#[derive(Clone)]
pub(super) struct RevocationLock {
    lock: Arc<RwLock<()>>,
    keys: Arc<CachedKeys>,
}

/// The parts that a guard needs to suspend keys and to resume them.
struct CachedKeys {
    cache: Arc<KeyCache>,
    queue: Arc<UseQueue>,
    clock: Clock,
}

impl RevocationLock {
    pub(super) fn new(cache: Arc<KeyCache>, queue: Arc<UseQueue>, clock: Clock) -> Self {
        Self { lock: Arc::default(), keys: Arc::new(CachedKeys { cache, queue, clock }) }
    }

    /// Waits for shared access, for a use that is being stored.
    pub(super) async fn shared(&self) -> OwnedRwLockReadGuard<()> {
        self.lock.clone().read_owned().await
    }

    /// Waits for exclusive access, for writing buffers.
    pub(super) async fn exclusive(&self) -> OwnedRwLockWriteGuard<()> {
        self.lock.clone().write_owned().await
    }

    /// Waits for exclusive access, for a revocation or a review decision.
    pub(super) async fn guard(&self) -> RevocationGuard {
        RevocationGuard(Arc::new(GuardState {
            keys: self.keys.clone(),
            _lock: self.exclusive().await,
            suspended: Mutex::default(),
            keeps_keys: AtomicBool::new(false),
        }))
    }
}

/// Exclusive access for a revocation or a review decision. It is released when the transaction that [`suspend`](Self::suspend) was
/// called with has ended.
#[derive(Clone)]
pub(in crate::server) struct RevocationGuard(Arc<GuardState>);

struct GuardState {
    keys: Arc<CachedKeys>,
    _lock: OwnedRwLockWriteGuard<()>,
    suspended: Mutex<Vec<SuspendedKey>>,
    /// The transaction leaves the suspended keys as they are.
    keeps_keys: AtomicBool,
}

struct SuspendedKey {
    entry: Arc<CacheEntry>,
    state_before: CachedState,
    /// The uses that were unwritten at the suspension; the transaction writes them.
    buffer: Option<Box<UseBuffer>>,
}

impl RevocationGuard {
    /// Makes requests with these keys wait for the end of the transaction, and writes the buffered uses of the keys in it.
    ///
    /// After a commit the keys count as revoked, unless [`keep_keys`](Self::keep_keys) was called. After a rollback they are what they
    /// were before.
    ///
    /// # Errors
    /// The uses cannot be written.
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

    /// Keeps the suspended keys active: the transaction does not revoke them after all.
    pub(in crate::server) fn keep_keys(&self) {
        self.0.keeps_keys.store(true, Ordering::SeqCst);
    }
}

impl GuardState {
    /// Resumes the suspended keys in the state that follows from the transaction's outcome.
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
    /// Handles a transaction that was dropped without an outcome, which rolls it back.
    fn drop(&mut self) {
        self.resume_keys(TransactionOutcome::RolledBack);
    }
}
