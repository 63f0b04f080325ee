//! Uses that the database decides: each is written before it is answered, and those that come together share a transaction.
//!
//! A transaction of its own for each would let a fleet of new keys in only as fast as the disk syncs, one by one.

use std::sync::{Arc, PoisonError};

use tokio::sync::{OwnedRwLockReadGuard, oneshot};

use super::super::Refusal;
use super::super::gathered::{Caller, Gathered};
use super::super::index::Entry;
use super::{Recorder, key_use};
use crate::domain::secret::Digest;
use crate::domain::time::Stamp;
use crate::store::{self, KeyUse};

/// Uses on their way.
#[derive(Default)]
pub(super) struct Asking {
    waiting: Vec<Ask>,
    /// Whether a task writes them, and will look again.
    written: bool,
}

/// One use, and who waits for what the database says of it.
struct Ask {
    entry: Arc<Entry>,
    digest: Digest,
    used: KeyUse,
    at: Stamp,
    answer: oneshot::Sender<bool>,
    /// Nobody decides about keys until this use is on record, even if who asked has gone away.
    _turn: OwnedRwLockReadGuard<()>,
}

impl Recorder {
    /// Lets the database decide about a use by writing it. Whether it was one: the key may be revoked, or have another secret.
    ///
    /// # Errors
    /// It cannot be recorded.
    pub(super) async fn ask_database(
        self: &Arc<Self>,
        digest: &Digest,
        entry: &Arc<Entry>,
        caller: Caller<'_>,
        now: impl FnOnce() -> Stamp,
    ) -> Result<bool, Refusal> {
        let turn = self.turn.clone().read_owned().await;
        let at = now();
        let mut gathered = Gathered::default();
        gathered.add(caller, at);
        let (answer, answered) = oneshot::channel();
        let used = key_use(entry.id, &gathered);
        let ask = Ask { entry: entry.clone(), digest: *digest, used, at, answer, _turn: turn };
        let begin = {
            let mut asking = self.asking.lock().unwrap_or_else(PoisonError::into_inner);
            asking.waiting.push(ask);
            !std::mem::replace(&mut asking.written, true)
        };
        if begin {
            tokio::spawn(self.clone().write_asked());
        }
        answered.await.map_err(|_| {
            Refusal::Unavailable(
                "The use of the key cannot be recorded now, so it is not answered. Try again.",
            )
        })
    }

    /// Writes the uses that wait, all of them in one transaction, until none does.
    async fn write_asked(self: Arc<Self>) {
        loop {
            let mut asks = {
                let mut asking = self.asking.lock().unwrap_or_else(PoisonError::into_inner);
                asking.written = !asking.waiting.is_empty();
                std::mem::take(&mut asking.waiting)
            };
            if asks.is_empty() {
                return;
            }
            // In the order of ids, as all processes write.
            asks.sort_by_key(|ask| ask.entry.id);
            let uses: Vec<_> = asks.iter().map(|ask| (ask.digest, ask.used.clone(), ask.at)).collect();
            let written: Result<Vec<bool>, store::Error> = self
                .store
                .write(move |tx| {
                    Box::pin(async move {
                        let mut accepted = Vec::with_capacity(uses.len());
                        for (digest, used, at) in &uses {
                            accepted.push(tx.record_use_of(digest, used, *at).await?);
                        }
                        Ok(accepted)
                    })
                })
                .await;
            match written {
                Ok(accepted) => {
                    for (ask, accepted) in asks.into_iter().zip(accepted) {
                        ask.entry.learn(accepted);
                        // Who asked may have gone away.
                        let _ = ask.answer.send(accepted);
                    }
                }
                // Dropping them answers that it cannot be recorded.
                Err(error) => tracing::error!(%error, uses = asks.len(), "the use of keys cannot be recorded, so it was not answered"),
            }
        }
    }
}
