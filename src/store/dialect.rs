//! Differences between SQLite and PostgreSQL: connections, locks and clock. All other queries are shared.

use std::path::Path;
use std::time::Duration;

use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::{AnyConnection, AnyPool, Connection as _, Executor as _};

use super::error::OpenStoreError;

/// The database engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// A file that one process uses, with one writer at a time.
    Sqlite,
    /// A PostgreSQL server, which several processes may share.
    Postgres,
}

/// Connection pools for reading and for writing.
pub(super) struct Pools {
    pub(crate) readers: AnyPool,
    pub(crate) writers: AnyPool,
}

impl Dialect {
    pub(super) fn begin_write_sql(self) -> &'static str {
        match self {
            // Takes the write lock before anything is read, so that no read can be out of date.
            Self::Sqlite => "BEGIN IMMEDIATE",
            Self::Postgres => "BEGIN ISOLATION LEVEL READ COMMITTED",
        }
    }

    pub(super) fn begin_read_sql(self) -> &'static str {
        match self {
            Self::Sqlite => "BEGIN",
            Self::Postgres => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        }
    }

    /// Returns the SQL that locks the organization, so that member removals and role changes run one after the other. `None` for
    /// SQLite, which has one writer at a time anyway.
    pub(super) fn lock_organization_sql(self) -> Option<&'static str> {
        match self {
            Self::Sqlite => None,
            Self::Postgres => Some("SELECT CAST(1 AS BIGINT) FROM organization FOR UPDATE"),
        }
    }

    /// Returns the SQL that locks a member: it waits for transactions that rely on the member, and blocks new ones until the locking
    /// transaction ends. `None` for SQLite.
    pub(super) fn lock_member_sql(self) -> Option<&'static str> {
        match self {
            Self::Sqlite => None,
            Self::Postgres => Some("SELECT CAST(1 AS BIGINT) FROM members WHERE id = $1 FOR NO KEY UPDATE"),
        }
    }

    /// Returns the SQL that ends a query and locks the selected keys until the transaction ends. Empty for SQLite.
    pub(super) fn for_update_of_keys(self) -> &'static str {
        match self {
            Self::Sqlite => "",
            Self::Postgres => " FOR NO KEY UPDATE OF k",
        }
    }

    /// Returns the SQL that reads the database's clock in milliseconds. `None` for SQLite, which only one machine uses.
    pub(super) fn clock_sql(self) -> Option<&'static str> {
        match self {
            Self::Sqlite => None,
            Self::Postgres => {
                Some("SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT) AS now")
            }
        }
    }
}

/// Settings of every SQLite connection. By default, sqlx would use a rollback journal, leave deleted data readable in freed pages,
/// and trust the schema.
const SQLITE_SETTINGS: &str = "PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
    PRAGMA secure_delete = ON; PRAGMA trusted_schema = OFF; PRAGMA foreign_keys = ON; PRAGMA recursive_triggers = ON; \
    PRAGMA cache_size = -8000; PRAGMA temp_store = MEMORY;";
const SQLITE_READER_SETTINGS: &str = "PRAGMA query_only = ON;";
/// Settings of every PostgreSQL connection. Waiting longer than 10 s for a lock is an error.
const POSTGRES_SETTINGS: &str = "SET lock_timeout = '10s'; SET statement_timeout = '30s'; \
    SET idle_in_transaction_session_timeout = '30s'; SET synchronous_commit = on;";
const POSTGRES_READER_SETTINGS: &str = "SET default_transaction_read_only = on;";

const SQLITE_READER_COUNT: u32 = 4;
const POSTGRES_READER_COUNT: u32 = 12;
const POSTGRES_WRITER_COUNT: u32 = 8;

pub(super) async fn open_sqlite(path: &Path) -> Result<Pools, OpenStoreError> {
    sqlx::any::install_default_drivers();
    let url = sqlite_url(path)?;
    let options = || {
        AnyPoolOptions::new()
            .idle_timeout(None)
            .max_lifetime(None)
            .test_before_acquire(false)
            // Longer than a connection waits for a write of another process and the write before it.
            .acquire_timeout(Duration::from_secs(10))
    };
    let writers = options()
        .max_connections(1)
        .after_connect(|conn, _| Box::pin(apply_settings(conn, SQLITE_SETTINGS, "")))
        .connect_with(url.clone())
        .await?;
    let version: String = sqlx::query_scalar("SELECT sqlite_version()").fetch_one(&writers).await?;
    if version.split('.').filter_map(|n| n.parse::<u32>().ok()).lt([3, 51, 3]) {
        return Err(OpenStoreError::OldSqlite(version));
    }
    let readers = options()
        .max_connections(SQLITE_READER_COUNT)
        .after_connect(|conn, _| Box::pin(apply_settings(conn, SQLITE_SETTINGS, SQLITE_READER_SETTINGS)))
        .connect_with(url)
        .await?;
    // Opens every connection now: one that is opened during a write may not find SQLite's files (SQLITE_CANTOPEN).
    let mut opened = Vec::new();
    for _ in 0..SQLITE_READER_COUNT {
        opened.push(readers.acquire().await?);
    }
    drop(opened);
    Ok(Pools { readers, writers })
}

pub(super) async fn open_postgres(url: &str) -> Result<Pools, OpenStoreError> {
    sqlx::any::install_default_drivers();
    let url: AnyConnectOptions = url.parse()?;
    let options = || {
        AnyPoolOptions::new()
            .acquire_timeout(Duration::from_secs(3))
            .idle_timeout(Duration::from_mins(5))
            // A connection that was used within the last second is assumed to be alive.
            .test_before_acquire(false)
            .before_acquire(|conn, meta| {
                Box::pin(
                    async move { Ok(meta.idle_for < Duration::from_secs(1) || conn.ping().await.is_ok()) },
                )
            })
    };
    let writers = options()
        .max_connections(POSTGRES_WRITER_COUNT)
        .after_connect(|conn, _| Box::pin(apply_settings(conn, POSTGRES_SETTINGS, "")))
        .connect_with(url.clone())
        .await?;
    let readers = options()
        .max_connections(POSTGRES_READER_COUNT)
        .after_connect(|conn, _| Box::pin(apply_settings(conn, POSTGRES_SETTINGS, POSTGRES_READER_SETTINGS)))
        .connect_lazy_with(url);
    Ok(Pools { readers, writers })
}

async fn apply_settings(
    conn: &mut AnyConnection,
    all: &'static str,
    more: &'static str,
) -> Result<(), sqlx::Error> {
    conn.execute(sqlx::raw_sql(all)).await?;
    if !more.is_empty() {
        conn.execute(sqlx::raw_sql(more)).await?;
    }
    Ok(())
}

/// Returns the connection URL of a SQLite file, with its path percent-encoded.
fn sqlite_url(path: &Path) -> Result<AnyConnectOptions, OpenStoreError> {
    use std::fmt::Write as _;
    use std::os::unix::ffi::OsStrExt as _;
    let mut url = "sqlite://".to_owned();
    for &byte in path.as_os_str().as_bytes() {
        if byte.is_ascii_alphanumeric() || b"/-_.".contains(&byte) {
            url.push(char::from(byte));
        } else {
            write!(url, "%{byte:02X}").expect("writing to a String cannot fail");
        }
    }
    url.push_str("?mode=rw");
    Ok(url.parse()?)
}
