//! Step 3 of a verification: on SQLite one process owns the database, so the key cache decides without a query.

use std::sync::Arc;

use super::accepted::AcceptedKey;
use crate::clock::Clock;
use crate::domain::id::Id;
use crate::domain::key::{Key, KeyKind};
use crate::domain::secret::Digest;
use crate::server::error::ApiError;
use crate::server::verification::first_use_batch::FirstUseBatch;
use crate::server::verification::key_cache::{CacheEntry, CachedState, KeyCache, UseDecision};
use crate::server::verification::revocation_lock::RevocationLock;
use crate::server::verification::use_buffer::RawClient;
use crate::server::verification::use_queue::UseQueue;
use crate::store::{self, Store};

/// Maximum number of keys that one query loads when the server starts.
const KEYS_PER_QUERY_MAX: u32 = 5_000;

/// Verifies keys by looking them up in the key cache.
pub(in crate::server::verification) struct SqliteVerifier {
    clock: Clock,
    cache: Arc<KeyCache>,
    queue: Arc<UseQueue>,
    first_uses: Arc<FirstUseBatch>,
}

impl SqliteVerifier {
    /// Loads all keys from the database into the cache.
    ///
    /// # Errors
    /// Fails if the database cannot be read.
    pub(super) async fn load(
        store: &Store,
        clock: &Clock,
        cache: Arc<KeyCache>,
        queue: Arc<UseQueue>,
        revocation_lock: &RevocationLock,
    ) -> Result<Self, store::StoreError> {
        let mut reader = store.reader().await?;
        let mut after = None;
        loop {
            let keys = reader.key_cache_rows(after, KEYS_PER_QUERY_MAX).await?;
            let Some(last) = keys.last() else { break };
            after = Some(last.id);
            for key in keys {
                let state = if key.revoked {
                    CachedState::Revoked
                } else if key.used {
                    CachedState::Accepted
                } else {
                    CachedState::Unconfirmed
                };
                cache.insert(key.digest, key.id, key.kind, &key.name, state);
            }
        }
        let first_uses = Arc::new(FirstUseBatch::new(store.clone(), clock.clone(), revocation_lock.clone()));
        Ok(Self { clock: clock.clone(), cache, queue, first_uses })
    }

    /// Step 3: verifies a key from its cache entry.
    pub(super) async fn verify(
        &self,
        digest: &Digest,
        client: RawClient<'_>,
        with_name: bool,
    ) -> Result<AcceptedKey, ApiError> {
        loop {
            let entry = self.cache.find(digest);
            match entry.decide_use(client, || self.clock.now()) {
                UseDecision::Buffered { was_empty } => {
                    let accepted = to_accepted_key(&entry, with_name);
                    self.queue.enqueue_if(was_empty, entry);
                    return Ok(accepted);
                }
                UseDecision::Refused { was_empty } => {
                    self.queue.enqueue_if(was_empty, entry);
                    return Err(ApiError::KeyInvalid);
                }
                UseDecision::AskDatabase => {
                    if self.first_uses.record(digest, &entry, client, || self.clock.now()).await? {
                        return Ok(to_accepted_key(&entry, with_name));
                    }
                    // The key was revoked or its secret was replaced meanwhile: the next round finds out which.
                }
                UseDecision::Wait => self.cache.wait_until_resumed(&entry).await,
            }
        }
    }

    pub(super) fn clamp_last_use(&self, keys: &mut [Key]) {
        let now = self.clock.now();
        for key in keys {
            key.last_used_at = key.last_used_at.map(|at| at.min(now));
        }
    }

    pub(super) fn key_created(&self, digest: Digest, id: Id, kind: KeyKind, name: &str) {
        self.cache.insert(digest, id, kind, name, CachedState::Unconfirmed);
    }

    pub(super) fn secret_reissued(
        &self,
        earlier: &Digest,
        digest: Digest,
        id: Id,
        kind: KeyKind,
        name: &str,
    ) {
        self.cache.replace_secret(earlier, digest, id, kind, name);
    }

    pub(super) fn key_renamed(&self, id: Id, name: &str) {
        self.cache.rename(id, name);
    }
}

fn to_accepted_key(entry: &CacheEntry, with_name: bool) -> AcceptedKey {
    AcceptedKey { id: entry.id, kind: entry.kind, name: with_name.then(|| entry.name()) }
}
