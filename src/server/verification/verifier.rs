//! Records the uses of keys: the first one before it is answered, all others gathered and written once a second by a thread of its own.
//!
//! Whoever decides about a key, or looks at its use, takes *turns* with the writing here, so that a use is always in exactly one
//! place that they see: gathered, or in the database.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, RwLock};

use crate::clock::{Clock, monotonic_now};
use crate::domain::id::Id;
use crate::domain::key::{ClientInfo, Key, KeyKind};
use crate::domain::secret::{Digest, digest_of_secret};
use crate::domain::time::SECOND;
use crate::server::error::ApiError;
use crate::server::verification::key_cache::CacheEntry;
use crate::server::verification::key_cache::CachedState;
use crate::server::verification::key_cache::KeyCache;
use crate::server::verification::key_cache::UseDecision;
use crate::server::verification::use_buffer::RawClient;
use crate::server::verification::use_buffer::UseBuffer;
use crate::store::{self, Dialect, KeyUseUpdate, Store};

#[cfg(feature = "fault-injection")]
use crate::server::verification::cached_verification as cached;
use crate::server::verification::first_use_batch::Asking;
use crate::server::verification::lookup_batch::Reading;
use crate::server::verification::revocation_lock::RevocationGuard;

/// How long uses are gathered before they are written.
const GATHER: Duration = Duration::from_secs(1);
/// How often what is too old is forgotten.
const PRUNE: Duration = Duration::from_hours(6);
/// On PostgreSQL a use is written at once when the last one on record is older than this, in milliseconds: other processes see it so.
const FRESH: i64 = 30 * SECOND;
/// On PostgreSQL no key is refused sooner than this after it was asked for: the database finds a row faster where there is none, and
/// the time would tell whether a key ever existed.
const EVEN: Duration = Duration::from_millis(5);
/// Keys that are loaded into the index at a time.
const LOADED: u32 = 5_000;

/// A key that was accepted, and whose use is recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedKey {
    /// The key.
    pub id: Id,
    /// Its kind.
    pub kind: KeyKind,
    /// Its name; given only where it was asked for.
    pub name: Option<Box<str>>,
}

/// The recorder of one process.
pub struct Recorder {
    pub(in crate::server) store: Store,
    pub(in crate::server) clock: Clock,
    pub(in crate::server) index: KeyCache,
    /// Keys with uses that are not yet written.
    pub(in crate::server) unwritten: Mutex<Vec<Arc<CacheEntry>>>,
    pub(in crate::server) wake: Notify,
    pub(in crate::server) asking: Mutex<Asking>,
    pub(in crate::server) reading: Mutex<Reading>,
    /// Held for writing by whoever writes gathered uses or decides about keys, for reading by a first use on its way.
    pub(in crate::server) turn: Arc<RwLock<()>>,
    pub(in crate::server) stopping: AtomicBool,
}

/// The thread that writes.
pub struct Writer {
    recorder: Arc<Recorder>,
    thread: std::thread::JoinHandle<()>,
}

impl Writer {
    /// Writes what is gathered, and ends.
    pub async fn stop(self) {
        self.recorder.stopping.store(true, Ordering::SeqCst);
        self.recorder.wake.notify_one();
        // It only ends early by a panic, which was reported.
        let _ = tokio::task::spawn_blocking(move || self.thread.join()).await;
    }
}

