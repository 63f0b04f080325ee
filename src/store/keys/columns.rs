//! The columns of a key: selecting, reading and bulk inserting them. A new column of a key is added here, and nowhere else in the
//! store unless a statement changes it.

use std::collections::HashMap;
use std::sync::Arc;

use crate::domain::id::Id;
use crate::domain::key::{ClientInfo, Key, last_four};
use crate::domain::member::MemberRef;
use crate::domain::secret::{Digest, MaskedSecret};
use crate::domain::time::Timestamp;
use crate::store::error::StoreError;
use crate::store::row::DbRow;
use crate::store::tx::Sql;

/// A key with the fields that never leave the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredKey {
    /// The fields that the API returns.
    pub key: Key,
    pub(crate) digest: Digest,
    /// Time at which the creator confirmed that the secret is stored.
    pub(crate) confirmed_at: Option<Timestamp>,
}

/// Columns of a key, for queries that use the alias `k` for the table. [`read_key`] reads them.
pub(in crate::store) const KEY_COLUMNS: &str = "k.id, k.kind, k.name, k.note, k.digest, k.last_four, k.version, k.created_at, \
    k.created_by, k.confirmed_at, k.replaces, k.last_used_at, k.last_used_agent, k.last_used_address, k.use_count, k.revoked_at, \
    k.revoked_by, k.revoke_reason, (SELECT MAX(s.id) FROM keys s WHERE s.replaces = k.id AND s.revoked_at IS NULL) \
    AS replaced_by";

/// Columns for inserting a key with its history, in the order in which [`bind_key`] binds their values.
pub(in crate::store) const INSERTED_COLUMNS: &str = "id, kind, name, note, digest, last_four, version, created_at, created_by, \
    confirmed_at, replaces, last_used_at, last_used_agent, last_used_address, use_count, revoked_at, revoked_by, revoke_reason, \
    changed_at";

/// The members to whom keys refer, by id.
pub(super) type MembersById = HashMap<Id, Arc<MemberRef>>;

pub(super) fn read_stored_key(row: &DbRow<'_>, members: &MembersById) -> Result<StoredKey, StoreError> {
    Ok(StoredKey {
        key: read_key(row, members)?,
        digest: row.digest("digest")?,
        confirmed_at: row.maybe_stamp("confirmed_at")?,
    })
}

/// Step 2: reads a key from a row with [`KEY_COLUMNS`]. The error for a corrupt value names the table, column and id.
pub(in crate::store) fn read_key(row: &DbRow<'_>, members: &MembersById) -> Result<Key, StoreError> {
    let last_four: String = row.text("last_four")?;
    let masked = MaskedSecret::from_last_four(&last_four).map_err(|e| row.corrupt("last_four", e))?;
    let member = |column, id: Id| {
        members.get(&id).cloned().ok_or_else(|| row.corrupt(column, "names a member that does not exist"))
    };
    let client = |agent: Option<String>, address: Option<String>| {
        address.map(|address| ClientInfo { agent: agent.unwrap_or_default(), address })
    };
    Ok(Key {
        id: row.id("id")?,
        kind: row.word("kind")?,
        name: row.text("name")?,
        masked: masked.to_string(),
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

/// Binds the values for [`INSERTED_COLUMNS`]. The key counts as confirmed at the time of its creation.
pub(in crate::store) fn bind_key<'q>(sql: Sql<'q>, key: &Key, digest: Digest) -> Sql<'q> {
    let (agent, address) = key.last_used_by.clone().map(|c| (c.agent, c.address)).unzip();
    let changed = [key.last_used_at, key.revoked_at].into_iter().flatten().max();
    sql.bind(key.id.to_string())
        .bind(key.kind.word())
        .bind(key.name.clone())
        .bind(key.note.clone())
        .bind(digest.0.to_vec())
        .bind(last_four(&key.masked).to_owned())
        .bind(key.version)
        .bind(key.created_at.0)
        .bind(key.created_by.id.to_string())
        .bind(key.created_at.0)
        .bind(key.replaces.map(|id| id.to_string()))
        .bind(key.last_used_at.map(|at| at.0))
        .bind(agent)
        .bind(address)
        .bind(key.use_count)
        .bind(key.revoked_at.map(|at| at.0))
        .bind(key.revoked_by.as_ref().map(|by| by.id.to_string()))
        .bind(key.revoke_reason.clone())
        .bind(changed.unwrap_or(key.created_at).0)
}
