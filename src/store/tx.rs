//! Transactions, and handles for single reads. The queries are methods of [`Tx`], in the modules named after their tables.

use sqlx::any::{AnyArguments, AnyRow};
use sqlx::pool::PoolConnection;
use sqlx::query::Query;
use sqlx::{Any, AnyPool};

use super::dialect::Dialect;
use super::error::StoreError;
use super::revoked_log::RevokedLog;
use super::row::DbRow;
use crate::domain::id::Id;
use crate::domain::secret::Digest;
use crate::domain::time::Timestamp;

/// A statement with bound values.
pub(super) type Sql<'q> = Query<'q, Any, AnyArguments>;

/// The result of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransactionOutcome {
    /// The changes are stored.
    Committed,
    /// No change is stored.
    RolledBack,
    /// The connection was lost during the commit, so the changes may be stored.
    Unknown,
}

type Hook = Box<dyn FnOnce(TransactionOutcome) + Send>;

/// A write that fault injection moves to a separate transaction after the commit.
#[cfg(feature = "fault-injection")]
pub(super) type DeferredWrite =
    Box<dyn for<'t> FnOnce(&'t mut Tx) -> futures_util::future::BoxFuture<'t, Result<(), StoreError>> + Send>;

/// A transaction or a handle for single reads.
pub struct Tx {
    /// `None` only after the end.
    conn: Option<PoolConnection<Any>>,
    dialect: Dialect,
    writes: bool,
    /// Set between `BEGIN` and the end. Such a connection is not returned to the pool.
    open: bool,
    /// Set after a failed statement: the database may have rolled back, so the connection is discarded.
    broken: bool,
    revoked: Vec<Digest>,
    hooks: Vec<Hook>,
    #[cfg(feature = "fault-injection")]
    pub(super) deferred: Vec<DeferredWrite>,
}

impl Tx {
    pub(super) async fn begin(
        pool: &AnyPool,
        dialect: Dialect,
        sql: &'static str,
    ) -> Result<Self, StoreError> {
        let mut tx = Self::reader(pool, dialect).await?;
        tx.open = true;
        tx.writes = sql == dialect.begin_write();
        if let Err(error) = tx.execute(sqlx::query(sql)).await {
            tx.close().await;
            return Err(error);
        }
        Ok(tx)
    }

    pub(super) async fn reader(pool: &AnyPool, dialect: Dialect) -> Result<Self, StoreError> {
        let conn = pool.acquire().await?;
        Ok(Self {
            conn: Some(conn),
            dialect,
            writes: false,
            open: false,
            broken: false,
            revoked: Vec::new(),
            hooks: Vec::new(),
            #[cfg(feature = "fault-injection")]
            deferred: Vec::new(),
        })
    }

    /// Commits. Writes the digests of revoked keys to their log first, so that a restored backup does not make them active.
    pub(super) async fn commit(mut self, log: Option<&RevokedLog>) -> Result<(), StoreError> {
        let revoked = std::mem::take(&mut self.revoked);
        let log = log.filter(|_| !revoked.is_empty());
        let length = match log.map(|log| log.append(&revoked)).transpose() {
            Ok(length) => length,
            Err(error) => {
                self.roll_back().await;
                return Err(error);
            }
        };
        let result = sqlx::query("COMMIT").execute(&mut **self.conn()).await;
        let error = match result {
            Ok(_) => {
                self.open = false;
                self.end(TransactionOutcome::Committed);
                return Ok(());
            }
            Err(error) => StoreError::of_commit(&error),
        };
        self.close().await;
        if matches!(error, StoreError::OutcomeUnknown(_)) {
            self.end(TransactionOutcome::Unknown);
        } else {
            self.end(TransactionOutcome::RolledBack);
            if let (Some(log), Some(length)) = (log, length) {
                log.take_back(length)?;
            }
        }
        Err(error)
    }

    /// Rolls back. The connection is returned to the pool only if the rollback succeeds.
    pub(super) async fn roll_back(mut self) {
        if self.broken || self.execute(sqlx::query("ROLLBACK")).await.is_err() {
            self.close().await;
        } else {
            self.open = false;
        }
        self.end(TransactionOutcome::RolledBack);
    }

