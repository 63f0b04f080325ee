//! The database. This is the only module with SQL; each query exists once for SQLite and PostgreSQL.
//!
//! Start reading with [`Store::write`]. A caller composes the named queries of [`Tx`] in one transaction: reads the actor, asks
//! the domain for a grant, changes rows with the guard in the `WHERE` clause, and records the activity. The store never checks
//! permissions and never reads the time.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures_util::future::BoxFuture;
use tracing::Instrument as _;

use crate::domain::time::Timestamp;

mod activity;
mod backup;
mod dialect;
mod error;
#[cfg(feature = "fault-injection")]
mod fault_injection;
mod file;
mod idempotency;
mod keys;
mod members;
mod organization;
mod reviews;
mod revoked_log;
mod rotations;
mod row;
mod schema;
mod seed;
mod sessions;
mod sites;
mod statement;
mod tx;
mod usage;
mod uses;

pub use activity::{ActivityFilter, NewActivity};
pub use backup::BackupError;
pub use dialect::Dialect;
pub use error::{OpenStoreError, StoreError};
pub use idempotency::{EarlierRequest, IDEMPOTENCY_RETENTION, IdempotentRequest};
pub use keys::{KeyCacheRow, KeyListFilter, KeyScope, NewKey, RevokeGuard, StoredKey};
pub use members::{MemberKeyRow, NewMember, StoredMember};
pub use organization::{AdminInvitation, SetUpError, StoredOrganization};
pub use reviews::ReviewFilter;
pub use revoked_log::{AcceptedRestore, RestorePending};
pub use seed::{Seed, SeedKey, SeedMember};
pub use sessions::{NewCode, NewSession, RedeemedCode, SessionCutoffs, SignedInMember, StoredSession};
pub use sites::{StoredMachine, StoredSite};
pub use tx::{TransactionOutcome, Tx};
pub use usage::{Verification, VerifiedKey};
pub use uses::KeyUseUpdate;

use dialect::Pools;
use file::DataFile;
use revoked_log::RevokedLog;

/// The location of a database.
#[derive(Clone)]
pub enum DatabaseLocation {
    /// A file, used by one server.
    Sqlite(PathBuf),
    /// A URL, `postgres://…`, usable by several servers. It may contain a password, so `Debug` leaves it out.
    Postgres(String),
}

impl fmt::Debug for DatabaseLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => f.debug_tuple("Sqlite").field(path).finish(),
            Self::Postgres(_) => f.write_str("Postgres(…)"),
        }
    }
}

/// The purpose of opening a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenMode {
    /// Run a server. Creates the file if it does not exist, and locks it for this process.
    Serve,
    /// Set up an organization on the server's host. Creates the file if it does not exist. A server may be running.
    SetUp,
    /// Run a maintenance command. The database must exist. A server may be running.
    Tool,
}

/// An open database. Cloning is cheap.
#[derive(Clone)]
pub struct Store {
    inner: Arc<StoreInner>,
}

struct StoreInner {
    dialect: Dialect,
    pools: Pools,
    file: Option<DataFile>,
    /// Id of the database, which its backups share.
    database: String,
    revoked: Option<RevokedLog>,
    pending: Option<RestorePending>,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("dialect", &self.inner.dialect).finish_non_exhaustive()
    }
}

