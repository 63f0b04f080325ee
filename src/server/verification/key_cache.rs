//! Caches keys by the digest of their secret. Each entry has the state that decides about a use, and the buffer for unwritten uses.
//!
//! On SQLite, where one process owns the database, the cache is all that a verification needs. The cache changes in the same step as the
//! database, before the response is sent. While a transaction decides whether to revoke a key, the key is *suspended*: its requests wait
//! for the outcome, so that no use is accepted that the transaction has not seen. On PostgreSQL the cache contains only the buffers of
//! keys that were used in this process.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use tokio::sync::Notify;

use super::use_buffer::{RawClient, UseBuffer};
use crate::domain::id::Id;
use crate::domain::key::KeyKind;
use crate::domain::secret::Digest;
use crate::domain::time::Timestamp;

/// How the cache decides about the next use of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::server) enum CachedState {
    /// The key is accepted and has a stored use, so further uses are buffered.
    Accepted,
    /// The key has no stored use yet, or it is unknown whether a write succeeded. The next use is stored before its request is
    /// answered, if the database accepts the key.
    Unconfirmed,
    /// A transaction is deciding whether to revoke the key; requests with the key wait until it ends.
    Suspended,
    Revoked,
}

/// A cached key with its state and its unwritten uses.
#[derive(Debug)]
pub(in crate::server) struct CacheEntry {
    pub id: Id,
    pub kind: KeyKind,
    inner: Mutex<EntryFields>,
}

/// The fields of a [`CacheEntry`] that its lock protects.
#[derive(Debug)]
struct EntryFields {
    state: CachedState,
    name: Box<str>,
    /// The unwritten uses; `None` if there are none.
    buffer: Option<Box<UseBuffer>>,
}

impl EntryFields {
    /// Returns the buffer, which is created if necessary, and whether it was empty.
    fn buffer_mut(&mut self) -> (&mut UseBuffer, bool) {
        let was_empty = self.buffer.is_none();
        (self.buffer.get_or_insert_default(), was_empty)
    }
}

/// The cache's decision about one use of a key.
///
/// `was_empty` is true if the key had no unwritten uses before. The caller must then queue the entry, so that its buffer is
/// written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::server) enum UseDecision {
    /// The key is accepted, and the use was buffered.
    Buffered { was_empty: bool },
    /// The key is revoked, and the refused request was counted.
    Refused { was_empty: bool },
    /// The cache cannot decide. The use must first be stored in the database, which accepts or refuses the key.
    AskDatabase,
    /// The key is suspended. The request must wait for the transaction that decides whether to revoke the key.
    Wait,
}

impl CacheEntry {
    fn new(id: Id, kind: KeyKind, name: &str, state: CachedState) -> Arc<Self> {
        Arc::new(Self { id, kind, inner: Mutex::new(EntryFields { state, name: name.into(), buffer: None }) })
    }

    fn lock(&self) -> MutexGuard<'_, EntryFields> {
        // A poisoned lock is safe to use: every change is complete before anything in it could panic.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Step 3: decides about one use, and buffers it if the key is accepted.
    ///
    /// `now` is called while the entry is locked: a use that is recorded after a read of this entry is therefore never dated before
    /// that read.
    pub(in crate::server) fn decide_use(
        &self,
        client: RawClient<'_>,
        now: impl FnOnce() -> Timestamp,
    ) -> UseDecision {
        let mut entry = self.lock();
        match entry.state {
            CachedState::Accepted => {
                let (buffer, was_empty) = entry.buffer_mut();
                buffer.record_use(client, now());
                UseDecision::Buffered { was_empty }
            }
            CachedState::Revoked => {
                let (buffer, was_empty) = entry.buffer_mut();
                buffer.record_refusal(now());
                UseDecision::Refused { was_empty }
            }
            CachedState::Unconfirmed => UseDecision::AskDatabase,
            CachedState::Suspended => UseDecision::Wait,
        }
    }

    /// Counts a request that was refused because the key is revoked. Returns `true` if the buffer was empty, so that the entry must
    /// be queued.
    pub(super) fn record_refusal(&self, now: Timestamp) -> bool {
        let mut entry = self.lock();
        let (buffer, was_empty) = entry.buffer_mut();
        buffer.record_refusal(now);
        was_empty
    }

    /// Applies the database's decision about an unconfirmed key. Does nothing if a revocation has changed the state since.
    pub(super) fn confirm(&self, is_accepted: bool) {
        let mut entry = self.lock();
        if entry.state == CachedState::Unconfirmed {
            entry.state = if is_accepted { CachedState::Accepted } else { CachedState::Revoked };
        }
    }

    /// Suspends the key unless it is revoked, and removes its unwritten uses from the buffer. Returns the previous state and these
    /// uses.
    pub(super) fn suspend(&self) -> (CachedState, Option<Box<UseBuffer>>) {
        let mut entry = self.lock();
        let before = entry.state;
        if before != CachedState::Revoked {
            entry.state = CachedState::Suspended;
        }
        (before, entry.buffer.take())
    }

    /// Ends a suspension, and puts the `unwritten` uses back into the buffer. Returns `true` if the entry must be queued, so that
    /// they are written.
    pub(super) fn resume(&self, state: CachedState, unwritten: Option<Box<UseBuffer>>) -> bool {
        let mut entry = self.lock();
        if entry.state == CachedState::Suspended {
            entry.state = state;
        }
        drop(entry);
        unwritten.is_some_and(|buffer| self.return_buffer(*buffer))
    }

