//! Verification of API keys: decides whether a key is accepted, and records the use before the response is sent.
//!
//! Start reading with the steps below, then [`KeyVerification`] and [`verifier`]. Nothing here knows HTTP, except the error for a
//! refused key, and nothing else in the server changes the key cache.
//!
//! # From a verification to the stored use
//! 1. [`http::listener`](super::http::listener) accepts the connection. [`Service::handle`](super::service::Service::handle) assigns
//!    the request id, checks `Host`, and recognizes the data plane by its path.
//! 2. [`data_plane::handle`](super::handlers::data_plane::handle) reads the key: [`bearer::key`](super::http::bearer::key) checks
//!    header, length, alphabet and checksum. [`KeyVerification::verify`] computes the digest.
//! 3. SQLite ([`verifier::sqlite`]): [`KeyCache::find`] returns the key's entry, or a decoy for an unknown secret.
//!    [`CacheEntry::decide_use`](key_cache::CacheEntry::decide_use) decides under the entry's lock. *Accepted*: the use goes into the
//!    entry's buffer, and the response is sent. *Revoked*: the refused request is counted, 401. *Suspended*: the request waits for the
//!    write that decides about the key. *Unconfirmed*: step 5.
//! 4. PostgreSQL ([`verifier::postgres`]): [`LookupBatch::look_up`](lookup_batch::LookupBatch::look_up) looks up digests that arrive
//!    together in one query, which begins after all of them were requested. Unknown and revoked keys get 401. If the last use is more
//!    than 30 s old, step 5; else the use goes into the entry's buffer, as in step 3.
//! 5. [`FirstUseBatch::record`](first_use_batch::FirstUseBatch::record): stores uses whose requests are answered only
//!    after the commit. Uses that wait at the same time share one transaction.
//! 6. [`UseQueue::enqueue`](use_queue::UseQueue::enqueue) queues the entry and wakes the thread `keyward-uses`. One second later
//!    [`UseWriter::write_buffers`](use_writer::UseWriter::write_buffers) takes the revocation lock and writes every buffer in one
//!    transaction. If that fails, the uses go back into their buffers; on shutdown they are written.
//!
//! A revoke takes the same lock ([`revocation_lock`]), suspends the key, and writes its buffered uses in its own transaction; see
//! [`guarded_revoke`](super::operations::guarded_revoke).

use std::sync::Arc;

use key_cache::KeyCache;
use revocation_lock::{RevocationGuard, RevocationLock};
use use_buffer::RawClient;
use use_queue::UseQueue;
use use_writer::{UseWriter, UseWriterThread};
use verifier::{AcceptedKey, Verifier};

use crate::clock::Clock;
use crate::domain::id::Id;
use crate::domain::key::{Key, KeyKind};
use crate::domain::secret::{Digest, digest_of_secret};
use crate::server::error::ApiError;
use crate::store::{self, Store};

#[cfg(feature = "fault-injection")]
mod cached_verification;
pub(super) mod first_use_batch;
pub(super) mod key_cache;
pub(super) mod lookup_batch;
pub(super) mod revocation_lock;
pub(super) mod use_buffer;
pub(super) mod use_queue;
pub(super) mod use_writer;
pub(super) mod verifier;

/// Verifies keys and records their uses. There is one instance per process.
///
/// Handlers that read keys call [`flush_uses`](Self::flush_uses) before the read and [`complete_uses`](Self::complete_uses) after
/// it. Handlers that revoke keys hold the guard of [`lock_revocations`](Self::lock_revocations) during their transaction.
pub(super) struct KeyVerification {
    verifier: Verifier,
    uses: Arc<UseWriter>,
    revocation_lock: RevocationLock,
}

impl KeyVerification {
    /// Creates the verifier for the store's database. On SQLite, this loads all keys into the cache.
    ///
    /// # Errors
    /// Fails if the database cannot be read.
    pub(super) async fn load(store: &Store, clock: &Clock) -> Result<Self, store::StoreError> {
        let (cache, queue) = (Arc::new(KeyCache::default()), Arc::new(UseQueue::default()));
        let revocation_lock = RevocationLock::new(cache.clone(), queue.clone(), clock.clone());
        let verifier = Verifier::load(store, clock, &cache, &queue, &revocation_lock).await?;
        let uses = UseWriter::new(store.clone(), clock.clone(), cache, queue, revocation_lock.clone());
        Ok(Self { verifier, uses: Arc::new(uses), revocation_lock })
    }

    /// Starts the thread that writes buffered uses to the database.
    ///
    /// # Errors
    /// Fails if the operating system cannot start the thread or its runtime.
    pub(super) fn start_writer(&self) -> std::io::Result<UseWriterThread> {
        UseWriterThread::start(self.uses.clone())
    }

    /// Step 2: verifies a well-formed secret, and records its use before returning.
    ///
    /// `with_name` requests the key's name, which costs an allocation.
    ///
    /// # Errors
    /// Returns [`ApiError::KeyInvalid`] for an unknown or revoked key, and [`ApiError::Unavailable`] if the key cannot be looked up
    /// or its use cannot be stored.
    pub(super) async fn verify(
        &self,
        secret: &str,
        client: RawClient<'_>,
        with_name: bool,
    ) -> Result<AcceptedKey, ApiError> {
        let digest = digest_of_secret(secret);
        let verified = self.verifier.verify(&digest, client, with_name).await;
        #[cfg(feature = "fault-injection")]
        let verified = cached_verification::override_with_cached(digest, verified);
        verified
    }

    /// Writes buffered uses to the database, so that the next read includes them. If they cannot be written, they stay buffered,
    /// and the read can proceed.
    pub(super) async fn flush_uses(&self) {
        self.uses.flush().await;
    }

    /// Step 3 of "From a database row to a table cell": adds buffered uses to keys that were read from the database.
    pub(super) fn complete_uses(&self, keys: &mut [Key]) {
        self.uses.add_buffered(keys);
        self.verifier.clamp_last_use(keys);
    }

    /// Waits for the revocation lock. Must be called before the transaction begins.
    pub(super) async fn lock_revocations(&self) -> RevocationGuard {
        self.revocation_lock.lock_for_revocation().await
    }

    /// Returns the number of keys with uses that are buffered but not yet written to the database.
    pub(super) fn unwritten_keys(&self) -> usize {
        self.uses.unwritten_keys()
    }

    /// Adds a new key to the cache. Must be called after the key is stored and before the response is sent.
    pub(super) fn key_created(&self, digest: Digest, id: Id, kind: KeyKind, name: &str) {
        self.verifier.key_created(digest, id, kind, name);
    }

    /// Replaces a key's secret in the cache. Must be called after the new secret is stored and before the response is sent.
    pub(super) fn secret_reissued(
        &self,
        earlier: &Digest,
        digest: Digest,
        id: Id,
        kind: KeyKind,
        name: &str,
    ) {
        self.verifier.secret_reissued(earlier, digest, id, kind, name);
    }

    /// Changes the key name that `/auth` returns.
    pub(super) fn key_renamed(&self, id: Id, name: &str) {
        self.verifier.key_renamed(id, name);
    }
}
