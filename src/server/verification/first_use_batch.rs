//! Uses that the database decides: each is written before it is answered, and those that come together share a transaction.
//!
//! A transaction of its own for each would let a fleet of new keys in only as fast as the disk syncs, one by one.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};

use tokio::sync::{OwnedRwLockReadGuard, oneshot};

use crate::domain::id::Id;
use crate::domain::secret::Digest;
use crate::domain::time::Timestamp;
use crate::server::error::ApiError;
use crate::server::verification::key_cache::CacheEntry;
use crate::server::verification::use_buffer::RawClient;
use crate::server::verification::use_buffer::UseBuffer;
use crate::server::verification::verifier::Recorder;
use crate::server::verification::verifier::key_use;
use crate::store;

/// Uses on their way.
#[derive(Default)]
pub(in crate::server) struct Asking {
    /// In the order of ids, as all processes write.
    waiting: BTreeMap<(Id, Digest), PendingUses>,
    /// Whether a task writes them, and will look again.
    written: bool,
}

/// Uses of one secret, and who waits for what the database says of them.
struct PendingUses {
    entry: Arc<CacheEntry>,
    uses: UseBuffer,
    answers: Vec<oneshot::Sender<bool>>,
    /// Nobody decides about keys until these uses are on record, even if who asked has gone away.
    _turn: OwnedRwLockReadGuard<()>,
}

impl Recorder {
    /// Lets the database decide about a use by writing it. Whether it was one: the key may be revoked, or have another secret.
    ///
    /// # Errors
    /// It cannot be recorded.
    pub(in crate::server) async fn ask_database(
        self: &Arc<Self>,
        digest: &Digest,
        entry: &Arc<CacheEntry>,
        caller: RawClient<'_>,
        now: impl FnOnce() -> Timestamp,
    ) -> Result<bool, ApiError> {
        let turn = self.turn.clone().read_owned().await;
        let (answer, answered) = oneshot::channel();
        let begin = {
            let mut asking = self.asking.lock().unwrap_or_else(PoisonError::into_inner);
            let asked = asking.waiting.entry((entry.id, *digest)).or_insert_with(|| PendingUses {
                entry: entry.clone(),
                uses: UseBuffer::default(),
                answers: Vec::new(),
                _turn: turn,
            });
            asked.uses.add(caller, now());
            asked.answers.push(answer);
            !std::mem::replace(&mut asking.written, true)
        };
        if begin {
            tokio::spawn(self.clone().write_asked());
        }
        answered.await.map_err(|_| {
            ApiError::Unavailable(
                "The use of the key cannot be recorded now, so it is not answered. Try again.",
            )
        })
    }

    /// Writes the uses that wait, all of them in one transaction, until none does.
    async fn write_asked(self: Arc<Self>) {
        loop {
            let asked = {
                let mut asking = self.asking.lock().unwrap_or_else(PoisonError::into_inner);
                asking.written = !asking.waiting.is_empty();
                std::mem::take(&mut asking.waiting)
            };
            if asked.is_empty() {
                return;
            }
            let uses: Vec<_> =
                asked.iter().map(|((id, digest), asked)| (*digest, key_use(*id, &asked.uses))).collect();
            let now = self.clock.now();
            let written: Result<Vec<bool>, store::StoreError> = self
                .store
                .write(move |tx| Box::pin(async move { tx.record_uses_if_active(uses, now).await }))
                .await;
            let accepted = written.unwrap_or_else(|error| {
                tracing::error!(%error, keys = asked.len(), "uses of keys cannot be recorded, so they are not answered");
                Vec::new()
            });
            // Whoever is left without an answer is told that the use cannot be recorded.
            for (asked, accepted) in asked.into_values().zip(accepted) {
                asked.entry.learn(accepted);
                for answer in asked.answers {
                    // Who asked may have gone away.
                    let _ = answer.send(accepted);
                }
            }
        }
    }
}
