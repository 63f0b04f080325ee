//! Puts the drafts of a review on the disk beside the loop, in the order in which they came.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::runtime::Handle;

use super::api::Api;

/// Something to write.
pub(super) enum DraftWrite {
    /// Instead of all that is there.
    Whole(String),
    /// After what is there.
    Line(String),
}

/// What waits to be written.
#[derive(Clone)]
pub(super) struct Drafts {
    line: Arc<Api>,
    waiting: Arc<Mutex<Vec<DraftWrite>>>,
    /// Held while something is written.
    turn: Arc<Mutex<()>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Drafts {
    pub(super) fn new(line: Arc<Api>) -> Self {
        Self { line, waiting: Arc::default(), turn: Arc::default() }
    }

    /// Writes it soon.
    pub(super) fn push(&self, write: DraftWrite, handle: &Handle) {
        lock(&self.waiting).push(write);
        let drafts = self.clone();
        handle.spawn_blocking(move || drafts.flush());
    }

    /// Writes all that waits before it returns, as few times as possible.
    pub(super) fn flush(&self) {
        let _turn = lock(&self.turn);
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
            Some(whole) => self.line.saved_state().save_drafts(&(whole + &lines)),
            None if lines.is_empty() => Ok(()),
            None => self.line.saved_state().append_drafts(&lines),
        };
        if let Err(why) = kept {
            tracing::warn!(%why, "drafts were not kept");
        }
    }
}
