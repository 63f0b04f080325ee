//! The two ways to verify a key: from the key cache (SQLite), or by a lookup in the database (PostgreSQL).
//!
//! [`Verifier::load`] chooses one when the server starts; nothing else depends on which database is in use.

use std::sync::Arc;

use postgres::PostgresVerifier;
use sqlite::SqliteVerifier;

use super::key_cache::KeyCache;
use super::revocation_lock::RevocationLock;
use super::use_buffer::RawClient;
use super::use_queue::UseQueue;
use crate::clock::Clock;
use crate::domain::id::Id;
use crate::domain::key::{Key, KeyKind};
use crate::domain::secret::Digest;
use crate::server::error::ApiError;
use crate::store::{self, Dialect, Store};

pub(in crate::server) mod accepted;
pub(in crate::server) mod postgres;
pub(in crate::server) mod sqlite;

pub(in crate::server) use accepted::AcceptedKey;

/// The verifier for the server's database, SQLite or PostgreSQL.
pub(super) enum Verifier {
    Sqlite(SqliteVerifier),
    Postgres(PostgresVerifier),
}

impl Verifier {
    pub(super) async fn load(
        store: &Store,
        clock: &Clock,
        cache: &Arc<KeyCache>,
        queue: &Arc<UseQueue>,
        revocation_lock: &RevocationLock,
    ) -> Result<Self, store::StoreError> {
        let (cache, queue) = (cache.clone(), queue.clone());
        Ok(match store.dialect() {
            Dialect::Sqlite => {
                Self::Sqlite(SqliteVerifier::load(store, clock, cache, queue, revocation_lock).await?)
            }
            Dialect::Postgres => {
                Self::Postgres(PostgresVerifier::new(store, clock, cache, queue, revocation_lock))
            }
        })
    }

    /// Verifies the key with this digest and records its use.
    pub(super) async fn verify(
        &self,
        digest: &Digest,
        client: RawClient<'_>,
        with_name: bool,
    ) -> Result<AcceptedKey, ApiError> {
        match self {
            Self::Sqlite(verifier) => verifier.verify(digest, client, with_name).await,
            Self::Postgres(verifier) => verifier.verify(digest, client).await,
        }
    }

    /// Moves last-used times in the future back to the current time, in case this machine's clock was set back. On PostgreSQL this
    /// is unnecessary, because the database's clock dates every use.
    pub(super) fn clamp_last_use(&self, keys: &mut [Key]) {
        if let Self::Sqlite(verifier) = self {
            verifier.clamp_last_use(keys);
        }
    }

    pub(super) fn key_created(&self, digest: Digest, id: Id, kind: KeyKind, name: &str) {
        if let Self::Sqlite(verifier) = self {
            verifier.key_created(digest, id, kind, name);
        }
    }

    pub(super) fn secret_reissued(
        &self,
        earlier: &Digest,
        digest: Digest,
        id: Id,
        kind: KeyKind,
        name: &str,
    ) {
        if let Self::Sqlite(verifier) = self {
            verifier.secret_reissued(earlier, digest, id, kind, name);
        }
    }

    pub(super) fn key_renamed(&self, id: Id, name: &str) {
        if let Self::Sqlite(verifier) = self {
            verifier.key_renamed(id, name);
        }
    }
}
