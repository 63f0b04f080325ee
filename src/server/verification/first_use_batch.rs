//! Step 5 of a verification: stores uses before their requests are answered. Uses that wait at the same time share one transaction.
//!
//! With one transaction per use, the disk's sync time would limit how many new keys can be used for the first time at once.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedRwLockReadGuard, oneshot};

use super::key_cache::CacheEntry;
use super::revocation_lock::RevocationLock;
use super::use_buffer::{RawClient, UseBuffer};
use crate::clock::Clock;
use crate::domain::id::Id;
use crate::domain::secret::Digest;
use crate::domain::time::Timestamp;
use crate::server::error::ApiError;
use crate::store::{self, Store};

/// Collects uses that must be stored before their requests are answered, and writes them in batches.
pub(in crate::server) struct FirstUseBatch {
    store: Store,
    clock: Clock,
    revocation_lock: RevocationLock,
    pending: Mutex<PendingBatch>,
}

#[derive(Default)]
struct PendingBatch {
    /// Uses that wait to be stored. Sorted by key id, because every process locks rows in this order.
    uses: BTreeMap<(Id, Digest), PendingUses>,
    /// Whether a task is writing the previous batch. It will write this batch next.
    has_writer: bool,
}

/// Uses of one secret, and the requests that wait until these uses are stored.
struct PendingUses {
    entry: Arc<CacheEntry>,
    buffer: UseBuffer,
    waiters: Vec<oneshot::Sender<bool>>,
    /// Blocks revocations until these uses are stored, even if the waiting requests are cancelled.
    _lock: OwnedRwLockReadGuard<()>,
}

impl FirstUseBatch {
    pub(super) fn new(store: Store, clock: Clock, revocation_lock: RevocationLock) -> Self {
        Self { store, clock, revocation_lock, pending: Mutex::default() }
    }

    /// Step 5: stores a use if the database accepts the key. Returns `false` if the key is revoked or has another secret.
    ///
    /// # Errors
    /// Returns [`ApiError::Unavailable`] if the use cannot be stored.
    pub(in crate::server) async fn record(
        self: &Arc<Self>,
        digest: &Digest,
        entry: &Arc<CacheEntry>,
        client: RawClient<'_>,
        now: impl FnOnce() -> Timestamp,
    ) -> Result<bool, ApiError> {
        let lock = self.revocation_lock.lock_shared().await;
        let (waiter, outcome) = oneshot::channel();
        let needs_writer = {
            let mut pending = self.pending();
            let uses = pending.uses.entry((entry.id, *digest)).or_insert_with(|| PendingUses {
                entry: entry.clone(),
                buffer: UseBuffer::default(),
                waiters: Vec::new(),
                _lock: lock,
            });
            uses.buffer.record_use(client, now());
            uses.waiters.push(waiter);
            !std::mem::replace(&mut pending.has_writer, true)
        };
        if needs_writer {
            tokio::spawn(self.clone().write_batches());
        }
        outcome.await.map_err(|_| {
            ApiError::Unavailable(
                "The use of the key could not be recorded, so the request was refused. Try again.",
            )
        })
    }

    fn pending(&self) -> MutexGuard<'_, PendingBatch> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes batches until no use is waiting to be stored.
    async fn write_batches(self: Arc<Self>) {
        loop {
            let batch = {
                let mut pending = self.pending();
                pending.has_writer = !pending.uses.is_empty();
                std::mem::take(&mut pending.uses)
            };
            if batch.is_empty() {
                return;
            }
            let uses: Vec<_> =
                batch.iter().map(|((id, digest), uses)| (*digest, uses.buffer.to_key_use(*id))).collect();
            let now = self.clock.now();
            let written: Result<Vec<bool>, store::StoreError> = self
                .store
                .write(move |tx| Box::pin(async move { tx.record_uses_if_active(uses, now).await }))
                .await;
            let outcomes = written.unwrap_or_else(|error| {
                tracing::error!(%error, keys = batch.len(), "could not record key uses, so their requests were refused");
                Vec::new()
            });
            // After an error there are no outcomes: dropping the waiters answers their requests with 503.
            for (uses, is_accepted) in batch.into_values().zip(outcomes) {
                uses.entry.confirm(is_accepted);
                for waiter in uses.waiters {
                    // Sending fails if the request was cancelled.
                    let _ = waiter.send(is_accepted);
                }
            }
        }
    }
}
