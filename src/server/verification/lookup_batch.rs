//! Part of step 4 of a verification: lookups that arrive at the same time share a query.
//!
//! A query begins after all of its lookups were requested, so each lookup sees every change that was acknowledged before its request.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use crate::clock::Clock;
use crate::domain::secret::Digest;
use crate::server::error::ApiError;
use crate::store::{self, Store, Verification};

/// Maximum number of lookups in one query.
const BATCH_MAX: usize = 64;
/// Maximum number of queries at the same time. The second one keeps a slow query from delaying every lookup.
const QUERIES_MAX: usize = 2;

/// Collects lookups of keys, and runs them in batches.
pub(in crate::server) struct LookupBatch {
    store: Store,
    clock: Clock,
    pending: Mutex<PendingLookups>,
}

#[derive(Default)]
struct PendingLookups {
    waiters: Vec<(Digest, oneshot::Sender<Verification>)>,
    running_queries: usize,
}

impl LookupBatch {
    pub(super) fn new(store: Store, clock: Clock) -> Self {
        Self { store, clock, pending: Mutex::default() }
    }

    /// Step 4: reads the key with this digest from the database.
    ///
    /// # Errors
    /// Returns [`ApiError::Unavailable`] if the database does not respond.
    pub(in crate::server) async fn look_up(
        self: &Arc<Self>,
        digest: &Digest,
    ) -> Result<Verification, ApiError> {
        let (waiter, found) = oneshot::channel();
        let needs_query = {
            let mut pending = self.pending();
            pending.waiters.push((*digest, waiter));
            let needs_query = pending.running_queries < QUERIES_MAX;
            pending.running_queries += usize::from(needs_query);
            needs_query
        };
        if needs_query {
            tokio::spawn(self.clone().run_batches());
        }
        found.await.map_err(|_| ApiError::Unavailable("The database does not respond. Try again."))
    }

    fn pending(&self) -> MutexGuard<'_, PendingLookups> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs queries until no lookup is waiting.
    async fn run_batches(self: Arc<Self>) {
        loop {
            let (digests, waiters): (Vec<_>, Vec<_>) = {
                let mut pending = self.pending();
                if pending.waiters.is_empty() {
                    pending.running_queries -= 1;
                    return;
                }
                let batch = pending.waiters.len().min(BATCH_MAX);
                pending.waiters.drain(..batch).unzip()
            };
            match self.run_query(&digests).await {
                Ok(found) => {
                    for (waiter, found) in waiters.into_iter().zip(found) {
                        // Sending fails if the request was cancelled.
                        let _ = waiter.send(found);
                    }
                }
                // Dropping the waiters answers their requests with 503.
                Err(error) => tracing::warn!(%error, keys = digests.len(), "could not look up keys"),
            }
        }
    }

    async fn run_query(&self, digests: &[Digest]) -> Result<Vec<Verification>, store::StoreError> {
        self.store.reader().await?.verify_secrets(digests, self.clock.now()).await
    }
}