    fn end(&mut self, outcome: TransactionOutcome) {
        for hook in std::mem::take(&mut self.hooks) {
            hook(outcome);
        }
    }

    async fn close(&mut self) {
        if let Some(conn) = self.conn.take() {
            // The connection is discarded, so an error while closing it does not matter.
            let _ = conn.close().await;
        }
    }

    fn conn(&mut self) -> &mut PoolConnection<Any> {
        self.conn.as_mut().expect("the connection is taken only where the transaction ends")
    }

    /// Registers a function that is called with the result of the transaction, before `Store::write` returns. Functions
    /// are called in the order of registration.
    pub fn on_end(&mut self, hook: impl FnOnce(TransactionOutcome) + Send + 'static) {
        self.hooks.push(Box::new(hook));
    }

    /// Adds a digest to the log of revoked keys when the transaction commits. Every revocation and every reissued secret must
    /// call this.
    pub fn add_to_revoked_log(&mut self, digest: Digest) {
        self.revoked.push(digest);
    }

    /// Returns whether the transaction may write.
    pub(super) fn writes(&self) -> bool {
        self.writes
    }

    /// Returns the kind of database.
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// Returns the time for `changed_at` and `as_of`: the database's clock if several processes share it, otherwise `now`.
    ///
    /// # Errors
    /// The query fails.
    pub async fn change_time(&mut self, now: Timestamp) -> Result<Timestamp, StoreError> {
        let Some(sql) = self.dialect.clock() else { return Ok(now) };
        let row = self.one(sqlx::query(sql)).await?;
        DbRow::of("clock", &row).stamp("now")
    }

    /// Locks the organization, so that removals and changes of role happen one after the other. Must be the first lock of a
    /// transaction.
    ///
    /// # Errors
    /// The query fails.
    pub async fn lock_organization(&mut self) -> Result<(), StoreError> {
        #[cfg(feature = "fault-injection")]
        if crate::fault_injection::omits_locks() {
            return Ok(());
        }
        if let Some(sql) = self.dialect.lock_organization() {
            self.all(sqlx::query(sql)).await?;
        }
        Ok(())
    }

    /// Locks a member: waits for transactions that rely on the member, and blocks new ones until this one ends.
    ///
    /// # Errors
    /// The query fails.
    pub async fn lock_member(&mut self, id: Id) -> Result<(), StoreError> {
        #[cfg(feature = "fault-injection")]
        if crate::fault_injection::omits_locks() {
            return Ok(());
        }
        if let Some(sql) = self.dialect.lock_member() {
            self.all(sqlx::query(sql).bind(id.to_string())).await?;
        }
        Ok(())
    }

    /// Returns every row.
    pub(super) async fn all(&mut self, sql: Sql<'_>) -> Result<Vec<AnyRow>, StoreError> {
        let result = sql.fetch_all(&mut **self.conn()).await;
        self.checked(result)
    }

    /// Returns the first row, if there is one.
    pub(super) async fn optional(&mut self, sql: Sql<'_>) -> Result<Option<AnyRow>, StoreError> {
        let result = sql.fetch_optional(&mut **self.conn()).await;
        self.checked(result)
    }

    /// Returns the only row.
    pub(super) async fn one(&mut self, sql: Sql<'_>) -> Result<AnyRow, StoreError> {
        let result = sql.fetch_one(&mut **self.conn()).await;
        self.checked(result)
    }

    /// Executes a statement. Returns the number of affected rows.
    pub(super) async fn execute(&mut self, sql: Sql<'_>) -> Result<u64, StoreError> {
        let result = sql.execute(&mut **self.conn()).await;
        self.checked(result).map(|done| done.rows_affected())
    }

    fn checked<T>(&mut self, result: Result<T, sqlx::Error>) -> Result<T, StoreError> {
        if result.is_err() {
            self.broken = true;
        }
        Ok(result?)
    }
}

impl Drop for Tx {
    /// Discards the connection of a transaction that was neither committed nor rolled back, after a panic or at the end of the
    /// program.
    fn drop(&mut self) {
        if (self.open || self.broken)
            && let Some(conn) = self.conn.as_mut()
        {
            conn.close_on_drop();
        }
        // Without a call to commit nothing was stored.
        self.end(TransactionOutcome::RolledBack);
    }
}
