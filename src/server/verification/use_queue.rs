//! The queue of cache entries with unwritten uses, between verifications and the thread that writes.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::key_cache::CacheEntry;

/// Cache entries whose buffers must be written. An entry is in the queue at most once.
#[derive(Default)]
pub(super) struct UseQueue {
    entries: Mutex<Vec<Arc<CacheEntry>>>,
    wake: Notify,
}

impl UseQueue {
    /// Queues the entry if its buffer was empty before; otherwise it is queued already.
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

    /// Empties the queue, and returns its entries.
    pub(super) fn take(&self) -> Vec<Arc<CacheEntry>> {
        std::mem::take(&mut *self.entries())
    }

    pub(super) fn len(&self) -> usize {
        self.entries().len()
    }

    /// Wakes the writer, or lets its next [`wait`](Self::wait) return at once.
    pub(super) fn wake(&self) {
        self.wake.notify_one();
    }

    /// Waits until the queue is no longer empty, or until the writer is woken to stop.
    pub(super) async fn wait(&self) {
        self.wake.notified().await;
    }

    fn entries(&self) -> MutexGuard<'_, Vec<Arc<CacheEntry>>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
