//! Changes of keys. Each guard is part of the `WHERE` clause, so that nothing can change between a check and the write.

use super::{NewKey, RevokeGuard, StoredKey};
use crate::domain::id::Id;
use crate::domain::secret::{Digest, MaskedSecret};
use crate::domain::time::Timestamp;
use crate::store::error::StoreError;
use crate::store::row::DbRow;
use crate::store::tx::Tx;

impl Tx {
    /// Adds a key to the database.
    ///
    /// # Errors
    /// Returns [`StoreError::Taken`] if another active key replaces the same key.
    pub async fn insert_key(&mut self, new: &NewKey) -> Result<(), StoreError> {
        let mark = self.change_time(new.at).await?;
        let sql = sqlx::query(
            "INSERT INTO keys (id, kind, name, note, digest, last_four, version, created_at, created_by, replaces, \
             use_count, changed_at) VALUES ($1, $2, $3, $4, $5, $6, 1, $7, $8, $9, 0, $10)",
        )
        .bind(new.id.to_string())
        .bind(new.kind.word())
        .bind(new.name.clone())
        .bind(new.note.clone())
        .bind(new.digest.0.to_vec())
        .bind(new.mask.last_four().to_owned())
        .bind(new.at.0)
        .bind(new.created_by.to_string())
        .bind(new.replaces.map(|id| id.to_string()))
        .bind(mark.0);
        self.execute(sql).await.map(drop)
    }

    /// Replaces the secret of a key that was created after `created_after` and was neither used nor confirmed. The previous secret
    /// stops working.
    ///
    /// Returns `false` if the key does not meet these conditions.
    pub(crate) async fn reissue_key(
        &mut self,
        earlier: &StoredKey,
        digest: Digest,
        masked: MaskedSecret,
        created_after: Timestamp,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mark = self.change_time(now).await?;
        let sql = sqlx::query(
            "UPDATE keys SET digest = $3, last_four = $4, changed_at = $5 WHERE id = $1 AND digest = $2 \
             AND last_used_at IS NULL AND confirmed_at IS NULL AND revoked_at IS NULL AND created_at > $6",
        )
        .bind(earlier.key.id.to_string())
        .bind(earlier.digest.0.to_vec())
        .bind(digest.0.to_vec())
        .bind(masked.last_four().to_owned())
        .bind(mark.0)
        .bind(created_after.0);
        let done = self.execute(sql).await? > 0;
        if done {
            self.add_to_revoked_log(earlier.digest);
        }
        Ok(done)
    }

    /// Changes a key's name and note if it still has this version. Returns `false` if it has another version or is revoked.
    pub(crate) async fn edit_key(
        &mut self,
        id: Id,
        version: i64,
        name: &str,
        note: Option<&str>,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mark = self.change_time(now).await?;
        let sql = sqlx::query(
            "UPDATE keys SET name = $3, note = $4, version = version + 1, changed_at = $5 \
             WHERE id = $1 AND version = $2 AND revoked_at IS NULL",
        )
        .bind(id.to_string())
        .bind(version)
        .bind(name.to_owned())
        .bind(note.map(str::to_owned))
        .bind(mark.0);
        Ok(self.execute(sql).await? > 0)
    }

    /// Records that a key's secret was stored. Returns `false` if this was already recorded or the key is revoked.
    pub(crate) async fn confirm_key(&mut self, id: Id, now: Timestamp) -> Result<bool, StoreError> {
        let mark = self.change_time(now).await?;
        let sql = sqlx::query(
            "UPDATE keys SET confirmed_at = $2, version = version + 1, changed_at = $3 \
             WHERE id = $1 AND confirmed_at IS NULL AND revoked_at IS NULL",
        )
        .bind(id.to_string())
        .bind(now.0)
        .bind(mark.0);
        Ok(self.execute(sql).await? > 0)
    }

    /// Revokes a key if it meets the guard's conditions. Returns `false` if it does not, or if it is already revoked.
    ///
    /// # Errors
    /// Returns an error if the query fails.
    pub async fn revoke_key(
        &mut self,
        id: Id,
        guard: RevokeGuard,
        by: Id,
        reason: Option<&str>,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mark = self.change_time(now).await?;
        let sql = sqlx::query(
            "UPDATE keys SET revoked_at = $2, revoked_by = $3, revoke_reason = $4, version = version + 1, changed_at = $5 \
             WHERE id = $1 AND revoked_at IS NULL AND (last_used_at IS NULL OR last_used_at < $6) \
             AND (version = $7 OR $7 < 0) RETURNING digest",
        )
        .bind(id.to_string())
        .bind(now.0)
        .bind(by.to_string())
        .bind(reason.map(str::to_owned))
        .bind(mark.0)
        .bind(guard.unless_used_since.map_or(i64::MAX, |since| since.0))
        .bind(guard.version.unwrap_or(-1));
        let Some(row) = self.fetch_optional(sql).await? else { return Ok(false) };
        let digest = DbRow::new("keys", &row).digest("digest")?;
        self.add_to_revoked_log(digest);
        Ok(true)
    }
}
