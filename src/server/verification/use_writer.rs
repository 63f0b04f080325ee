//! Step 6 of a verification: writes buffered uses once a second, on its own thread.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::key_cache::{CacheEntry, KeyCache};
use super::revocation_lock::RevocationLock;
use super::use_buffer::{UseBuffer, sorted_by_id};
use super::use_queue::UseQueue;
use crate::clock::Clock;
use crate::domain::key::{ClientInfo, Key};
use crate::store::{self, Store};

/// Time from the first buffered use to the write, in which further uses are collected.
const WRITE_DELAY: Duration = Duration::from_secs(1);
/// Time between two removals of expired usage counts.
const PRUNE_INTERVAL: Duration = Duration::from_hours(6);

/// Writes the buffered uses of all queued cache entries to the database.
pub(super) struct UseWriter {
    store: Store,
    clock: Clock,
    cache: Arc<KeyCache>,
    queue: Arc<UseQueue>,
    revocation_lock: RevocationLock,
    stopping: AtomicBool,
}

/// The running writer thread, which is named `keyward-uses`.
pub(in crate::server) struct UseWriterThread {
    writer: Arc<UseWriter>,
    thread: std::thread::JoinHandle<()>,
}

impl UseWriterThread {
    /// Starts the writer thread.
    ///
    /// # Errors
    /// Fails if the operating system cannot start the thread or its runtime.
    pub(super) fn start(writer: Arc<UseWriter>) -> std::io::Result<Self> {
        // A runtime of its own: on a worker of the server's runtime, writing would delay verifications.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let running = writer.clone();
        let thread = std::thread::Builder::new()
            .name("keyward-uses".to_owned())
            .spawn(move || runtime.block_on(running.run()))?;
        Ok(Self { writer, thread })
    }

    /// Writes the remaining buffered uses, and ends the thread.
    pub(in crate::server) async fn stop(self) {
        self.writer.stopping.store(true, Ordering::SeqCst);
        self.writer.queue.wake();
        // An error means that the thread panicked, which was reported when it happened.
        let _ = tokio::task::spawn_blocking(move || self.thread.join()).await;
    }
}

impl UseWriter {
    pub(super) fn new(
        store: Store,
        clock: Clock,
        cache: Arc<KeyCache>,
        queue: Arc<UseQueue>,
        revocation_lock: RevocationLock,
    ) -> Self {
        Self { store, clock, cache, queue, revocation_lock, stopping: AtomicBool::new(false) }
    }

    async fn run(&self) {
        let mut prune = tokio::time::interval(PRUNE_INTERVAL);
        prune.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        while !self.is_stopping() {
            tokio::select! {
                () = self.queue.wait() => {
                    tokio::select! {
                        () = tokio::time::sleep(WRITE_DELAY) => {}
                        () = self.wait_for_stop() => {}
                    }
                    self.write_buffers().await;
                }
                _ = prune.tick() => self.prune_usage_counts().await,
            }
        }
        self.write_buffers().await;
    }

    fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::SeqCst)
    }

    async fn wait_for_stop(&self) {
        while !self.is_stopping() {
            self.queue.wait().await;
        }
    }

    async fn prune_usage_counts(&self) {
        let now = self.clock.now();
        let pruned: Result<(), store::StoreError> =
            self.store.write(move |tx| Box::pin(async move { tx.delete_expired(now).await })).await;
        if let Err(error) = pruned {
            tracing::warn!(%error, "could not remove expired usage counts; they will be removed later");
        }
    }

    /// Writes the buffered uses now. Errors are logged, and the uses stay buffered.
    pub(super) async fn flush(self: &Arc<Self>) {
        let writer = self.clone();
        // In a task of its own, because the caller's request may be cancelled, and a write must not be.
        let written = tokio::spawn(async move { writer.write_buffers().await }).await;
        if written.is_err() {
            tracing::error!("writing buffered uses panicked");
        }
    }

    /// Step 6: writes the buffered uses of all queued entries in one transaction.
    pub(in crate::server) async fn write_buffers(&self) {
        let _lock = self.revocation_lock.lock_exclusive().await;
        let taken: Vec<(Arc<CacheEntry>, Box<UseBuffer>)> = self
            .queue
            .take_entries()
            .into_iter()
            .filter_map(|entry| entry.take_buffer().map(|buffer| (entry, buffer)))
            .filter(|(entry, _)| !self.cache.is_decoy(entry))
            .collect();
        if taken.is_empty() {
            return;
        }
        let uses = sorted_by_id(taken.iter().map(|(entry, buffer)| buffer.to_key_use(entry.id)).collect());
        let now = self.clock.now();
        let written: Result<(), store::StoreError> =
            self.store.write(move |tx| Box::pin(async move { tx.record_uses(&uses, now).await })).await;
        if let Err(error) = written {
            tracing::warn!(%error, keys = taken.len(), "could not write buffered uses; they stay buffered and will be written later");
            for (entry, buffer) in taken {
                let was_empty = entry.return_buffer(*buffer);
                self.queue.enqueue_if(was_empty, entry);
            }
        }
    }

    /// Adds buffered uses to keys that were read from the database.
    pub(super) fn add_buffered(&self, keys: &mut [Key]) {
        if self.queue.len() == 0 {
            return;
        }
        for key in keys.iter_mut().filter(|key| key.revoked_at.is_none()) {
            let Some(entry) = self.cache.find_by_id(key.id) else { continue };
            let buffered = entry
                .read_buffer(|buffer| (buffer.last_used_at(), buffer.use_count(), buffer.clients().pop()));
            let Some((Some(last), count, Some(client))) = buffered else { continue };
            key.use_count += count;
            if key.last_used_at <= Some(last) {
                key.last_used_at = Some(last);
                key.last_used_by = Some(ClientInfo { agent: client.agent, address: client.address });
            }
        }
    }

    /// Returns the number of keys with uses that are buffered but not yet written to the database.
    pub(super) fn unwritten_keys(&self) -> usize {
        self.queue.len()
    }
}