    /// Removes the unwritten uses from the entry and returns them; `None` if there are none.
    pub(super) fn take_buffer(&self) -> Option<Box<UseBuffer>> {
        self.lock().buffer.take()
    }

    /// Puts uses that could not be stored back into the buffer. Returns `true` if the buffer was empty, so that the entry must be
    /// queued.
    pub(super) fn return_buffer(&self, unwritten: UseBuffer) -> bool {
        let mut entry = self.lock();
        let (buffer, was_empty) = entry.buffer_mut();
        buffer.prepend(unwritten);
        was_empty
    }

    /// Calls `read` with the unwritten uses and returns its result; `None` if there are no unwritten uses.
    pub(super) fn read_buffer<T>(&self, read: impl FnOnce(&UseBuffer) -> T) -> Option<T> {
        self.lock().buffer.as_deref().map(read)
    }

    pub(super) fn name(&self) -> Box<str> {
        self.lock().name.clone()
    }
}

/// Hasher for digests. It uses their first eight bytes as they are, because SHA-256 distributes them evenly.
#[derive(Default)]
struct DigestHasher(u64);

impl Hasher for DigestHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        if let Some(first) = bytes.first_chunk::<8>() {
            self.0 = u64::from_le_bytes(*first);
        }
    }

    fn write_usize(&mut self, _: usize) {}
}

/// Number of decoy entries; see [`KeyCache::find`].
const DECOYS: usize = 256;

type EntriesByDigest = HashMap<Digest, Arc<CacheEntry>, BuildHasherDefault<DigestHasher>>;

/// The keys that this process has cached, by digest and by id.
pub(in crate::server) struct KeyCache {
    by_digest: RwLock<EntriesByDigest>,
    by_id: RwLock<HashMap<Id, Arc<CacheEntry>>>,
    /// Stand-ins for unknown secrets, so that these take as long to refuse as revoked keys. Always revoked; never stored in the
    /// database.
    decoys: Vec<Arc<CacheEntry>>,
    resumed: Notify,
}

impl Default for KeyCache {
    fn default() -> Self {
        let id = Id::new(Timestamp(0), [0; 10]);
        let decoy = |_| CacheEntry::new(id, KeyKind::Personal, "", CachedState::Revoked);
        Self {
            by_digest: RwLock::default(),
            by_id: RwLock::default(),
            decoys: (0..DECOYS).map(decoy).collect(),
            resumed: Notify::new(),
        }
    }
}

impl KeyCache {
    pub(super) fn insert(&self, digest: Digest, id: Id, kind: KeyKind, name: &str, state: CachedState) {
        let entry = CacheEntry::new(id, kind, name, state);
        write_lock(&self.by_digest).insert(digest, entry.clone());
        write_lock(&self.by_id).insert(id, entry);
    }

    /// Returns the entry of the key with this digest, or a decoy if the secret is unknown.
    ///
    /// A decoy is handled like a revoked key, so that the response time does not reveal whether a key exists. There are many decoys
    /// because an entry is only queued while its buffer is empty: a single decoy would almost always be queued already, and unknown
    /// secrets would skip that step more often than revoked keys.
    pub(in crate::server) fn find(&self, digest: &Digest) -> Arc<CacheEntry> {
        let decoy = &self.decoys[usize::from(digest.0[31]) % DECOYS];
        read_lock(&self.by_digest).get(digest).unwrap_or(decoy).clone()
    }

    pub(super) fn is_decoy(&self, entry: &CacheEntry) -> bool {
        entry.id == self.decoys[0].id
    }

    pub(super) fn find_by_id(&self, id: Id) -> Option<Arc<CacheEntry>> {
        read_lock(&self.by_id).get(&id).cloned()
    }

    /// Returns the entry of a key that was just read from the database. If the cache has no entry for it, inserts one with the
    /// state [`CachedState::Accepted`].
    pub(super) fn get_or_insert(&self, id: Id, kind: KeyKind) -> Arc<CacheEntry> {
        if let Some(entry) = self.find_by_id(id) {
            return entry;
        }
        write_lock(&self.by_id)
            .entry(id)
            .or_insert_with(|| CacheEntry::new(id, kind, "", CachedState::Accepted))
            .clone()
    }

    /// Replaces a key's secret. The earlier secret is treated as unknown from then on.
    pub(super) fn replace_secret(&self, earlier: &Digest, digest: Digest, id: Id, kind: KeyKind, name: &str) {
        write_lock(&self.by_digest).remove(earlier);
        self.insert(digest, id, kind, name, CachedState::Unconfirmed);
    }

    pub(super) fn rename(&self, id: Id, name: &str) {
        if let Some(entry) = self.find_by_id(id) {
            entry.lock().name = name.into();
        }
    }

    /// Wakes the requests that wait for suspended keys, after the keys were resumed.
    pub(super) fn notify_resumed(&self) {
        self.resumed.notify_waiters();
    }

    /// Waits as long as the key is suspended.
    pub(super) async fn wait_until_resumed(&self, entry: &CacheEntry) {
        loop {
            let mut resumed = std::pin::pin!(self.resumed.notified());
            // Registers before the state is read, so that a notification between the two is not missed.
            resumed.as_mut().enable();
            if entry.lock().state != CachedState::Suspended {
                return;
            }
            resumed.await;
        }
    }
}

fn read_lock<T>(lock: &RwLock<T>) -> std::sync::RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

fn write_lock<T>(lock: &RwLock<T>) -> std::sync::RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}
