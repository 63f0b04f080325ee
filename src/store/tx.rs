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

/// An SQL statement with bound values.
pub(super) type Sql<'q> = Query<'q, Any, AnyArguments>;

/// How a transaction ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransactionOutcome {
    /// The changes were stored.
    Committed,
    /// No change was stored.
    RolledBack,
    /// The connection was lost during the commit, so the changes may have been stored.
    Unknown,
}

type Hook = Box<dyn FnOnce(TransactionOutcome) + Send>;

/// A write that an injected bug moves to a separate transaction after the commit.
#[cfg(feature = "fault-injection")]
pub(super) type DeferredWrite =
    Box<dyn for<'t> FnOnce(&'t mut Tx) -> futures_util::future::BoxFuture<'t, Result<(), StoreError>> + Send>;

/// A transaction, or a handle for single reads.
pub struct Tx {
    /// `None` after the transaction has ended.
    conn: Option<PoolConnection<Any>>,
    dialect: Dialect,
    writes: bool,
    /// Set from `BEGIN` until the transaction ends. The connection is not returned to the pool while this is set.
    open: bool,
    /// Set after a failed statement. The database may have rolled back, so the connection is discarded.
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
        tx.writes = sql == dialect.begin_write_sql();
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

    /// Commits the transaction. First appends the digests of revoked keys to their log, so that a restored backup does not make the
    /// keys active again.
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
            Err(error) => StoreError::from_commit(&error),
        };
        self.close().await;
        if matches!(error, StoreError::OutcomeUnknown(_)) {
            self.end(TransactionOutcome::Unknown);
        } else {
            self.end(TransactionOutcome::RolledBack);
            if let (Some(log), Some(length)) = (log, length) {
                log.truncate(length)?;
            }
        }
        Err(error)
    }

    /// Rolls the transaction back. The connection is returned to the pool only if the rollback succeeds.
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

    /// Registers a function to call with the transaction's outcome, before `Store::write` returns. Functions are called in the order of
    /// registration.
    pub fn on_end(&mut self, hook: impl FnOnce(TransactionOutcome) + Send + 'static) {
        self.hooks.push(Box::new(hook));
    }

    /// Adds a digest to the log of revoked keys when the transaction commits. Must be called for every revoked key and every replaced
    /// secret.
    pub(crate) fn add_to_revoked_log(&mut self, digest: Digest) {
        self.revoked.push(digest);
    }

    /// Returns whether the transaction may write.
    pub(super) fn writes(&self) -> bool {
        self.writes
    }

    pub(crate) fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// Returns the time for `changed_at` and `as_of`: the database's clock if several processes can share the database, otherwise
    /// `now`.
    pub(crate) async fn change_time(&mut self, now: Timestamp) -> Result<Timestamp, StoreError> {
        let Some(sql) = self.dialect.clock_sql() else { return Ok(now) };
        let row = self.fetch_one(sqlx::query(sql)).await?;
        DbRow::new("clock", &row).stamp("now")
    }

    /// Locks the organization, so that member removals and role changes run one after the other. Must be the first lock in a
    /// transaction.
    pub(crate) async fn lock_organization(&mut self) -> Result<(), StoreError> {
        #[cfg(feature = "fault-injection")]
        if crate::fault_injection::omits_locks() {
            return Ok(());
        }
        if let Some(sql) = self.dialect.lock_organization_sql() {
            self.fetch_all(sqlx::query(sql)).await?;
        }
        Ok(())
    }

    /// Locks a member: waits for transactions that rely on the member, and blocks new ones until this transaction ends.
    pub(crate) async fn lock_member(&mut self, id: Id) -> Result<(), StoreError> {
        #[cfg(feature = "fault-injection")]
        if crate::fault_injection::omits_locks() {
            return Ok(());
        }
        if let Some(sql) = self.dialect.lock_member_sql() {
            self.fetch_all(sqlx::query(sql).bind(id.to_string())).await?;
        }
        Ok(())
    }

    /// Returns all rows that a query selects.
    pub(super) async fn fetch_all(&mut self, sql: Sql<'_>) -> Result<Vec<AnyRow>, StoreError> {
        let result = sql.fetch_all(&mut **self.conn()).await;
        self.checked(result)
    }

    /// Returns the first row that a query selects, or `None` if there are none.
    pub(super) async fn fetch_optional(&mut self, sql: Sql<'_>) -> Result<Option<AnyRow>, StoreError> {
        let result = sql.fetch_optional(&mut **self.conn()).await;
        self.checked(result)
    }

    /// Returns the first row that a query selects. Fails if there are none.
    pub(super) async fn fetch_one(&mut self, sql: Sql<'_>) -> Result<AnyRow, StoreError> {
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
    /// Discards the connection if the transaction was neither committed nor rolled back, which happens after a panic or during a
    /// shutdown.
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
