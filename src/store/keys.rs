//! Keys: reading them, each query once. What changes them stands in `change`.

use std::collections::HashMap;
use std::sync::Arc;

use sqlx::AssertSqlSafe;

use super::error::StoreError;
use super::row::DbRow;
use super::statement::SqlStatement;
use super::tx::Tx;
use crate::domain::id::Id;
use crate::domain::key::{ClientInfo, Key, KeyKind};
use crate::domain::member::MemberRef;
use crate::domain::secret::{Digest, MaskedSecret};
use crate::domain::time::Timestamp;

mod change;

/// Whose keys are meant. What lies outside of it does not exist for the query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyScope {
    /// The personal keys of this member.
    PersonalOf(Id),
    /// The organization's keys.
    Organization,
    /// Any key, for whoever holds its secret.
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

/// A key with what only the server knows of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredKey {
    /// The key.
    pub key: Key,
    /// Of its secret.
    pub digest: Digest,
    /// When its creator said that the secret is stored.
    pub confirmed_at: Option<Timestamp>,
}

/// A key to be created.
#[derive(Clone, Debug)]
pub struct NewKey {
    /// The id.
    pub id: Id,
    /// Whose it is.
    pub kind: KeyKind,
    /// A checked name.
    pub name: String,
    /// A checked note.
    pub note: Option<String>,
    /// Of its secret.
    pub digest: Digest,
    /// Of its secret.
    pub mask: MaskedSecret,
    /// Who creates it.
    pub created_by: Id,
    /// When.
    pub at: Timestamp,
    /// The key that it is to replace.
    pub replaces: Option<Id>,
}

/// Which keys of a list are asked for. Newest first.
#[derive(Clone, Copy, Debug)]
pub struct KeyListFilter {
    /// Whose.
    pub scope: KeyScope,
    /// Older than this key: the last one of the page before.
    pub before: Option<Id>,
    /// Revoked ones too.
    pub revoked: bool,
    /// Only what changed at this time or later, revoked ones too.
    pub changed_since: Option<Timestamp>,
}

/// What must hold for a revoke.
#[derive(Clone, Copy, Debug, Default)]
pub struct RevokeGuard {
    /// Not used at this time or later.
    pub unless_used_since: Option<Timestamp>,
    /// Not changed since this version.
    pub version: Option<i64>,
}

/// A key as the index of a starting server takes it in.
#[derive(Clone, Debug)]
pub struct KeyCacheRow {
    /// The id.
    pub id: Id,
    /// Of its secret.
    pub digest: Digest,
    /// Its kind.
    pub kind: KeyKind,
    /// Its name.
    pub name: String,
    /// Whether it was ever used.
    pub used: bool,
    /// Whether it is revoked.
    pub revoked: bool,
}

/// What a key is read from; the table is called `k`.
pub(super) const COLUMNS: &str = "k.id, k.kind, k.name, k.note, k.digest, k.last_four, k.version, k.created_at, k.created_by, \
    k.confirmed_at, k.replaces, k.last_used_at, k.last_used_agent, k.last_used_address, k.use_count, k.revoked_at, \
    k.revoked_by, k.revoke_reason, (SELECT MAX(s.id) FROM keys s WHERE s.replaces = k.id AND s.revoked_at IS NULL) \
    AS replaced_by";

/// All members that keys may name.
pub type MembersById = HashMap<Id, Arc<MemberRef>>;

impl SqlStatement {
    /// Only keys of the scope; the table is called `k`.
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
    /// A key within the scope. In a write on PostgreSQL it stays as it is until the end of the transaction.
    ///
    /// # Errors
    /// The database does not answer, or a row is damaged.
    pub async fn key(&mut self, id: Id, scope: KeyScope) -> Result<Option<StoredKey>, StoreError> {
        let found = SqlStatement::new("SELECT ").plain(COLUMNS).plain(" FROM keys k WHERE");
        let mut found = found.text(" k.id = ?", id.to_string()).scope(scope);
        if self.writes() {
            found = found.plain(self.dialect().for_update_of_keys());
        }
        let row = self.optional(found.query()).await?;
        self.one_key(row.as_ref()).await
    }

    /// The key of a secret, whosever it is.
    ///
    /// # Errors
    /// The database does not answer, or a row is damaged.
    pub async fn key_by_digest(&mut self, digest: &Digest) -> Result<Option<StoredKey>, StoreError> {
        let held = if self.writes() { self.dialect().for_update_of_keys() } else { "" };
        let sql = format!("SELECT {COLUMNS} FROM keys k WHERE k.digest = $1{held}");
        let row = self.optional(sqlx::query(AssertSqlSafe(sql)).bind(digest.0.to_vec())).await?;
        self.one_key(row.as_ref()).await
    }

    async fn one_key(&mut self, row: Option<&sqlx::any::AnyRow>) -> Result<Option<StoredKey>, StoreError> {
        let Some(row) = row.map(|row| DbRow::of("keys", row)) else { return Ok(None) };
        let (creator, revoker) = (row.id("created_by")?, row.maybe_id("revoked_by")?);
        let members = self.members_named([Some(creator), revoker].into_iter().flatten()).await?;
        key_row(&row, &members).map(Some)
    }

