//! Restored backups: finds revocations that are missing from the database but recorded in its log of revoked keys, and applies them.

use std::collections::HashSet;
use std::path::Path;

use super::activity::NewActivity;
use super::database::{Store, StoreInner};
use super::error::{OpenStoreError, StoreError};
use super::file::{beside, lock};
use super::location::OpenMode;
use super::revoked_log::{self, RestorePending, RevokedLog};
use super::row::DbRow;
use super::tx::Tx;
use crate::domain::activity::Action;
use crate::domain::secret::Digest;
use crate::domain::time::Timestamp;

const SUFFIX: &str = ".revoked";
const REASON: &str = "revoked before; the restored backup did not know it";

/// Result of accepting a restored backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AcceptedRestore {
    /// Number of keys that were revoked again.
    pub(crate) revoked_again: usize,
    /// Whether the log did not match the database, so that every key had been refused.
    pub was_pending: bool,
}

/// Opens the log of revoked keys for a server, and revokes the keys that are in the log but active in the database. Other commands
/// only create the log of a new database, since a server may be running.
pub(super) async fn open(
    inner: &StoreInner,
    data: &Path,
    access: OpenMode,
    now: Timestamp,
    random: fn() -> [u8; 10],
) -> Result<(Option<RevokedLog>, Option<RestorePending>), OpenStoreError> {
    let path = beside(data, SUFFIX);
    let database = &inner.database;
    let mut content = revoked_log::read(&path)?;
    if content.is_none() && access != OpenMode::Tool && inner.read(|tx| Box::pin(tx.has_no_keys())).await? {
        revoked_log::replace(&path, database, &HashSet::new())?;
        content = revoked_log::read(&path)?;
    }
    if access != OpenMode::Serve {
        return Ok((None, None));
    }
    let Some(content) = content else { return Ok((None, Some(RestorePending::Missing(path)))) };
    let known = inner.read(|tx| Box::pin(tx.revoked_digests())).await?;
    if content.database != *database || !known.is_subset(&content.digests) {
        return Ok((None, Some(RestorePending::Foreign(path))));
    }
    replay(inner, content.digests.difference(&known).copied().collect(), now, random).await?;
    Ok((Some(RevokedLog::open(&path)?), None))
}

async fn replay(
    inner: &StoreInner,
    unknown: Vec<[u8; 32]>,
    now: Timestamp,
    random: fn() -> [u8; 10],
) -> Result<usize, StoreError> {
    if unknown.is_empty() {
        return Ok(0);
    }
    inner
        .write(move |tx| {
            Box::pin(async move {
                let mut revoked = 0;
                for digest in unknown {
                    revoked += usize::from(tx.reapply_revocation(Digest(digest), now, random).await?);
                }
                Ok(revoked)
            })
        })
        .await
}

impl Store {
    /// Accepts a restored backup: revokes the keys that are in the log, and makes the log match the database. The server must not be
    /// running.
    ///
    /// # Errors
    /// Returns an error if a server is running, the log cannot be written, or the query fails.
    pub async fn accept_restore(
        &self,
        now: Timestamp,
        random: fn() -> [u8; 10],
    ) -> Result<AcceptedRestore, OpenStoreError> {
        let Some(data) = self.path() else {
            return Ok(AcceptedRestore { revoked_again: 0, was_pending: false });
        };
        // A running server would continue to write to the replaced file.
        let _server = lock(data)?;
        let path = beside(data, SUFFIX);
        let database = self.inner.database.clone();
        let content = revoked_log::read(&path)?;
        let known = self.inner.read(|tx| Box::pin(tx.revoked_digests())).await?;
        let fits = content.as_ref().is_some_and(|c| c.database == database && known.is_subset(&c.digests));
        let mut all = content.map(|content| content.digests).unwrap_or_default();
        let unknown = all.difference(&known).copied().collect();
        let revoked_again = replay(&self.inner, unknown, now, random).await?;
        if fits && revoked_again == 0 {
            return Ok(AcceptedRestore { revoked_again, was_pending: false });
        }
        let detail = format!("keys revoked again: {revoked_again}, by a command on the server's host");
        self.write(move |tx| {
            let event = NewActivity::new(Action::RestoreAccepted, now, random()).detail(detail);
            Box::pin(async move { tx.record_activity(event).await })
        })
        .await?;
        all.extend(&known);
        revoked_log::replace(&path, &database, &all)?;
        Ok(AcceptedRestore { revoked_again, was_pending: !fits })
    }
}

impl Tx {
    async fn has_no_keys(&mut self) -> Result<bool, StoreError> {
        Ok(self.fetch_optional(sqlx::query("SELECT id FROM keys LIMIT 1")).await?.is_none())
    }

    async fn revoked_digests(&mut self) -> Result<HashSet<[u8; 32]>, StoreError> {
        let rows =
            self.fetch_all(sqlx::query("SELECT id, digest FROM keys WHERE revoked_at IS NOT NULL")).await?;
        rows.iter().map(|row| DbRow::new("keys", row).digest("digest").map(|digest| digest.0)).collect()
    }

    /// Revokes the key with this digest. Returns `false` if there is no such key or it is already revoked.
    async fn reapply_revocation(
        &mut self,
        digest: Digest,
        now: Timestamp,
        random: fn() -> [u8; 10],
    ) -> Result<bool, StoreError> {
        let sql = sqlx::query(
            "UPDATE keys SET revoked_at = $2, revoke_reason = $3, version = version + 1, changed_at = $2 \
             WHERE digest = $1 AND revoked_at IS NULL RETURNING id, name",
        )
        .bind(digest.0.to_vec())
        .bind(now.0)
        .bind(REASON);
        let Some(row) = self.fetch_optional(sql).await? else { return Ok(false) };
        let row = DbRow::new("keys", &row);
        let event = NewActivity::new(Action::KeyRevoked, now, random());
        self.record_activity(event.key(row.id("id")?, &row.text("name")?).detail(REASON)).await?;
        Ok(true)
    }
}
