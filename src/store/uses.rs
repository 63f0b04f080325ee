//! Writes uses of keys, many keys with one statement, since thousands of uses per second arrive.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::dialect::Dialect;
use super::error::StoreError;
use super::row::DbRow;
use super::statement::SqlStatement;
use super::tx::Tx;
use crate::domain::id::Id;
use crate::domain::key::ClientInfo;
use crate::domain::secret::Digest;
use crate::domain::time::{DAY, Timestamp};
use crate::domain::usage::{Bucket, CLIENTS_KEPT, ClientUse};

/// Number of keys per statement. Longer statements are slower on SQLite, because sqlx looks up every parameter by name.
const KEYS_PER_STATEMENT: usize = 40;

/// Uses of one key, to be added to the key's usage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyUseUpdate {
    pub(crate) id: Id,
    /// The latest accepted use and its client. `None` if every request was refused.
    pub(crate) last: Option<(Timestamp, ClientInfo)>,
    /// Use counts by hour.
    pub(crate) hours: Vec<Bucket>,
    /// Use counts by client.
    pub(crate) clients: Vec<ClientUse>,
}

impl KeyUseUpdate {
    fn count(&self) -> i64 {
        self.hours.iter().map(|bucket| bucket.count).sum()
    }
}

impl Tx {
    /// Adds uses of different keys. The last use only moves forward; for a revoked key, only the counts change.
    pub(crate) async fn record_uses(
        &mut self,
        uses: &[KeyUseUpdate],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mark = self.change_time(now).await?;
        for part in uses.chunks(KEYS_PER_STATEMENT) {
            if self.dialect() == Dialect::Postgres {
                self.active_digests(part).await?;
            }
            self.mark_used(part, mark).await?;
            self.count_uses(part).await?;
        }
        Ok(())
    }

    /// Adds uses of different keys if the keys are active and still have these secrets. Returns, for each key, whether its use was
    /// added.
    pub(crate) async fn record_uses_if_active(
        &mut self,
        uses: Vec<(Digest, KeyUseUpdate)>,
        now: Timestamp,
    ) -> Result<Vec<bool>, StoreError> {
        let mark = self.change_time(now).await?;
        let (digests, uses): (Vec<_>, Vec<_>) = uses.into_iter().unzip();
        let mut answers = Vec::with_capacity(uses.len());
        for (uses, digests) in uses.chunks(KEYS_PER_STATEMENT).zip(digests.chunks(KEYS_PER_STATEMENT)) {
            let live = self.active_digests(uses).await?;
            let own = |used: &KeyUseUpdate, digest: &Digest| live.get(&used.id) == Some(digest);
            answers.extend(uses.iter().zip(digests).map(|(used, digest)| own(used, digest)));
            let pairs = uses.iter().zip(digests);
            let accepted: Vec<_> = pairs.filter(|(u, d)| own(u, d)).map(|(u, _)| u.clone()).collect();
            self.mark_used(&accepted, mark).await?;
            self.count_uses(&accepted).await?;
        }
        Ok(answers)
    }

    /// Locks those of the keys that are active until the transaction ends, and returns their digests.
    ///
    /// Every process locks keys in id order. Without these locks, updates could lock keys in different orders, so that two processes
    /// could deadlock.
    async fn active_digests(&mut self, uses: &[KeyUseUpdate]) -> Result<HashMap<Id, Digest>, StoreError> {
        let sql =
            SqlStatement::new("SELECT k.id, k.digest FROM keys AS k WHERE k.revoked_at IS NULL AND k.id IN ")
                .ids(uses.iter().map(|used| used.id))
                .plain(" ORDER BY k.id")
                .plain(self.dialect().for_update_of_keys());
        let rows = self.fetch_all(sql.query()).await?;
        let live = rows.iter().map(|row| DbRow::new("keys", row));
        live.map(|row| Ok((row.id("id")?, row.digest("digest")?))).collect()
    }

    async fn mark_used(&mut self, uses: &[KeyUseUpdate], mark: Timestamp) -> Result<(), StoreError> {
        let marked: Vec<_> = uses.iter().filter_map(|used| Some((used, used.last.as_ref()?))).collect();
        if marked.is_empty() {
            return Ok(());
        }
        let mut sql = SqlStatement::new("WITH used(id, at, agent, address, count) AS (VALUES ");
        for (n, (used, (at, client))) in marked.into_iter().enumerate() {
            sql = sql
                .text(if n == 0 { "(?" } else { ", (?" }, used.id.to_string())
                .int(", ?", at.0)
                .text(", ?", client.agent.clone())
                .text(", ?", client.address.clone())
                .int(", ?)", used.count());
        }
        let forward = ") UPDATE keys SET \
             last_used_agent = CASE WHEN last_used_at > used.at THEN last_used_agent ELSE used.agent END, \
             last_used_address = CASE WHEN last_used_at > used.at THEN last_used_address ELSE used.address END, \
             last_used_at = CASE WHEN last_used_at > used.at THEN last_used_at ELSE used.at END, \
             use_count = use_count + used.count";
        #[cfg(feature = "fault-injection")]
        let forward = if crate::fault_injection::is_injected(crate::fault_injection::Fault::OverwrittenUse) {
            super::fault_injection::OVERWRITE_LAST_USE
        } else {
            forward
        };
        let sql = sql
            .plain(forward)
            .int(", changed_at = ? FROM used WHERE keys.id = used.id AND revoked_at IS NULL", mark.0);
        self.execute(sql.query()).await.map(drop)
    }

