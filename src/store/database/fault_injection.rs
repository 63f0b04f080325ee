//! The deliberate bugs of [`crate::fault_injection`] that change how transactions end.

use std::time::Duration;

use futures_util::future::BoxFuture;

use super::{Store, StoreInner};
use crate::store::error::StoreError;
use crate::store::tx::{DeferredWrite, Tx};

/// Simulated duration of a disk sync. The PostgreSQL of the tests does not sync, which would hide the bug.
const SYNC_DELAY: Duration = Duration::from_millis(5);

impl Store {
    /// Injected bug: works like [`Store::write`], but returns before the commit.
    pub(super) async fn write_without_waiting<T, E, F>(&self, work: F) -> Result<T, E>
    where
        F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T, E>>,
        E: From<StoreError>,
    {
        let inner = self.inner.clone();
        let mut tx = Tx::begin(&inner.pools.writers, inner.dialect, inner.dialect.begin_write_sql()).await?;
        match work(&mut tx).await {
            Ok(value) => {
                tokio::spawn(async move {
                    tokio::time::sleep(SYNC_DELAY).await;
                    tx.commit(inner.revoked.as_ref()).await
                });
                Ok(value)
            }
            Err(refusal) => {
                tx.roll_back().await;
                Err(refusal)
            }
        }
    }
}

impl StoreInner {
    /// Injected bug: runs writes in a transaction of their own, after the transaction to which they belong.
    pub(super) async fn run_deferred(&self, writes: Vec<DeferredWrite>) -> Result<(), StoreError> {
        let mut tx = Tx::begin(&self.pools.writers, self.dialect, self.dialect.begin_write_sql()).await?;
        for write in writes {
            write(&mut tx).await?;
        }
        tx.commit(None).await
    }
}
