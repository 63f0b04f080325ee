//! Step 4 of a verification: on PostgreSQL other processes change keys too, so every verification reads the database.
//!
//! The key cache contains only the buffers of keys that were used in this process.

use std::sync::Arc;
use std::time::Duration;

use super::accepted::AcceptedKey;
use crate::clock::{Clock, monotonic_now};
use crate::domain::secret::Digest;
use crate::domain::time::TimeDelta;
use crate::server::error::ApiError;
use crate::server::verification::first_use_batch::FirstUseBatch;
use crate::server::verification::key_cache::{KeyCache, UseDecision};
use crate::server::verification::lookup_batch::LookupBatch;
use crate::server::verification::revocation_lock::RevocationLock;
use crate::server::verification::use_buffer::RawClient;
use crate::server::verification::use_queue::UseQueue;
use crate::store::Store;

/// Maximum age of a stored last use. If it is older, the next use is stored before the request is answered. Other processes rely on
/// this limit.
const LAST_USE_LAG_MAX: TimeDelta = TimeDelta::seconds(30);
/// Minimum time that a refusal takes. PostgreSQL responds faster if there is no row, and the difference would reveal whether a key
/// ever existed.
const REFUSAL_TIME_MIN: Duration = Duration::from_millis(5);

/// Verifies keys by looking them up in the database.
pub(in crate::server::verification) struct PostgresVerifier {
    cache: Arc<KeyCache>,
    queue: Arc<UseQueue>,
    lookups: Arc<LookupBatch>,
    first_uses: Arc<FirstUseBatch>,
}

impl PostgresVerifier {
    pub(super) fn new(
        store: &Store,
        clock: &Clock,
        cache: Arc<KeyCache>,
        queue: Arc<UseQueue>,
        revocation_lock: &RevocationLock,
    ) -> Self {
        let first_uses = FirstUseBatch::new(store.clone(), clock.clone(), revocation_lock.clone());
        let lookups = LookupBatch::new(store.clone(), clock.clone());
        Self { cache, queue, lookups: Arc::new(lookups), first_uses: Arc::new(first_uses) }
    }

    /// Verifies a key. A refusal takes at least [`REFUSAL_TIME_MIN`].
    pub(super) async fn verify(
        &self,
        digest: &Digest,
        client: RawClient<'_>,
    ) -> Result<AcceptedKey, ApiError> {
        let earliest_refusal = monotonic_now() + REFUSAL_TIME_MIN;
        let verified = self.look_up_and_decide(digest, client).await;
        if matches!(verified, Err(ApiError::KeyInvalid)) {
            tokio::time::sleep_until(earliest_refusal.into()).await;
        }
        verified
    }

    /// Step 4: decides from the key's database row and the time on the database's clock.
    async fn look_up_and_decide(
        &self,
        digest: &Digest,
        client: RawClient<'_>,
    ) -> Result<AcceptedKey, ApiError> {
        loop {
            let found = self.lookups.look_up(digest).await?;
            let Some(key) = found.key else {
                // The same steps as for a revoked key, so that their cost does not tell the two apart.
                let decoy = self.cache.find(digest);
                let was_empty = decoy.record_refusal(found.now);
                self.queue.enqueue_if(was_empty, decoy);
                return Err(ApiError::KeyInvalid);
            };
            let entry = self.cache.get_or_insert(key.id, key.kind);
            let accepted = AcceptedKey { id: key.id, kind: key.kind, name: Some(key.name.into()) };
            if key.revoked {
                let was_empty = entry.record_refusal(found.now);
                self.queue.enqueue_if(was_empty, entry);
                return Err(ApiError::KeyInvalid);
            }
            let is_recent = key.last_used_at.is_some_and(|at| found.now.since(at) <= LAST_USE_LAG_MAX);
            let decision =
                if is_recent { entry.decide_use(client, || found.now) } else { UseDecision::AskDatabase };
            match decision {
                UseDecision::Buffered { was_empty } => {
                    self.queue.enqueue_if(was_empty, entry);
                    return Ok(accepted);
                }
                UseDecision::Refused { was_empty } => {
                    self.queue.enqueue_if(was_empty, entry);
                    return Err(ApiError::KeyInvalid);
                }
                UseDecision::AskDatabase => {
                    let is_accepted = self.first_uses.record(digest, &entry, client, || found.now).await?;
                    return if is_accepted { Ok(accepted) } else { Err(ApiError::KeyInvalid) };
                }
                UseDecision::Wait => self.cache.wait_until_resumed(&entry).await,
            }
        }
    }
}
