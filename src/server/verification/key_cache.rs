//! All keys in memory, by the digest of their secret: says at once whether a key is accepted, and gathers its uses.
//!
//! Where one process owns the database (SQLite) this is the whole of a verification. It is changed in the same step as the database,
//! before the answer is sent: while a write decides about a key, that key is *suspended* and its requests wait for the outcome, so
//! that no use is answered that the write has not seen. On PostgreSQL only the keys that were used here stand in it, for their uses.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use tokio::sync::Notify;

use crate::domain::id::Id;
use crate::domain::key::KeyKind;
use crate::domain::secret::Digest;
use crate::domain::time::Timestamp;
use crate::server::verification::use_buffer::RawClient;
use crate::server::verification::use_buffer::UseBuffer;

/// What is known of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CachedState {
    /// It is accepted, and its first use is on record: uses are gathered.
    Accepted,
    /// The database decides, by writing the use: the key was never used, or the outcome of a write is not known.
    Unconfirmed,
    /// A write decides about it now: wait.
    Suspended,
    /// It is revoked, for good.
    Revoked,
}

/// A key in the index.
#[derive(Debug)]
pub struct CacheEntry {
    /// The key.
    pub id: Id,
    /// Personal or the organization's.
    pub kind: KeyKind,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    standing: CachedState,
    name: Box<str>,
    gathered: Option<Box<UseBuffer>>,
}

/// What became of one use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UseDecision {
    /// It is gathered. `first` if nothing of this key waited to be written before.
    UseBuffer {
        /// The recorder is to be told.
        first: bool,
    },
    /// The key is revoked; the refusal is gathered.
    Refused {
        /// The recorder is to be told.
        first: bool,
    },
    /// To be decided by writing the use.
    AskDatabase,
    /// To be decided when the write that holds it has ended.
    Wait,
}

impl CacheEntry {
    fn new(id: Id, kind: KeyKind, name: &str, standing: CachedState) -> Arc<Self> {
        Arc::new(Self { id, kind, state: Mutex::new(State { standing, name: name.into(), gathered: None }) })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Every change below is whole before anything in it could panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gathers one use, if the key is accepted. `now` is asked under the lock: a use that is answered after someone looked
    /// is never dated before that look.
    pub fn touch(&self, caller: RawClient<'_>, now: impl FnOnce() -> Timestamp) -> UseDecision {
        let mut state = self.state();
        match state.standing {
            CachedState::Accepted => {
                let first = state.gathered.is_none();
                state.gathered.get_or_insert_default().add(caller, now());
                UseDecision::UseBuffer { first }
            }
            CachedState::Revoked => {
                let first = state.gathered.is_none();
                state.gathered.get_or_insert_default().refuse(now());
                UseDecision::Refused { first }
            }
            CachedState::Unconfirmed => UseDecision::AskDatabase,
            CachedState::Suspended => UseDecision::Wait,
        }
    }

    /// Gathers a use that the database refused because the key is revoked. Says whether nothing waited to be written before.
    pub fn refuse(&self, now: Timestamp) -> bool {
        let mut state = self.state();
        let first = state.gathered.is_none();
        state.gathered.get_or_insert_default().refuse(now);
        first
    }

    /// What the database said when it was asked: whether the key is accepted. A write that decides meanwhile has the last word.
    pub fn learn(&self, accepted: bool) {
        let mut state = self.state();
        if state.standing == CachedState::Unconfirmed {
            state.standing = if accepted { CachedState::Accepted } else { CachedState::Revoked };
        }
    }

    /// Makes its requests wait, and takes what was gathered so that the write can take it in. Also says how it stood before.
    pub fn suspend(&self) -> (CachedState, Option<Box<UseBuffer>>) {
        let mut state = self.state();
        let before = state.standing;
        if before != CachedState::Revoked {
            state.standing = CachedState::Suspended;
        }
        (before, state.gathered.take())
    }

    /// Ends a suspension. Says whether something waits to be written.
    pub fn resume(&self, standing: CachedState, unwritten: Option<Box<UseBuffer>>) -> bool {
        let mut state = self.state();
        if state.standing == CachedState::Suspended {
            state.standing = standing;
        }
        drop(state);
        unwritten.is_some_and(|gathered| self.put_back(*gathered))
    }

    /// Takes what was gathered, to write it.
    pub fn take(&self) -> Option<Box<UseBuffer>> {
        self.state().gathered.take()
    }

    /// Gives back what could not be written. Says whether nothing else waited.
    pub fn put_back(&self, unwritten: UseBuffer) -> bool {
        let mut state = self.state();
        let first = state.gathered.is_none();
        state.gathered.get_or_insert_default().put_back(unwritten);
        first
    }

    /// Reads what is gathered and not yet written.
    pub fn peek<T>(&self, read: impl FnOnce(&UseBuffer) -> T) -> Option<T> {
        self.state().gathered.as_deref().map(read)
    }

    /// What is known of the key.
    pub fn standing(&self) -> CachedState {
        self.state().standing
    }

    /// The key's name.
    pub fn name(&self) -> Box<str> {
        self.state().name.clone()
    }
}

/// Digests are evenly spread already: eight of their bytes are a hash.
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

/// Entries that stand for unknown secrets.
const NOBODIES: usize = 256;

type ByDigest = HashMap<Digest, Arc<CacheEntry>, BuildHasherDefault<DigestHasher>>;

/// The index.
pub struct KeyCache {
    by_digest: RwLock<ByDigest>,
    by_id: RwLock<HashMap<Id, Arc<CacheEntry>>>,
    nobody: Vec<Arc<CacheEntry>>,
    settled: Notify,
}

impl Default for KeyCache {
    fn default() -> Self {
        let id = Id::new(Timestamp(0), [0; 10]);
        let nobody =
            (0..NOBODIES).map(|_| CacheEntry::new(id, KeyKind::Personal, "", CachedState::Revoked)).collect();
        Self { by_digest: RwLock::default(), by_id: RwLock::default(), nobody, settled: Notify::new() }
    }
}

impl KeyCache {
    /// Takes in a key.
    pub fn insert(&self, digest: Digest, id: Id, kind: KeyKind, name: &str, standing: CachedState) {
        let entry = CacheEntry::new(id, kind, name, standing);
        write(&self.by_digest).insert(digest, entry.clone());
        write(&self.by_id).insert(id, entry);
    }

