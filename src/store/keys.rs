//! Queries for keys. Changes are in [`change`].
//!
//! Step 2 of the flow from a database row to a table cell: [`Tx::keys`] runs the query, and [`read_key`] reads the columns into a
//! [`Key`]. The columns of a key are listed in [`columns`] only.

use std::sync::Arc;

use sqlx::AssertSqlSafe;

use super::error::StoreError;
use super::row::DbRow;
use super::statement::SqlStatement;
use super::tx::Tx;
use crate::domain::id::Id;
use crate::domain::key::{Key, KeyKind};
use crate::domain::secret::{Digest, MaskedSecret};
use crate::domain::time::Timestamp;

mod change;
mod columns;

pub(crate) use columns::StoredKey;
pub(super) use columns::{INSERTED_COLUMNS, KEY_COLUMNS, bind_key, read_key};
use columns::{MembersById, read_stored_key};

/// The keys that a query may return.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyScope {
    /// Personal keys of this member.
    PersonalOf(Id),
    /// Organization keys.
    Organization,
    /// Every key. For clients that present a secret.
    Any,
}

impl KeyScope {
    fn kind(self) -> Option<KeyKind> {
        match self {
            Self::PersonalOf(_) => Some(KeyKind::Personal),
            Self::Organization => Some(KeyKind::Organization),
            Self::Any => None,
        }
    }

    fn owner(self) -> Option<Id> {
        match self {
            Self::PersonalOf(owner) => Some(owner),
            Self::Organization | Self::Any => None,
        }
    }
}

/// A key to add.
#[derive(Clone, Debug)]
pub struct NewKey {
    /// Id of the key.
    pub id: Id,
    /// Whether the key is personal or belongs to the organization.
    pub kind: KeyKind,
    /// Normalized name.
    pub name: String,
    /// Normalized note.
    pub note: Option<String>,
    /// Digest of the secret.
    pub digest: Digest,
    /// The secret as it is displayed, reduced to its last four characters.
    pub mask: MaskedSecret,
    /// Member who creates the key.
    pub created_by: Id,
    /// Time of creation.
    pub at: Timestamp,
    /// The key that the new key replaces in a rotation.
    pub replaces: Option<Id>,
}

/// Selects a page of keys.
#[derive(Clone, Copy, Debug)]
pub struct KeyListFilter {
    /// Keys that the caller may see.
    pub(crate) scope: KeyScope,
    /// Only keys older than this one, which was the last on the previous page.
    pub(crate) before: Option<Id>,
    /// Whether to include revoked keys.
    pub(crate) revoked: bool,
    /// Only keys that changed at this time or later, including revoked ones.
    pub(crate) changed_since: Option<Timestamp>,
}

/// Conditions for revoking a key.
#[derive(Clone, Copy, Debug, Default)]
pub struct RevokeGuard {
    /// Revoke only if the key was not used at this time or later.
    pub(crate) unless_used_since: Option<Timestamp>,
    /// Revoke only if the key still has this version.
    pub(crate) version: Option<i64>,
}

/// A key as it is loaded into the key cache when a server starts.
#[derive(Clone, Debug)]
pub struct KeyCacheRow {
    /// Id of the key.
    pub(crate) id: Id,
    pub(crate) digest: Digest,
    /// Whether the key is personal or belongs to the organization.
    pub(crate) kind: KeyKind,
    pub(crate) name: String,
    /// Whether the key has ever been used.
    pub(crate) used: bool,
    pub(crate) revoked: bool,
}

impl SqlStatement {
    /// Restricts a query to keys within the scope. The query must use the alias `k` for the table.
    pub(super) fn scope(mut self, scope: KeyScope) -> Self {
        if let Some(kind) = scope.kind() {
            self = self.text(" AND k.kind = ?", kind.word());
        }
        if let Some(owner) = scope.owner() {
            self = self.text(" AND k.created_by = ?", owner.to_string());
        }
        self
    }
}

impl Tx {
    /// Returns a key, or `None` if it is not within the scope. In a write transaction on PostgreSQL, locks its row until the
    /// transaction ends.
    ///
    /// # Errors
    /// Returns an error if the query fails or a row is corrupt.
    pub async fn key(&mut self, id: Id, scope: KeyScope) -> Result<Option<StoredKey>, StoreError> {
        let found = SqlStatement::new("SELECT ").plain(KEY_COLUMNS).plain(" FROM keys k WHERE");
        let mut found = found.text(" k.id = ?", id.to_string()).scope(scope);
        if self.writes() {
            found = found.plain(self.dialect().for_update_of_keys());
        }
        let row = self.fetch_optional(found.query()).await?;
        self.read_optional_key(row.as_ref()).await
    }

    /// Returns the key with this secret digest, regardless of its owner.
    pub(crate) async fn key_by_digest(&mut self, digest: &Digest) -> Result<Option<StoredKey>, StoreError> {
        let held = if self.writes() { self.dialect().for_update_of_keys() } else { "" };
        let sql = format!("SELECT {KEY_COLUMNS} FROM keys k WHERE k.digest = $1{held}");
        let row = self.fetch_optional(sqlx::query(AssertSqlSafe(sql)).bind(digest.0.to_vec())).await?;
        self.read_optional_key(row.as_ref()).await
    }

