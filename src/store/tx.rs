//! A transaction, or a handle for single reads: what the named queries of this room are called on.

use sqlx::any::{AnyArguments, AnyRow};
use sqlx::pool::PoolConnection;
use sqlx::query::Query;
use sqlx::{Any, AnyPool};

use super::dialect::Dialect;
use super::error::StoreError;
use super::revoked_log::RevokedLog;
use crate::domain::id::Id;
use crate::domain::secret::Digest;
use crate::domain::time::Timestamp;

/// A statement with its values.
pub(super) type Sql<'q> = Query<'q, Any, AnyArguments>;

/// Whether what a transaction did came to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransactionOutcome {
    /// It is stored.
    Committed,
    /// Nothing of it is stored.
    RolledBack,
    /// The database was lost while it committed.
    Unknown,
}

type Hook = Box<dyn FnOnce(TransactionOutcome) + Send>;

/// A transaction. Its queries stand in the modules named after what they are about.
pub struct Tx {
    /// Absent only after the end.
    conn: Option<PoolConnection<Any>>,
    dialect: Dialect,
    writes: bool,
    /// Between `BEGIN` and the end: such a connection never goes back to the pool by itself.
    open: bool,
    /// A statement failed: the database may have rolled back on its own, so the connection is not to be trusted.
    broken: bool,
    revoked: Vec<Digest>,
    hooks: Vec<Hook>,
    #[cfg(feature = "fault-injection")]
    pub(super) late: Vec<super::NewActivity>,
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
            late: Vec::new(),
        })
    }

    /// Commits. The digests of revoked keys reach their own file first, so that no restored backup revives them.
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

    /// Ends without keeping anything. The connection goes back to the pool only if the database agrees that all is well.
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
            // It is being thrown away: how it ends does not matter.
            let _ = conn.close().await;
        }
    }

    fn conn(&mut self) -> &mut PoolConnection<Any> {
        self.conn.as_mut().expect("the connection is taken only where the transaction ends")
    }

    /// Called once when it is decided, before [`super::Store::write`] returns, in the order of registration.
    pub fn on_end(&mut self, hook: impl FnOnce(TransactionOutcome) + Send + 'static) {
        self.hooks.push(Box::new(hook));
    }

    /// Notes that this digest must never be accepted again. Every revoke and re-issue calls it.
    pub fn add_to_revoked_log(&mut self, digest: Digest) {
        self.revoked.push(digest);
    }

    /// Whether it is a transaction that may write.
    pub(super) fn writes(&self) -> bool {
        self.writes
    }

    /// Which database it is.
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// The time that changes are marked with and `as_of` is taken from: the database's own clock where several processes share it.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn change_time(&mut self, now: Timestamp) -> Result<Timestamp, StoreError> {
        let Some(sql) = self.dialect.clock() else { return Ok(now) };
        let row = self.one(sqlx::query(sql)).await?;
        super::row::DbRow::of("clock", &row).stamp("now")
    }

    /// Locks the organization, so that removals and role changes happen one after the other. Take it before any other lock.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn lock_organization(&mut self) -> Result<(), StoreError> {
        #[cfg(feature = "fault-injection")]
        if crate::fault_injection::takes_no_locks() {
            return Ok(());
        }
        if let Some(sql) = self.dialect.lock_organization() {
            self.all(sqlx::query(sql)).await?;
        }
        Ok(())
    }

    /// Waits for writes that need the member as they are, and keeps new ones out until this transaction ends.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn lock_member(&mut self, id: Id) -> Result<(), StoreError> {
        #[cfg(feature = "fault-injection")]
        if crate::fault_injection::takes_no_locks() {
            return Ok(());
        }
        if let Some(sql) = self.dialect.lock_member() {
            self.all(sqlx::query(sql).bind(id.to_string())).await?;
        }
        Ok(())
    }

    /// All rows.
    pub(super) async fn all(&mut self, sql: Sql<'_>) -> Result<Vec<AnyRow>, StoreError> {
        let result = sql.fetch_all(&mut **self.conn()).await;
        self.checked(result)
    }

    /// The row, if there is one.
    pub(super) async fn optional(&mut self, sql: Sql<'_>) -> Result<Option<AnyRow>, StoreError> {
        let result = sql.fetch_optional(&mut **self.conn()).await;
        self.checked(result)
    }

    /// The one row.
    pub(super) async fn one(&mut self, sql: Sql<'_>) -> Result<AnyRow, StoreError> {
        let result = sql.fetch_one(&mut **self.conn()).await;
        self.checked(result)
    }

    /// Runs a statement; gives how many rows it changed.
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
    /// Neither committed nor rolled back: a panic, or the end of the program.
    fn drop(&mut self) {
        if (self.open || self.broken)
            && let Some(conn) = self.conn.as_mut()
        {
            conn.close_on_drop();
        }
        // Where nobody asked for the end there was no commit.
        self.end(TransactionOutcome::RolledBack);
    }
}