impl Store {
    /// Opens the database, migrates its tables, and revokes the keys that a restored backup would make active again. `random`
    /// returns bytes for ids.
    ///
    /// # Errors
    /// See [`OpenStoreError`].
    pub async fn open(
        target: &DatabaseLocation,
        access: OpenMode,
        now: Timestamp,
        random: fn() -> [u8; 10],
    ) -> Result<Self, OpenStoreError> {
        let (pools, file, _one_at_a_time) = match target {
            DatabaseLocation::Sqlite(path) => {
                let file = DataFile::prepare(path, access)?;
                let lock = file::lock_folder(file.path()).await?;
                (dialect::sqlite(file.path()).await?, Some(file), Some(lock))
            }
            DatabaseLocation::Postgres(url) => (dialect::postgres(url).await?, None, None),
        };
        let dialect = if file.is_some() { Dialect::Sqlite } else { Dialect::Postgres };
        schema::migrate(&pools.writers, dialect).await?;
        let mut inner =
            StoreInner { dialect, pools, file, database: String::new(), revoked: None, pending: None };
        inner.database = organization::ensure_facts(&inner, now, random()).await?;
        if let Some(file) = &inner.file {
            file.check_companions()?;
            let opened = revoked_log::open(&inner, file.path(), access, now, random).await?;
            (inner.revoked, inner.pending) = opened;
        }
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Returns the kind of database.
    pub fn dialect(&self) -> Dialect {
        self.inner.dialect
    }

    /// Returns the path of a SQLite file.
    pub fn path(&self) -> Option<&Path> {
        self.inner.file.as_ref().map(DataFile::path)
    }

    /// Returns why every key must be refused, if the database was restored and later revocations may be missing.
    pub fn restore_pending(&self) -> Option<&RestorePending> {
        self.inner.pending.as_ref()
    }

    /// Writes in one transaction: runs `work`, commits if it returns `Ok`, and rolls back if it returns `Err`. Every write uses this.
    ///
    /// The transaction runs in its own task, so it is completed even if the caller stops waiting.
    ///
    /// ```text
    /// store.write(move |tx| Box::pin(async move { tx.end_session(id, now).await })).await
    /// ```
    ///
    /// # Errors
    /// The error of `work`, or a [`StoreError`]. After [`StoreError::OutcomeUnknown`] the changes may be stored.
    pub async fn write<T, E, F>(&self, work: F) -> Result<T, E>
    where
        F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        #[cfg(feature = "fault-injection")]
        if crate::fault_injection::is(crate::fault_injection::Fault::EarlyAnswer) {
            return self.answered_early(work).await;
        }
        let inner = self.inner.clone();
        tokio::spawn(async move { inner.write(work).await }.in_current_span())
            .await
            .unwrap_or_else(|gone| Err(lost(&gone).into()))
    }

    /// Reads a consistent snapshot: `work` runs in one read-only transaction.
    ///
    /// # Errors
    /// The error of `work`, or a [`StoreError`].
    pub async fn read<T, E, F>(&self, work: F) -> Result<T, E>
    where
        F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let inner = self.inner.clone();
        tokio::spawn(async move { inner.read(work).await }.in_current_span())
            .await
            .unwrap_or_else(|gone| Err(lost(&gone).into()))
    }

    /// Returns a handle for single queries, each of which sees the latest state. Cheaper than [`Store::read`].
    ///
    /// # Errors
    /// No connection can be opened.
    pub async fn reader(&self) -> Result<Tx, StoreError> {
        Tx::reader(&self.inner.pools.readers, self.inner.dialect).await
    }

    /// Closes every connection, so that SQLite moves its write-ahead log into the file.
    pub async fn close(&self) {
        self.inner.pools.readers.close().await;
        self.inner.pools.writers.close().await;
    }
}

impl StoreInner {
    async fn write<T, E, F>(&self, work: F) -> Result<T, E>
    where
        F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T, E>>,
        E: From<StoreError>,
    {
        let mut tx = Tx::begin(&self.pools.writers, self.dialect, self.dialect.begin_write()).await?;
        match work(&mut tx).await {
            Ok(value) => {
                #[cfg(feature = "fault-injection")]
                let late = std::mem::take(&mut tx.late);
                tx.commit(self.revoked.as_ref()).await?;
                #[cfg(feature = "fault-injection")]
                self.record_late(late).await?;
                Ok(value)
            }
            Err(refusal) => {
                tx.roll_back().await;
                Err(refusal)
            }
        }
    }

    async fn read<T, E, F>(&self, work: F) -> Result<T, E>
    where
        F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T, E>>,
        E: From<StoreError>,
    {
        let mut tx = Tx::begin(&self.pools.readers, self.dialect, self.dialect.begin_read()).await?;
        let result = work(&mut tx).await;
        tx.roll_back().await;
        result
    }
}

/// Returns the error for a transaction whose task ended without a result: it panicked, or the program is shutting down.
fn lost(gone: &tokio::task::JoinError) -> StoreError {
    if gone.is_panic() {
        StoreError::Failed("the transaction panicked".to_owned())
    } else {
        StoreError::OutcomeUnknown("the program is ending".to_owned())
    }
}
