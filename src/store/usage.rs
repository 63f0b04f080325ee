//! The use of keys over time: written in batches, read by hour and by day, pruned when old.

use std::collections::HashMap;

use super::error::Error;
use super::row::Row;
use super::statement::Statement;
use super::tx::Tx;
use crate::domain::id::Id;
use crate::domain::key::{Client, Kind};
use crate::domain::secret::Digest;
use crate::domain::time::{DAY, Stamp};
use crate::domain::usage::{Bucket, BucketWidth, CLIENTS_KEPT, ClientUse};

/// Uses of one key to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyUse {
    /// The key.
    pub id: Id,
    /// The latest use that was answered with success, and by what; nothing if all were refused.
    pub last: Option<(Stamp, Client)>,
    /// Counts by hour.
    pub hours: Vec<Bucket>,
    /// What used it.
    pub clients: Vec<ClientUse>,
}

/// What the database says of a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verification {
    /// The database's clock.
    pub now: Stamp,
    /// The key, if the secret is any key's.
    pub key: Option<VerifiedKey>,
}

/// A key as a verification needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedKey {
    /// The id.
    pub id: Id,
    /// Its kind.
    pub kind: Kind,
    /// Its name.
    pub name: String,
    /// When it was last used, as far as it is written.
    pub last_used_at: Option<Stamp>,
    /// Whether it is revoked.
    pub revoked: bool,
}

/// Marks a live key as used, forward only.
macro_rules! mark_used {
    ($and:literal) => {
        concat!(
            "UPDATE keys SET last_used_agent = CASE WHEN last_used_at > $2 THEN last_used_agent ELSE $3 END, \
             last_used_address = CASE WHEN last_used_at > $2 THEN last_used_address ELSE $4 END, \
             last_used_at = CASE WHEN last_used_at > $2 THEN last_used_at ELSE $2 END, \
             use_count = use_count + $5, changed_at = $6 WHERE id = $1 AND revoked_at IS NULL",
            $and
        )
    };
}

