//! The open database: read and write transactions. Start reading with [`Store::write`].

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use tracing::Instrument as _;

use super::dialect::{Dialect, Pools};
use super::error::StoreError;
use super::file::DataFile;
use super::revoked_log::{RestorePending, RevokedLog};
use super::tx::Tx;

#[cfg(feature = "fault-injection")]
mod fault_injection;

/// An open database. Cloning is cheap.
#[derive(Clone)]
pub struct Store {
    pub(super) inner: Arc<StoreInner>,
}

pub(super) struct StoreInner {
    pub(super) dialect: Dialect,
    pub(super) pools: Pools,
    pub(super) file: Option<DataFile>,
    /// Id of the database, which its backups share.
    pub(super) database: String,
    pub(super) revoked: Option<RevokedLog>,
    pub(super) pending: Option<RestorePending>,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("dialect", &self.inner.dialect).finish_non_exhaustive()
    }
}

impl Store {
    /// Returns the kind of database.
    pub fn dialect(&self) -> Dialect {
        self.inner.dialect
    }

    /// Returns the path of a SQLite file.
    pub fn path(&self) -> Option<&Path> {
        self.inner.file.as_ref().map(DataFile::path)
    }

    /// Returns why every key must be refused, if the database was restored and later revocations may be missing.
    pub fn restore_pending(&self) -> Option<&RestorePending> {
        self.inner.pending.as_ref()
    }

    /// Writes in one transaction: runs `work`, commits if it returns `Ok`, and rolls back if it returns `Err`. Every write uses this.
    ///
    /// The transaction runs in its own task, so it is completed even if the caller stops waiting.
    ///
    /// ```text
    /// store.write(move |tx| Box::pin(async move { tx.end_session(id, now).await })).await
    /// ```
    ///
    /// # Errors
    /// The error of `work`, or a [`StoreError`]. After [`StoreError::OutcomeUnknown`] the changes may be stored.
    pub async fn write<T, E, F>(&self, work: F) -> Result<T, E>
    where
        F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        #[cfg(feature = "fault-injection")]
        if crate::fault_injection::is_injected(crate::fault_injection::Fault::EarlyAnswer) {
            return self.answered_early(work).await;
        }
        let inner = self.inner.clone();
        tokio::spawn(async move { inner.write(work).await }.in_current_span())
            .await
            .unwrap_or_else(|gone| Err(lost(&gone).into()))
    }

    /// Reads a consistent snapshot: `work` runs in one read-only transaction.
    ///
    /// # Errors
    /// The error of `work`, or a [`StoreError`].
    pub async fn read<T, E, F>(&self, work: F) -> Result<T, E>
    where
        F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let inner = self.inner.clone();
        tokio::spawn(async move { inner.read(work).await }.in_current_span())
            .await
            .unwrap_or_else(|gone| Err(lost(&gone).into()))
    }

    /// Returns a handle for single queries, each of which sees the latest state. Cheaper than [`Store::read`].
    ///
    /// # Errors
    /// No connection can be opened.
    pub async fn reader(&self) -> Result<Tx, StoreError> {
        Tx::reader(&self.inner.pools.readers, self.inner.dialect).await
    }

    /// Closes every connection, so that SQLite moves its write-ahead log into the file.
    pub async fn close(&self) {
        self.inner.pools.readers.close().await;
        self.inner.pools.writers.close().await;
    }
}

impl StoreInner {
    pub(super) async fn write<T, E, F>(&self, work: F) -> Result<T, E>
    where
        F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T, E>>,
        E: From<StoreError>,
    {
        let mut tx = Tx::begin(&self.pools.writers, self.dialect, self.dialect.begin_write()).await?;
        match work(&mut tx).await {
            Ok(value) => {
                #[cfg(feature = "fault-injection")]
                let deferred = std::mem::take(&mut tx.deferred);
                tx.commit(self.revoked.as_ref()).await?;
                #[cfg(feature = "fault-injection")]
                self.run_deferred(deferred).await?;
                Ok(value)
            }
            Err(refusal) => {
                tx.roll_back().await;
                Err(refusal)
            }
        }
    }

    pub(super) async fn read<T, E, F>(&self, work: F) -> Result<T, E>
    where
        F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T, E>>,
        E: From<StoreError>,
    {
        let mut tx = Tx::begin(&self.pools.readers, self.dialect, self.dialect.begin_read()).await?;
        let result = work(&mut tx).await;
        tx.roll_back().await;
        result
    }
}

/// Returns the error for a transaction whose task ended without a result: it panicked, or the program is shutting down.
fn lost(gone: &tokio::task::JoinError) -> StoreError {
    if gone.is_panic() {
        StoreError::Failed("the transaction panicked".to_owned())
    } else {
        StoreError::OutcomeUnknown("the program is ending".to_owned())
    }
}
