//! The database: the only SQL, one set of queries for SQLite and PostgreSQL, and the one way to write.
//!
//! The store never decides who may. A caller composes the small named queries of [`Tx`] inside [`Store::write`]: read the actor,
//! ask the domain for a grant, change rows with the guard in the `WHERE`, record the activity.

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

/// Which database.
#[derive(Clone)]
pub enum DatabaseLocation {
    /// A file, owned by one `serve`.
    Sqlite(PathBuf),
    /// An address, `postgres://…`, for any number of processes. May hold a password, so it is never shown.
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

/// What a database is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenMode {
    /// To serve from it: a file is created where there is none, and belongs to this process alone.
    Serve,
    /// To set it up on the server's host: created where there is none, beside a server that runs.
    SetUp,
    /// To look after it: it must exist; beside a server that runs.
    Tool,
}

/// An open database. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    inner: Arc<StoreInner>,
}

struct StoreInner {
    dialect: Dialect,
    pools: Pools,
    file: Option<DataFile>,
    /// Made when the database was, and kept by its backups.
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
    /// Opens the database, creates or updates its tables, and revokes again what a restored backup would revive.
    /// `random` gives bytes for ids.
    ///
    /// # Errors
    /// See [`OpenStoreError`]: each says what to do.
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

    /// Which database it is.
    pub fn dialect(&self) -> Dialect {
        self.inner.dialect
    }

    /// The file, on SQLite.
    pub fn path(&self) -> Option<&Path> {
        self.inner.file.as_ref().map(DataFile::path)
    }

    /// Why no key may be admitted, if so: the database was restored, and what was revoked since is not known for sure.
    pub fn restore_pending(&self) -> Option<&RestorePending> {
        self.inner.pending.as_ref()
    }

    /// The one way to write. `work` runs in one transaction, in a task of its own, so that it is never left half done because
    /// nobody waits for it any more. It is committed when `work` gives `Ok`, and rolled back when it gives `Err`.
    ///
    /// ```text
    /// store.write(move |tx| Box::pin(async move { tx.end_session(id, now).await })).await
    /// ```
    ///
    /// # Errors
    /// What `work` refuses with, or an [`StoreError`] of the database. [`StoreError::OutcomeUnknown`] says that it may have been done.
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

    /// Reads several things as they were at one moment.
    ///
    /// # Errors
    /// What `work` refuses with, or an [`StoreError`] of the database.
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

    /// A handle for single queries, each of which sees the newest state. Cheaper than [`Store::read`].
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn reader(&self) -> Result<Tx, StoreError> {
        Tx::reader(&self.inner.pools.readers, self.inner.dialect).await
    }

    /// Closes all connections, so that SQLite's log is folded into the file.
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

/// The task of a transaction ended without an answer: it panicked before its commit, or the program is ending.
fn lost(gone: &tokio::task::JoinError) -> StoreError {
    if gone.is_panic() {
        StoreError::Failed("the transaction panicked".to_owned())
    } else {
        StoreError::OutcomeUnknown("the program is ending".to_owned())
    }
}
