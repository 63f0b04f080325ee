//! Verifications that the database answers: those that come together share a query.
//!
//! A query begins after all of its verifications were asked for, so each of them sees every change that was acknowledged before.

use std::sync::{Arc, PoisonError};

use tokio::sync::oneshot;

use crate::domain::secret::Digest;
use crate::server::error::ApiError;
use crate::server::verification::verifier::Recorder;
use crate::store::{self, Verification};

/// Most verifications to a query.
const TOGETHER: usize = 64;
/// Queries at a time: a second one, so that a slow one does not hold up all.
const QUERIES: usize = 2;

/// Verifications on their way.
#[derive(Default)]
pub(in crate::server) struct Reading {
    waiting: Vec<(Digest, oneshot::Sender<Verification>)>,
    queries: usize,
}

impl Recorder {
    /// What the database says of a secret.
    ///
    /// # Errors
    /// It does not answer.
    pub(in crate::server) async fn read(self: &Arc<Self>, digest: &Digest) -> Result<Verification, ApiError> {
        let (answer, answered) = oneshot::channel();
        let begin = {
            let mut reading = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
            reading.waiting.push((*digest, answer));
            let begin = reading.queries < QUERIES;
            reading.queries += usize::from(begin);
            begin
        };
        if begin {
            tokio::spawn(self.clone().read_waiting());
        }
        answered.await.map_err(|_| ApiError::Unavailable("The database does not answer. Try again."))
    }

    async fn read_waiting(self: Arc<Self>) {
        loop {
            let (digests, answers): (Vec<_>, Vec<_>) = {
                let mut reading = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
                if reading.waiting.is_empty() {
                    reading.queries -= 1;
                    return;
                }
                let together = reading.waiting.len().min(TOGETHER);
                reading.waiting.drain(..together).unzip()
            };
            match self.verifications(&digests).await {
                Ok(found) => {
                    for (answer, found) in answers.into_iter().zip(found) {
                        // Who asked may have gone away.
                        let _ = answer.send(found);
                    }
                }
                // Whoever is left without an answer is told that the database gives none.
                Err(error) => tracing::warn!(%error, keys = digests.len(), "keys cannot be verified"),
            }
        }
    }

    async fn verifications(&self, digests: &[Digest]) -> Result<Vec<Verification>, store::StoreError> {
        self.store.reader().await?.verify_secrets(digests, self.clock.now()).await
    }
}
