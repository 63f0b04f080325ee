//! Queries for verification and usage, and deletion of expired data.

use std::collections::HashMap;

use super::error::StoreError;
use super::row::DbRow;
use super::statement::SqlStatement;
use super::tx::Tx;
use crate::domain::id::Id;
use crate::domain::key::KeyKind;
use crate::domain::secret::Digest;
use crate::domain::time::Timestamp;
use crate::domain::usage::{Bucket, BucketWidth, ClientUse};

/// The result of looking up a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verification {
    /// Time of the lookup: the database's clock if several processes can share the database.
    pub(crate) now: Timestamp,
    /// The key with this secret; `None` if the secret is unknown.
    pub(crate) key: Option<VerifiedKey>,
}

/// The fields of a key that verification needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedKey {
    pub(crate) id: Id,
    pub(crate) kind: KeyKind,
    pub(crate) name: String,
    /// Last stored use; later uses may still be buffered.
    pub(crate) last_used_at: Option<Timestamp>,
    pub(crate) revoked: bool,
}

impl Tx {
    /// Looks up secrets by digest. Returns one result per digest, in the same order.
    ///
    /// An unknown secret takes as long as a known one, since the query returns a row for it too.
    pub(crate) async fn verify_secrets(
        &mut self,
        digests: &[Digest],
        now: Timestamp,
    ) -> Result<Vec<Verification>, StoreError> {
        let mut sql = SqlStatement::new("WITH asked(place, digest) AS (VALUES ");
        // The number of digests is rounded up by repeating the last one, so that few different statements are prepared.
        for place in 0..digests.len().next_power_of_two() {
            let Some(digest) = digests.get(place).or(digests.last()) else { return Ok(Vec::new()) };
            let place = i64::try_from(place).unwrap_or(i64::MAX);
            sql = sql.plain(if place == 0 { "(" } else { ", (" }).plain(&place.to_string());
            sql = sql.bytes(", ?)", &digest.0);
        }
        sql = sql.plain(
            ") SELECT c.now, k.id, k.kind, k.name, k.last_used_at, k.revoked_at FROM asked CROSS JOIN ",
        );
        sql = match self.dialect().clock_sql() {
            Some(clock) => sql.plain("(").plain(clock).plain(") c"),
            None => sql.int("(SELECT CAST(? AS BIGINT) AS now) c", now.0),
        };
        let sql = sql.plain(" LEFT JOIN keys k ON k.digest = asked.digest ORDER BY asked.place");
        let rows = self.fetch_all(sql.query()).await?;
        rows.iter().take(digests.len()).map(|row| verification(&DbRow::new("keys", row))).collect()
    }

    /// Returns the keys' usage buckets that begin at `from` or later and before `to`, by key, oldest first.
    ///
    /// # Errors
    /// Returns an error if the query fails or a row is corrupt.
    pub async fn usage_buckets(
        &mut self,
        keys: &[Id],
        width: BucketWidth,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<HashMap<Id, Vec<Bucket>>, StoreError> {
        let select = match width {
            BucketWidth::Hour => "SELECT key_id, start, count, refused FROM usage_hours WHERE key_id IN ",
            BucketWidth::Day => "SELECT key_id, start, count, refused FROM usage_days WHERE key_id IN ",
        };
        let mut found: HashMap<Id, Vec<Bucket>> = HashMap::new();
        for ids in keys.chunks(200) {
            let sql = SqlStatement::new(select)
                .ids(ids.iter().copied())
                .int(" AND start >= ?", from.0)
                .int(" AND start < ? ORDER BY key_id, start", to.0);
            for row in self.fetch_all(sql.query()).await? {
                let row = DbRow::new("usage", &row);
                let bucket = Bucket {
                    start: row.stamp("start")?,
                    count: row.int("count")?,
                    refused: row.int("refused")?,
                };
                found.entry(row.id("key_id")?).or_default().push(bucket);
            }
        }
        Ok(found)
    }

    /// Returns the clients that used a key most recently, latest first.
    pub(crate) async fn clients_of(&mut self, key: Id) -> Result<Vec<ClientUse>, StoreError> {
        let sql = sqlx::query(
            "SELECT agent, address, first_seen_at, last_seen_at, count FROM key_clients WHERE key_id = $1 \
             ORDER BY last_seen_at DESC, agent, address",
        )
        .bind(key.to_string());
        let rows = self.fetch_all(sql).await?;
        rows.iter()
            .map(|row| {
                let row = DbRow::new("key_clients", row);
                Ok(ClientUse {
                    agent: row.text("agent")?,
                    address: row.text("address")?,
                    first_seen_at: row.stamp("first_seen_at")?,
                    last_seen_at: row.stamp("last_seen_at")?,
                    count: row.int("count")?,
                })
            })
            .collect()
    }

    /// Deletes expired usage buckets and idempotency keys.
    pub(crate) async fn delete_expired(&mut self, now: Timestamp) -> Result<(), StoreError> {
        for (sql, before) in [
            ("DELETE FROM usage_hours WHERE start < $1", now.minus(BucketWidth::Hour.retention())),
            ("DELETE FROM usage_days WHERE start < $1", now.minus(BucketWidth::Day.retention())),
            ("DELETE FROM idempotency WHERE expires_at <= $1", now),
        ] {
            self.execute(sqlx::query(sql).bind(before.0)).await?;
        }
        Ok(())
    }
}

fn verification(row: &DbRow<'_>) -> Result<Verification, StoreError> {
    let now = row.stamp("now")?;
    let Some(id) = row.maybe_id("id")? else { return Ok(Verification { now, key: None }) };
    let key = VerifiedKey {
        id,
        kind: row.word("kind")?,
        name: row.text("name")?,
        last_used_at: row.maybe_stamp("last_used_at")?,
        revoked: row.maybe_stamp("revoked_at")?.is_some(),
    };
    Ok(Verification { now, key: Some(key) })
}
