//! The queue that passes cache entries with unwritten uses from verifications to the writer thread.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::key_cache::CacheEntry;

/// Cache entries with buffered uses that must be written to the database. An entry is in the queue at most once.
#[derive(Default)]
pub(super) struct UseQueue {
    entries: Mutex<Vec<Arc<CacheEntry>>>,
    wake: Notify,
}

impl UseQueue {
    /// Queues the entry if its buffer was empty. Otherwise, the entry is already queued.
    pub(super) fn enqueue_if(&self, was_empty: bool, entry: Arc<CacheEntry>) {
        if was_empty {
            self.enqueue(entry);
        }
    }

    /// Step 6: queues an entry, and wakes the writer if the queue was empty.
    pub(super) fn enqueue(&self, entry: Arc<CacheEntry>) {
        let mut entries = self.entries();
        entries.push(entry);
        if entries.len() == 1 {
            drop(entries);
            self.wake();
        }
    }

    /// Removes and returns all queued entries.
    pub(super) fn take_entries(&self) -> Vec<Arc<CacheEntry>> {
        std::mem::take(&mut *self.entries())
    }

    pub(super) fn len(&self) -> usize {
        self.entries().len()
    }

    /// Wakes the writer thread, or lets its next call of [`wait`](Self::wait) return immediately.
    pub(super) fn wake(&self) {
        self.wake.notify_one();
    }

    /// Waits until the queue is not empty, or until the writer thread is woken to stop.
    pub(super) async fn wait(&self) {
        self.wake.notified().await;
    }

    fn entries(&self) -> MutexGuard<'_, Vec<Arc<CacheEntry>>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
