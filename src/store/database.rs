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
    pub(crate) fn dialect(&self) -> Dialect {
        self.inner.dialect
    }

    /// Returns the path of the SQLite file, or `None` for PostgreSQL.
    pub(crate) fn path(&self) -> Option<&Path> {
        self.inner.file.as_ref().map(DataFile::path)
    }

    /// Returns the reason for refusing every key if the database was restored and later revocations may be missing, otherwise `None`.
    pub fn restore_pending(&self) -> Option<&RestorePending> {
        self.inner.pending.as_ref()
    }

    /// Runs `work` in one write transaction: commits if it returns `Ok`, and rolls back if it returns `Err`. All changes to the
    /// database use this function.
    ///
    /// The transaction runs in a task of its own, so it is completed even if the caller stops waiting.
    ///
    /// ```text
    /// store.write(move |tx| Box::pin(async move { tx.end_session(id, now).await })).await
    /// ```
    ///
    /// # Errors
    /// Returns the error of `work` or a [`StoreError`]. After [`StoreError::OutcomeUnknown`], the changes may have been stored.
    pub async fn write<T, E, F>(&self, work: F) -> Result<T, E>
    where
        F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        #[cfg(feature = "fault-injection")]
        if crate::fault_injection::is_injected(crate::fault_injection::Fault::EarlyAnswer) {
            return self.write_without_waiting(work).await;
        }
        let inner = self.inner.clone();
        tokio::spawn(async move { inner.write(work).await }.in_current_span())
            .await
            .unwrap_or_else(|gone| Err(lost_task_error(&gone).into()))
    }

    /// Runs `work` in one read-only transaction, which sees a consistent snapshot.
    ///
    /// # Errors
    /// Returns the error of `work` or a [`StoreError`].
    pub(crate) async fn read<T, E, F>(&self, work: F) -> Result<T, E>
    where
        F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let inner = self.inner.clone();
        tokio::spawn(async move { inner.read(work).await }.in_current_span())
            .await
            .unwrap_or_else(|gone| Err(lost_task_error(&gone).into()))
    }

    /// Returns a handle for single queries, each of which sees the latest data. Cheaper than `Store::read`.
    ///
    /// # Errors
    /// Returns an error if no connection can be opened.
    pub async fn reader(&self) -> Result<Tx, StoreError> {
        Tx::reader(&self.inner.pools.readers, self.inner.dialect).await
    }

    /// Closes all connections, so that SQLite merges its write-ahead log into the database file.
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
        let mut tx = Tx::begin(&self.pools.writers, self.dialect, self.dialect.begin_write_sql()).await?;
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
        let mut tx = Tx::begin(&self.pools.readers, self.dialect, self.dialect.begin_read_sql()).await?;
        let result = work(&mut tx).await;
        tx.roll_back().await;
        result
    }
}

/// Returns the error for a transaction whose task ended without a result, because it panicked or the process is shutting down.
fn lost_task_error(gone: &tokio::task::JoinError) -> StoreError {
    if gone.is_panic() {
        StoreError::Failed("the transaction panicked".to_owned())
    } else {
        StoreError::OutcomeUnknown("the process is shutting down".to_owned())
    }
}