impl Tx {
    /// Whether a secret is accepted. An unknown one takes the same time as a revoked one: there is always one row.
    ///
    /// # Errors
    /// The database does not answer, or a row is damaged.
    pub async fn verify(&mut self, digest: &Digest, now: Stamp) -> Result<Verification, Error> {
        let sql = self.dialect().verify();
        let row = self.one(sqlx::query(sql).bind(digest.0.to_vec()).bind(now.0)).await?;
        let row = Row::of("keys", &row);
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

    /// Writes uses. The time of the last one only moves forward, and a revoked key is left alone but for its counts.
    ///
    /// # Errors
    /// The database refuses.
    pub async fn record_uses(&mut self, uses: &[KeyUse], now: Stamp) -> Result<(), Error> {
        let mark = self.watermark(now).await?;
        for used in uses {
            self.mark_used(used, None, mark).await?;
            self.count_uses(used).await?;
        }
        Ok(())
    }

    /// Writes one use of the key with this secret. `false` where the key is revoked, or has another secret: then it is no use.
    ///
    /// # Errors
    /// The database refuses.
    pub async fn record_use_of(&mut self, digest: &Digest, used: &KeyUse, now: Stamp) -> Result<bool, Error> {
        let mark = self.watermark(now).await?;
        let accepted = self.mark_used(used, Some(digest), mark).await?;
        if accepted {
            self.count_uses(used).await?;
        }
        Ok(accepted)
    }

    async fn mark_used(
        &mut self,
        used: &KeyUse,
        digest: Option<&Digest>,
        mark: Stamp,
    ) -> Result<bool, Error> {
        let Some((at, client)) = &used.last else { return Ok(false) };
        let sql = sqlx::query(if digest.is_some() { mark_used!(" AND digest = $7") } else { mark_used!("") })
            .bind(used.id.to_string())
            .bind(at.0)
            .bind(client.agent.clone())
            .bind(client.address.clone())
            .bind(used.hours.iter().map(|b| b.count).sum::<i64>())
            .bind(mark.0);
        let sql = match digest {
            Some(digest) => sql.bind(digest.0.to_vec()),
            None => sql,
        };
        Ok(self.execute(sql).await? > 0)
    }

    async fn count_uses(&mut self, used: &KeyUse) -> Result<(), Error> {
        const HOURS: &str = "INSERT INTO usage_hours (key_id, start, count, refused) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (key_id, start) DO UPDATE SET count = usage_hours.count + excluded.count, \
             refused = usage_hours.refused + excluded.refused";
        const DAYS: &str = "INSERT INTO usage_days (key_id, start, count, refused) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (key_id, start) DO UPDATE SET count = usage_days.count + excluded.count, \
             refused = usage_days.refused + excluded.refused";
        for bucket in &used.hours {
            for (sql, start) in [(HOURS, bucket.start), (DAYS, bucket.start.floor(DAY))] {
                let sql = sqlx::query(sql)
                    .bind(used.id.to_string())
                    .bind(start.0)
                    .bind(bucket.count)
                    .bind(bucket.refused);
                self.execute(sql).await?;
            }
        }
        for client in &used.clients {
            self.count_client(used.id, client).await?;
        }
        Ok(())
    }

    /// Counts a client's uses; of the clients of a key the most recent are kept.
    async fn count_client(&mut self, key: Id, client: &ClientUse) -> Result<(), Error> {
        let known = sqlx::query(
            "UPDATE key_clients SET count = count + $4, \
             last_seen_at = CASE WHEN last_seen_at > $5 THEN last_seen_at ELSE $5 END \
             WHERE key_id = $1 AND agent = $2 AND address = $3",
        )
        .bind(key.to_string())
        .bind(client.agent.clone())
        .bind(client.address.clone())
        .bind(client.count)
        .bind(client.last_seen_at.0);
        if self.execute(known).await? > 0 {
            return Ok(());
        }
        let new = sqlx::query(
            "INSERT INTO key_clients (key_id, agent, address, first_seen_at, last_seen_at, count) \
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (key_id, agent, address) DO UPDATE SET \
             count = key_clients.count + excluded.count, last_seen_at = excluded.last_seen_at",
        )
        .bind(key.to_string())
        .bind(client.agent.clone())
        .bind(client.address.clone())
        .bind(client.first_seen_at.0)
        .bind(client.last_seen_at.0)
        .bind(client.count);
        self.execute(new).await?;
        let most = u32::try_from(CLIENTS_KEPT).unwrap_or(u32::MAX);
        let forget = Statement::new("DELETE FROM key_clients WHERE")
            .text(" key_id = ?", key.to_string())
            .text(
                " AND (agent, address) NOT IN (SELECT agent, address FROM key_clients WHERE key_id = ? \
                 ORDER BY last_seen_at DESC, agent, address",
                key.to_string(),
            )
            .limit(most)
            .plain(")");
        self.execute(forget.query()).await.map(drop)
    }

    /// Buckets of these keys that begin from `from` to before `to`, oldest first.
    ///
    /// # Errors
    /// The database does not answer, or a row is damaged.
    pub async fn buckets(
        &mut self,
        keys: &[Id],
        width: BucketWidth,
        from: Stamp,
        to: Stamp,
    ) -> Result<HashMap<Id, Vec<Bucket>>, Error> {
        let select = match width {
            BucketWidth::Hour => "SELECT key_id, start, count, refused FROM usage_hours WHERE key_id IN ",
            BucketWidth::Day => "SELECT key_id, start, count, refused FROM usage_days WHERE key_id IN ",
        };
        let mut found: HashMap<Id, Vec<Bucket>> = HashMap::new();
        for ids in keys.chunks(200) {
            let sql = Statement::new(select)
                .ids(ids.iter().copied())
                .int(" AND start >= ?", from.0)
                .int(" AND start < ? ORDER BY key_id, start", to.0);
            for row in self.all(sql.query()).await? {
                let row = Row::of("usage", &row);
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

    /// The most recent clients of a key, the latest first.
    ///
    /// # Errors
    /// The database does not answer, or a row is damaged.
    pub async fn clients_of(&mut self, key: Id) -> Result<Vec<ClientUse>, Error> {
        let sql = sqlx::query(
            "SELECT agent, address, first_seen_at, last_seen_at, count FROM key_clients WHERE key_id = $1 \
             ORDER BY last_seen_at DESC, agent, address",
        )
        .bind(key.to_string());
        let rows = self.all(sql).await?;
        rows.iter()
            .map(|row| {
                let row = Row::of("key_clients", row);
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

    /// Forgets what is older than it is kept: buckets, and requests with an `Idempotency-Key`. Repeating it changes nothing.
    ///
    /// # Errors
    /// The database refuses.
    pub async fn prune(&mut self, now: Stamp) -> Result<(), Error> {
        for (sql, before) in [
            ("DELETE FROM usage_hours WHERE start < $1", now.minus(BucketWidth::Hour.kept())),
            ("DELETE FROM usage_days WHERE start < $1", now.minus(BucketWidth::Day.kept())),
            ("DELETE FROM idempotency WHERE expires_at <= $1", now),
        ] {
            self.execute(sqlx::query(sql).bind(before.0)).await?;
        }
        Ok(())
    }
}