    async fn read_optional_key(
        &mut self,
        row: Option<&sqlx::any::AnyRow>,
    ) -> Result<Option<StoredKey>, StoreError> {
        let Some(row) = row.map(|row| DbRow::new("keys", row)) else { return Ok(None) };
        let (creator, revoker) = (row.id("created_by")?, row.maybe_id("revoked_by")?);
        let members = self.members_by_id([Some(creator), revoker].into_iter().flatten()).await?;
        read_stored_key(&row, &members).map(Some)
    }

    /// Returns the members with these ids, by id.
    async fn members_by_id(&mut self, ids: impl IntoIterator<Item = Id>) -> Result<MembersById, StoreError> {
        let sql = SqlStatement::new(
            "SELECT id, id AS member_id, name AS member_name, email AS member_email, \
             activated_at AS member_activated_at, removed_at AS member_removed_at FROM members WHERE id IN ",
        );
        let rows = self.fetch_all(sql.ids(ids).query()).await?;
        let members = rows.iter().map(|row| DbRow::new("members", row).maybe_member());
        members.filter_map(Result::transpose).map(|m| m.map(|m| (m.id, Arc::new(m)))).collect()
    }

    /// Step 2: returns at most `limit` matching keys, newest first.
    pub(crate) async fn keys(&mut self, filter: KeyListFilter, limit: u32) -> Result<Vec<Key>, StoreError> {
        let mut sql = SqlStatement::new("SELECT ").plain(KEY_COLUMNS).plain(" FROM keys k WHERE 1 = 1");
        sql = sql.scope(filter.scope);
        if let Some(before) = filter.before {
            sql = sql.text(" AND k.id < ?", before.to_string());
        }
        if let Some(since) = filter.changed_since {
            // The fields of a key also change with its creator and with its replacement.
            sql = sql
                .int(" AND (k.changed_at >= ?", since.0)
                .int(
                    " OR k.id IN (SELECT s.replaces FROM keys s WHERE s.changed_at >= ? AND s.replaces IS NOT NULL)",
                    since.0,
                )
                .int(" OR k.created_by IN (SELECT m.id FROM members m WHERE m.changed_at >= ?))", since.0);
        } else if !filter.revoked {
            sql = sql.plain(" AND k.revoked_at IS NULL");
        }
        let rows = self.fetch_all(sql.plain(" ORDER BY k.id DESC").limit(limit).query()).await?;
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let members = self.member_refs().await?;
        rows.iter().map(|row| read_key(&DbRow::new("keys", row), &members)).collect()
    }

    /// Counts the keys within the scope. `revoked` says whether to include revoked keys.
    pub(crate) async fn count_keys(&mut self, scope: KeyScope, revoked: bool) -> Result<u64, StoreError> {
        let mut sql = SqlStatement::new("SELECT COUNT(*) AS n FROM keys k WHERE 1 = 1").scope(scope);
        if !revoked {
            sql = sql.plain(" AND k.revoked_at IS NULL");
        }
        let n = DbRow::new("keys", &self.fetch_one(sql.query()).await?).int("n")?;
        Ok(u64::try_from(n).unwrap_or(0))
    }

    /// Returns the ids and creation times of those keys that are within the scope, in any order.
    pub(crate) async fn keys_in_scope(
        &mut self,
        ids: &[Id],
        scope: KeyScope,
    ) -> Result<Vec<(Id, Timestamp)>, StoreError> {
        let sql = SqlStatement::new("SELECT k.id, k.created_at FROM keys k WHERE k.id IN ");
        let rows = self.fetch_all(sql.ids(ids.iter().copied()).scope(scope).query()).await?;
        rows.iter()
            .map(|row| DbRow::new("keys", row))
            .map(|row| Ok((row.id("id")?, row.stamp("created_at")?)))
            .collect()
    }

    /// Returns at most `limit` keys with ids greater than `after`, ordered by id.
    pub(crate) async fn key_cache_rows(
        &mut self,
        after: Option<Id>,
        limit: u32,
    ) -> Result<Vec<KeyCacheRow>, StoreError> {
        let sql = sqlx::query(
            "SELECT id, digest, kind, name, last_used_at, revoked_at FROM keys WHERE id > $1 ORDER BY id LIMIT $2",
        )
        .bind(after.map_or_else(String::new, |id| id.to_string()))
        .bind(i64::from(limit));
        let rows = self.fetch_all(sql).await?;
        rows.iter()
            .map(|row| {
                let row = DbRow::new("keys", row);
                Ok(KeyCacheRow {
                    id: row.id("id")?,
                    digest: row.digest("digest")?,
                    kind: row.word("kind")?,
                    name: row.text("name")?,
                    used: row.maybe_stamp("last_used_at")?.is_some(),
                    revoked: row.maybe_stamp("revoked_at")?.is_some(),
                })
            })
            .collect()
    }
}