    async fn count_uses(&mut self, uses: &[KeyUseUpdate]) -> Result<(), StoreError> {
        let mut hours = BTreeMap::new();
        let mut days = BTreeMap::new();
        let mut clients = BTreeMap::new();
        for used in uses {
            for bucket in &used.hours {
                for (buckets, start) in [(&mut hours, bucket.start), (&mut days, bucket.start.floor(DAY))] {
                    let (count, refused) = buckets.entry((used.id, start)).or_insert((0, 0));
                    *count += bucket.count;
                    *refused += bucket.refused;
                }
            }
            for client in &used.clients {
                let key = (used.id, client.agent.as_str(), client.address.as_str());
                let seen = clients.entry(key).or_insert((client.first_seen_at, client.last_seen_at, 0));
                *seen = (
                    seen.0.min(client.first_seen_at),
                    seen.1.max(client.last_seen_at),
                    seen.2 + client.count,
                );
            }
        }
        self.add_to_buckets("usage_hours", hours).await?;
        self.add_to_buckets("usage_days", days).await?;
        self.count_clients(clients).await
    }

    async fn add_to_buckets(
        &mut self,
        table: &'static str,
        buckets: BTreeMap<(Id, Timestamp), (i64, i64)>,
    ) -> Result<(), StoreError> {
        if buckets.is_empty() {
            return Ok(());
        }
        let mut sql = SqlStatement::new("INSERT INTO ")
            .plain(table)
            .plain(" AS known (key_id, start, count, refused) VALUES ");
        for (n, ((key, start), (count, refused))) in buckets.into_iter().enumerate() {
            sql = sql
                .text(if n == 0 { "(?" } else { ", (?" }, key.to_string())
                .int(", ?", start.0)
                .int(", ?", count)
                .int(", ?)", refused);
        }
        let sql = sql.plain(
            " ON CONFLICT (key_id, start) DO UPDATE SET count = known.count + excluded.count, \
             refused = known.refused + excluded.refused",
        );
        self.execute(sql.query()).await.map(drop)
    }

    /// Adds use counts by client, and deletes all but the most recent clients of each key.
    async fn count_clients(
        &mut self,
        clients: BTreeMap<(Id, &str, &str), (Timestamp, Timestamp, i64)>,
    ) -> Result<(), StoreError> {
        if clients.is_empty() {
            return Ok(());
        }
        let keys: BTreeSet<Id> = clients.keys().map(|(key, ..)| *key).collect();
        let mut sql = SqlStatement::new(
            "INSERT INTO key_clients AS known (key_id, agent, address, first_seen_at, last_seen_at, count) VALUES ",
        );
        for (n, ((key, agent, address), (first, last, count))) in clients.into_iter().enumerate() {
            sql = sql
                .text(if n == 0 { "(?" } else { ", (?" }, key.to_string())
                .text(", ?", agent)
                .text(", ?", address)
                .int(", ?", first.0)
                .int(", ?", last.0)
                .int(", ?)", count);
        }
        let sql = sql.plain(
            " ON CONFLICT (key_id, agent, address) DO UPDATE SET count = known.count + excluded.count, last_seen_at = \
             CASE WHEN known.last_seen_at > excluded.last_seen_at THEN known.last_seen_at ELSE excluded.last_seen_at END",
        );
        self.execute(sql.query()).await?;
        let most = i64::try_from(CLIENTS_KEPT).unwrap_or(i64::MAX);
        let forget = SqlStatement::new(
            "DELETE FROM key_clients WHERE (key_id, agent, address) IN (SELECT key_id, agent, address FROM \
             (SELECT key_id, agent, address, \
             ROW_NUMBER() OVER (PARTITION BY key_id ORDER BY last_seen_at DESC, agent, address) AS place \
             FROM key_clients WHERE key_id IN ",
        )
        .ids(keys)
        .int(") AS ranked WHERE place > ?)", most);
        self.execute(forget.query()).await.map(drop)
    }
}