    /// The key of a secret. An unknown secret finds an entry that stands for nobody and goes the same way as a revoked key,
    /// so that the time of the answer does not tell them apart: it is one of many, for what is gathered under one key is gathered
    /// only once before it is written.
    pub fn find(&self, digest: &Digest) -> Arc<CacheEntry> {
        let nobody = &self.nobody[usize::from(digest.0[31]) % NOBODIES];
        read(&self.by_digest).get(digest).unwrap_or(nobody).clone()
    }

    /// Whether the entry stands for unknown secrets.
    pub fn is_nobody(&self, entry: &CacheEntry) -> bool {
        entry.id == self.nobody[0].id
    }

    /// The entry of a key, if there is one.
    pub fn get(&self, id: Id) -> Option<Arc<CacheEntry>> {
        read(&self.by_id).get(&id).cloned()
    }

    /// The entry of a key that the database has just shown, made where there is none.
    pub fn get_or_insert(&self, id: Id, kind: KeyKind) -> Arc<CacheEntry> {
        if let Some(entry) = self.get(id) {
            return entry;
        }
        write(&self.by_id)
            .entry(id)
            .or_insert_with(|| CacheEntry::new(id, kind, "", CachedState::Accepted))
            .clone()
    }

    /// A secret was issued anew: the earlier one is unknown from now on.
    pub fn reissue(&self, earlier: &Digest, digest: Digest, id: Id, kind: KeyKind, name: &str) {
        write(&self.by_digest).remove(earlier);
        self.insert(digest, id, kind, name, CachedState::Unconfirmed);
    }

    /// A key got another name.
    pub fn rename(&self, id: Id, name: &str) {
        if let Some(entry) = self.get(id) {
            entry.state().name = name.into();
        }
    }

    /// Wakes the requests that wait for suspended keys.
    pub fn wake(&self) {
        self.settled.notify_waiters();
    }

    /// Waits until the entry is not suspended any more.
    pub async fn settled(&self, entry: &CacheEntry) {
        loop {
            let mut woken = std::pin::pin!(self.settled.notified());
            // Registered before looking, so that a wake-up between the two is not missed.
            woken.as_mut().enable();
            if entry.standing() != CachedState::Suspended {
                return;
            }
            woken.await;
        }
    }
}

fn read<T>(lock: &RwLock<T>) -> std::sync::RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

fn write<T>(lock: &RwLock<T>) -> std::sync::RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}