impl Recorder {
    /// A recorder that knows all keys of the database.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn load(store: Store, clock: Clock) -> Result<Arc<Self>, store::StoreError> {
        let index = KeyCache::default();
        // With several processes on the database, only the database knows.
        if store.dialect() == Dialect::Sqlite {
            let mut reader = store.reader().await?;
            let mut after = None;
            loop {
                let keys = reader.key_cache_rows(after, LOADED).await?;
                let Some(last) = keys.last() else { break };
                after = Some(last.id);
                for key in keys {
                    let standing = match (key.revoked, key.used) {
                        (true, _) => CachedState::Revoked,
                        (false, true) => CachedState::Accepted,
                        (false, false) => CachedState::Unconfirmed,
                    };
                    index.insert(key.digest, key.id, key.kind, &key.name, standing);
                }
            }
        }
        Ok(Arc::new(Self {
            store,
            clock,
            index,
            unwritten: Mutex::default(),
            wake: Notify::new(),
            asking: Mutex::default(),
            reading: Mutex::default(),
            turn: Arc::default(),
            stopping: AtomicBool::new(false),
        }))
    }

    /// Starts the thread that writes.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn start(self: Arc<Self>) -> std::io::Result<Writer> {
        // A runtime of its own: on a worker of the server's it would hold up verifications.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let recorder = self.clone();
        let thread = std::thread::Builder::new()
            .name("keyward-uses".to_owned())
            .spawn(move || runtime.block_on(recorder.write_as_they_come()))?;
        Ok(Writer { recorder: self, thread })
    }

    async fn write_as_they_come(&self) {
        let mut prune = tokio::time::interval(PRUNE);
        prune.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        while !self.stopping.load(Ordering::SeqCst) {
            tokio::select! {
                () = self.wake.notified() => {
                    tokio::select! {
                        () = tokio::time::sleep(GATHER) => {}
                        () = self.wake_to_stop() => {}
                    }
                    self.write_gathered().await;
                }
                _ = prune.tick() => self.prune().await,
            }
        }
        self.write_gathered().await;
    }

    /// Woken, and it was to stop.
    async fn wake_to_stop(&self) {
        while !self.stopping.load(Ordering::SeqCst) {
            self.wake.notified().await;
        }
    }

    async fn prune(&self) {
        let now = self.clock.now();
        let pruned: Result<(), store::StoreError> =
            self.store.write(move |tx| Box::pin(async move { tx.delete_expired(now).await })).await;
        if let Err(error) = pruned {
            tracing::warn!(%error, "old counts were not forgotten; tried again later");
        }
    }

    /// Verifies a well-formed key, and records its use before it returns.
    ///
    /// # Errors
    /// [`ApiError::KeyInvalid`] for whatever is not accepted; or its use cannot be recorded.
    pub async fn verify(
        self: &Arc<Self>,
        secret: &str,
        caller: RawClient<'_>,
        named: bool,
    ) -> Result<VerifiedKey, ApiError> {
        let digest = digest_of_secret(secret);
        let verified = match self.store.dialect() {
            Dialect::Sqlite => self.verify_here(&digest, caller, named).await,
            Dialect::Postgres => {
                let even = monotonic_now() + EVEN;
                let verified = self.verify_in_database(&digest, caller).await;
                if matches!(verified, Err(ApiError::KeyInvalid)) {
                    tokio::time::sleep_until(even.into()).await;
                }
                verified
            }
        };
        #[cfg(feature = "fault-injection")]
        let verified = cached::cached(digest, verified);
        verified
    }

    async fn verify_here(
        self: &Arc<Self>,
        digest: &Digest,
        caller: RawClient<'_>,
        named: bool,
    ) -> Result<VerifiedKey, ApiError> {
        loop {
            let entry = self.index.find(digest);
            match entry.touch(caller, || self.clock.now()) {
                UseDecision::UseBuffer { first } => {
                    let name = named.then(|| entry.name());
                    let verified = VerifiedKey { id: entry.id, kind: entry.kind, name };
                    self.note(first, entry);
                    return Ok(verified);
                }
                UseDecision::Refused { first } => {
                    self.note(first, entry);
                    return Err(ApiError::KeyInvalid);
                }
                UseDecision::AskDatabase => {
                    if self.ask_database(digest, &entry, caller, || self.clock.now()).await? {
                        let name = named.then(|| entry.name());
                        return Ok(VerifiedKey { id: entry.id, kind: entry.kind, name });
                    }
                    // Revoked, or its secret was issued anew: look once more.
                }
                UseDecision::Wait => self.index.settled(&entry).await,
            }
        }
    }

    async fn verify_in_database(
        self: &Arc<Self>,
        digest: &Digest,
        caller: RawClient<'_>,
    ) -> Result<VerifiedKey, ApiError> {
        loop {
            let found = self.read(digest).await?;
            let Some(key) = found.key else {
                // The same steps as for a revoked key: what they cost must not tell them apart.
                let nobody = self.index.find(digest);
                let first = nobody.refuse(found.now);
                self.note(first, nobody);
                return Err(ApiError::KeyInvalid);
            };
            let entry = self.index.get_or_insert(key.id, key.kind);
            let verified = VerifiedKey { id: key.id, kind: key.kind, name: Some(key.name.into()) };
            if key.revoked {
                let first = entry.refuse(found.now);
                self.note(first, entry);
                return Err(ApiError::KeyInvalid);
            }
            let fresh = key.last_used_at.is_some_and(|at| found.now.since(at) <= FRESH);
            let touch = if fresh { entry.touch(caller, || found.now) } else { UseDecision::AskDatabase };
            match touch {
                UseDecision::UseBuffer { first } => {
                    self.note(first, entry);
                    return Ok(verified);
                }
                UseDecision::Refused { first } => {
                    self.note(first, entry);
                    return Err(ApiError::KeyInvalid);
                }
                UseDecision::AskDatabase => {
                    let accepted = self.ask_database(digest, &entry, caller, || found.now).await?;
                    return if accepted { Ok(verified) } else { Err(ApiError::KeyInvalid) };
                }
                UseDecision::Wait => self.index.settled(&entry).await,
            }
        }
    }

    /// Sees to it that what was gathered gets written.
    pub(in crate::server) fn note(&self, first: bool, entry: Arc<CacheEntry>) {
        if !first {
            return;
        }
        let mut unwritten = self.unwritten.lock().unwrap_or_else(PoisonError::into_inner);
        unwritten.push(entry);
        if unwritten.len() == 1 {
            drop(unwritten);
            self.wake.notify_one();
        }
    }

    /// Writes everything that is gathered, before something is read that should show it. If it cannot be written, reading goes on.
    pub async fn write_before_reading(self: &Arc<Self>) {
        let recorder = self.clone();
        // In a task of its own: whoever waits for it may go away, what it holds must not.
        let written = tokio::spawn(async move { recorder.write_gathered().await }).await;
        if written.is_err() {
            tracing::error!("writing gathered uses panicked");
        }
    }

    async fn write_gathered(&self) {
        let _turn = self.turn.write().await;
        let entries = std::mem::take(&mut *self.unwritten.lock().unwrap_or_else(PoisonError::into_inner));
        let taken: Vec<(Arc<CacheEntry>, Box<UseBuffer>)> = entries
            .into_iter()
            .filter_map(|entry| entry.take().map(|gathered| (entry, gathered)))
            .filter(|(entry, _)| !self.index.is_nobody(entry))
            .collect();
        if taken.is_empty() {
            return;
        }
        let uses = in_order(taken.iter().map(|(entry, gathered)| key_use(entry.id, gathered)).collect());
        let now = self.clock.now();
        let written: Result<(), store::StoreError> =
            self.store.write(move |tx| Box::pin(async move { tx.record_uses(&uses, now).await })).await;
        if let Err(error) = written {
            tracing::warn!(%error, keys = taken.len(), "gathered uses were not written; they are kept and tried again");
            for (entry, gathered) in taken {
                let first = entry.put_back(*gathered);
                self.note(first, entry);
            }
        }
    }

    /// Completes keys that were read with what could not be written yet. A use is never in the future, even if the clock was set back.
    pub fn complete(&self, keys: &mut [Key]) {
        if !self.unwritten.lock().unwrap_or_else(PoisonError::into_inner).is_empty() {
            for key in keys.iter_mut() {
                self.add_unwritten(key);
            }
        }
        if self.store.dialect() == Dialect::Sqlite {
            let now = self.clock.now();
            for key in keys {
                key.last_used_at = key.last_used_at.map(|at| at.min(now));
            }
        }
    }

    fn add_unwritten(&self, key: &mut Key) {
        let Some(entry) = self.index.get(key.id).filter(|_| key.revoked_at.is_none()) else { return };
        let seen = entry.peek(|g| (g.last(), g.count(), g.clients().pop()));
        let Some((Some(last), count, Some(client))) = seen else { return };
        key.use_count += count;
        if key.last_used_at <= Some(last) {
            key.last_used_at = Some(last);
            key.last_used_by = Some(ClientInfo { agent: client.agent, address: client.address });
        }
    }

    /// How many keys have uses that are not yet written.
    pub fn unwritten(&self) -> usize {
        self.unwritten.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// A turn to decide about keys. Take it before the transaction, and hand it in.
    pub async fn turn(self: &Arc<Self>) -> RevocationGuard {
        RevocationGuard::new(self.clone(), self.turn.clone().write_owned().await)
    }

    /// A key was created: call it once that is stored, before it is answered.
    pub fn created(&self, digest: Digest, id: Id, kind: KeyKind, name: &str) {
        if self.store.dialect() == Dialect::Sqlite {
            self.index.insert(digest, id, kind, name, CachedState::Unconfirmed);
        }
    }

    /// A key's secret was issued anew: call it once that is stored, before it is answered.
    pub fn reissued(&self, earlier: &Digest, digest: Digest, id: Id, kind: KeyKind, name: &str) {
        if self.store.dialect() == Dialect::Sqlite {
            self.index.reissue(earlier, digest, id, kind, name);
        }
    }

    /// A key got another name.
    pub fn renamed(&self, id: Id, name: &str) {
        self.index.rename(id, name);
    }
}

pub(in crate::server) fn key_use(id: Id, gathered: &UseBuffer) -> KeyUseUpdate {
    let clients = gathered.clients();
    let last = gathered.last().zip(clients.last()).map(|(at, client)| {
        (at, ClientInfo { agent: client.agent.clone(), address: client.address.clone() })
    });
    KeyUseUpdate { id, last, hours: gathered.hours().to_vec(), clients }
}

/// In the order of ids, which all processes keep, so that none waits for one that waits for it.
pub(in crate::server) fn in_order(mut uses: Vec<KeyUseUpdate>) -> Vec<KeyUseUpdate> {
    uses.sort_unstable_by_key(|used| used.id);
    uses
}