    /// Members by their ids.
    async fn members_named(&mut self, ids: impl IntoIterator<Item = Id>) -> Result<MembersById, StoreError> {
        let sql = SqlStatement::new(
            "SELECT id, id AS member_id, name AS member_name, email AS member_email, \
             activated_at AS member_activated_at, removed_at AS member_removed_at FROM members WHERE id IN ",
        );
        let rows = self.all(sql.ids(ids).query()).await?;
        let members = rows.iter().map(|row| DbRow::of("members", row).maybe_member());
        members.filter_map(Result::transpose).map(|m| m.map(|m| (m.id, Arc::new(m)))).collect()
    }

    /// At most `limit` keys, newest first.
    ///
    /// # Errors
    /// The database does not answer, or a row is damaged.
    pub async fn keys(&mut self, filter: KeyListFilter, limit: u32) -> Result<Vec<Key>, StoreError> {
        let mut sql = SqlStatement::new("SELECT ").plain(COLUMNS).plain(" FROM keys k WHERE 1 = 1");
        sql = sql.scope(filter.scope);
        if let Some(before) = filter.before {
            sql = sql.text(" AND k.id < ?", before.to_string());
        }
        if let Some(since) = filter.changed_since {
            // What a key shows of other rows changes with them: who created it, and what replaces it.
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
        let rows = self.all(sql.plain(" ORDER BY k.id DESC").limit(limit).query()).await?;
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let members = self.member_refs().await?;
        rows.iter().map(|row| key(&DbRow::of("keys", row), &members)).collect()
    }

    /// How many keys a list has.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn count_keys(&mut self, scope: KeyScope, revoked: bool) -> Result<u64, StoreError> {
        let mut sql = SqlStatement::new("SELECT COUNT(*) AS n FROM keys k WHERE 1 = 1").scope(scope);
        if !revoked {
            sql = sql.plain(" AND k.revoked_at IS NULL");
        }
        let n = DbRow::of("keys", &self.one(sql.query()).await?).int("n")?;
        Ok(u64::try_from(n).unwrap_or(0))
    }

    /// Keys by their ids, in no order; those outside the scope are left out.
    ///
    /// # Errors
    /// The database does not answer, or a row is damaged.
    pub async fn keys_in_scope(
        &mut self,
        ids: &[Id],
        scope: KeyScope,
    ) -> Result<Vec<(Id, Timestamp)>, StoreError> {
        let sql = SqlStatement::new("SELECT k.id, k.created_at FROM keys k WHERE k.id IN ");
        let rows = self.all(sql.ids(ids.iter().copied()).scope(scope).query()).await?;
        rows.iter()
            .map(|row| DbRow::of("keys", row))
            .map(|row| Ok((row.id("id")?, row.stamp("created_at")?)))
            .collect()
    }

    /// All keys after `after` in the order of their ids, at most `limit`.
    ///
    /// # Errors
    /// The database does not answer, or a row is damaged.
    pub async fn key_cache_rows(
        &mut self,
        after: Option<Id>,
        limit: u32,
    ) -> Result<Vec<KeyCacheRow>, StoreError> {
        let sql = sqlx::query(
            "SELECT id, digest, kind, name, last_used_at, revoked_at FROM keys WHERE id > $1 ORDER BY id LIMIT $2",
        )
        .bind(after.map_or_else(String::new, |id| id.to_string()))
        .bind(i64::from(limit));
        let rows = self.all(sql).await?;
        rows.iter()
            .map(|row| {
                let row = DbRow::of("keys", row);
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

fn key_row(row: &DbRow<'_>, members: &MembersById) -> Result<StoredKey, StoreError> {
    Ok(StoredKey {
        key: key(row, members)?,
        digest: row.digest("digest")?,
        confirmed_at: row.maybe_stamp("confirmed_at")?,
    })
}

pub(super) fn key(row: &DbRow<'_>, members: &MembersById) -> Result<Key, StoreError> {
    let last_four: String = row.text("last_four")?;
    let mask = MaskedSecret::from_last_four(&last_four).map_err(|e| row.corrupt("last_four", e))?;
    let member = |column, id: Id| {
        members.get(&id).cloned().ok_or_else(|| row.corrupt(column, "names a member who is not there"))
    };
    let client = |agent: Option<String>, address: Option<String>| {
        address.map(|address| ClientInfo { agent: agent.unwrap_or_default(), address })
    };
    Ok(Key {
        id: row.id("id")?,
        kind: row.word("kind")?,
        name: row.text("name")?,
        masked: mask.to_string(),
        note: row.maybe_text("note")?,
        version: row.int("version")?,
        created_at: row.stamp("created_at")?,
        created_by: member("created_by", row.id("created_by")?)?,
        last_used_at: row.maybe_stamp("last_used_at")?,
        last_used_by: client(row.maybe_text("last_used_agent")?, row.maybe_text("last_used_address")?),
        use_count: row.int("use_count")?,
        replaces: row.maybe_id("replaces")?,
        replaced_by: row.maybe_id("replaced_by")?,
        revoked_at: row.maybe_stamp("revoked_at")?,
        revoked_by: row.maybe_id("revoked_by")?.map(|id| member("revoked_by", id)).transpose()?,
        revoke_reason: row.maybe_text("revoke_reason")?,
    })
}
