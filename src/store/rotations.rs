//! Queries for rotations.

use std::collections::HashMap;

use super::error::StoreError;
use super::keys::{KEY_COLUMNS, KeyScope, read_key};
use super::row::DbRow;
use super::statement::SqlStatement;
use super::tx::Tx;
use crate::domain::id::Id;
use crate::domain::key::Key;

impl Tx {
    /// Returns pairs of an old key and its replacement, newest replacement first.
    ///
    /// Leaves out abandoned rotations that were started again. Ids from the same millisecond are in random order, so an active
    /// replacement takes precedence over one with a higher id.
    pub(crate) async fn rotations(
        &mut self,
        scope: KeyScope,
        before: Option<Id>,
        limit: u32,
    ) -> Result<Vec<(Key, Key)>, StoreError> {
        let mut sql = SqlStatement::new("SELECT ").plain(KEY_COLUMNS).plain(
            " FROM keys k WHERE k.replaces IS NOT NULL AND (k.revoked_at IS NULL OR NOT EXISTS \
             (SELECT 1 FROM keys l WHERE l.replaces = k.replaces AND l.id <> k.id \
             AND (l.revoked_at IS NULL OR l.id > k.id)))",
        );
        sql = sql.scope(scope);
        if let Some(before) = before {
            sql = sql.text(" AND k.id < ?", before.to_string());
        }
        let rows = self.fetch_all(sql.plain(" ORDER BY k.id DESC").limit(limit).query()).await?;
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let members = self.member_refs().await?;
        let new: Vec<Key> =
            rows.iter().map(|row| read_key(&DbRow::new("keys", row), &members)).collect::<Result<_, _>>()?;
        let mut old = HashMap::new();
        for ids in new.chunks(200) {
            let sql = SqlStatement::new("SELECT ").plain(KEY_COLUMNS).plain(" FROM keys k WHERE k.id IN ");
            for row in self.fetch_all(sql.ids(ids.iter().filter_map(|key| key.replaces)).query()).await? {
                let key = read_key(&DbRow::new("keys", &row), &members)?;
                old.insert(key.id, key);
            }
        }
        let pairs = new.into_iter().filter_map(|new| Some((old.get(&new.replaces?)?.clone(), new)));
        Ok(pairs.collect())
    }
}
