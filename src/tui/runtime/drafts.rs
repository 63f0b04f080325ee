//! Writes the drafts of a review to the disk in the background, in the order of their changes.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::runtime::Handle;

use super::api::Api;

/// A write to the stored review drafts.
pub(super) enum DraftWrite {
    /// Replaces all stored drafts.
    Whole(String),
    /// Appends a line to the stored drafts.
    Line(String),
}

/// Queue of writes to the stored review drafts.
#[derive(Clone)]
pub(super) struct Drafts {
    api: Arc<Api>,
    waiting: Arc<Mutex<Vec<DraftWrite>>>,
    /// Held while drafts are written, so that writes keep their order.
    write_lock: Arc<Mutex<()>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Drafts {
    pub(super) fn new(api: Arc<Api>) -> Self {
        Self { api, waiting: Arc::default(), write_lock: Arc::default() }
    }

    /// Queues a write, which runs on another thread.
    pub(super) fn push(&self, write: DraftWrite, handle: &Handle) {
        lock(&self.waiting).push(write);
        let drafts = self.clone();
        handle.spawn_blocking(move || drafts.flush());
    }

    /// Writes all queued changes before it returns, in one write if possible.
    pub(super) fn flush(&self) {
        let _guard = lock(&self.write_lock);
        let waiting = std::mem::take(&mut *lock(&self.waiting));
        let mut whole = None;
        let mut lines = String::new();
        for write in waiting {
            match write {
                DraftWrite::Whole(text) => {
                    whole = Some(text);
                    lines.clear();
                }
                DraftWrite::Line(line) => lines.push_str(&line),
            }
        }
        let kept = match whole {
            Some(whole) => self.api.saved_state().save_drafts(&(whole + &lines)),
            None if lines.is_empty() => Ok(()),
            None => self.api.saved_state().append_drafts(&lines),
        };
        if let Err(why) = kept {
            tracing::warn!(%why, "the review drafts could not be stored");
        }
    }
}
