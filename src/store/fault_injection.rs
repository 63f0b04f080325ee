//! The deliberate bugs of [`crate::fault_injection`] that are in the store.

use std::time::Duration;

use futures_util::future::BoxFuture;

use super::error::StoreError;
use super::tx::Tx;
use super::{NewActivity, Store, StoreInner};

/// Simulated duration of a disk sync. The PostgreSQL of the tests does not sync, which would hide the bug.
const SYNC: Duration = Duration::from_millis(5);
/// Removes a member unless the statement itself sees no other admin, without a lock.
pub(super) const REMOVE_IF_ANOTHER_ADMIN: &str = "UPDATE members SET removed_at = $2, changed_at = $3 \
    WHERE id = $1 AND removed_at IS NULL AND (role <> 'admin' OR EXISTS (SELECT 1 FROM members o WHERE o.role = 'admin' \
    AND o.activated_at IS NOT NULL AND o.removed_at IS NULL AND o.id <> members.id))";
/// Changes a role unless the statement itself sees no other admin, without a lock.
pub(super) const SET_ROLE_IF_ANOTHER_ADMIN: &str = "UPDATE members SET role = $2, changed_at = $3 \
    WHERE id = $1 AND role <> $2 AND removed_at IS NULL AND (role <> 'admin' OR EXISTS (SELECT 1 FROM members o \
    WHERE o.role = 'admin' AND o.activated_at IS NOT NULL AND o.removed_at IS NULL AND o.id <> members.id))";

/// Overwrites the last use, even with an earlier one.
pub(super) const OVER_WHAT_IS_THERE: &str = ") UPDATE keys SET last_used_agent = used.agent, \
    last_used_address = used.address, last_used_at = used.at, use_count = use_count + used.count";

impl Store {
    /// Runs like [`Store::write`], but returns before the commit.
    pub(super) async fn answered_early<T, E, F>(&self, work: F) -> Result<T, E>
    where
        F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T, E>>,
        E: From<StoreError>,
    {
        let inner = self.inner.clone();
        let mut tx = Tx::begin(&inner.pools.writers, inner.dialect, inner.dialect.begin_write()).await?;
        match work(&mut tx).await {
            Ok(value) => {
                tokio::spawn(async move {
                    tokio::time::sleep(SYNC).await;
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
    /// Writes activity entries in a separate transaction.
    pub(super) async fn record_late(&self, events: Vec<NewActivity>) -> Result<(), StoreError> {
        let mut tx = Tx::begin(&self.pools.writers, self.dialect, self.dialect.begin_write()).await?;
        for event in events {
            tx.insert_activity(event).await?;
        }
        tx.commit(None).await
    }
}
