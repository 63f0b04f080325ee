//! Differences between SQLite and PostgreSQL: connections, locks and clock. All other queries are shared.

use std::path::Path;
use std::time::Duration;

use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::{AnyConnection, AnyPool, Connection as _, Executor as _};

use super::error::OpenStoreError;

/// The kind of database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// One file, one process, one writer at a time.
    Sqlite,
    /// A server that several processes may use.
    Postgres,
}

/// Connection pools for reading and for writing.
pub(super) struct Pools {
    pub readers: AnyPool,
    pub writers: AnyPool,
}

impl Dialect {
    pub(super) fn begin_write(self) -> &'static str {
        match self {
            // Takes the write lock before anything is read, so that no read can be out of date.
            Self::Sqlite => "BEGIN IMMEDIATE",
            Self::Postgres => "BEGIN ISOLATION LEVEL READ COMMITTED",
        }
    }

    pub(super) fn begin_read(self) -> &'static str {
        match self {
            Self::Sqlite => "BEGIN",
            Self::Postgres => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        }
    }

    /// Locks the organization, so that changes of members and roles happen one after the other. SQLite has one writer at a time
    /// anyway.
    pub(super) fn lock_organization(self) -> Option<&'static str> {
        match self {
            Self::Sqlite => None,
            Self::Postgres => Some("SELECT CAST(1 AS BIGINT) FROM organization FOR UPDATE"),
        }
    }

    /// Locks a member: waits for transactions that rely on the member, and blocks new ones until this one ends.
    pub(super) fn lock_member(self) -> Option<&'static str> {
        match self {
            Self::Sqlite => None,
            Self::Postgres => Some("SELECT CAST(1 AS BIGINT) FROM members WHERE id = $1 FOR NO KEY UPDATE"),
        }
    }

    /// Locks the keys that a query finds until the transaction ends.
    pub(super) fn for_update_of_keys(self) -> &'static str {
        match self {
            Self::Sqlite => "",
            Self::Postgres => " FOR NO KEY UPDATE OF k",
        }
    }

    /// Returns a query for the database's clock in milliseconds, for databases that several machines share.
    pub(super) fn clock(self) -> Option<&'static str> {
        match self {
            Self::Sqlite => None,
            Self::Postgres => {
                Some("SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT) AS now")
            }
        }
    }
}

/// Settings of every connection. The defaults of sqlx are a rollback journal, readable freed pages, and trust in the schema.
const SQLITE: &str = "PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
    PRAGMA secure_delete = ON; PRAGMA trusted_schema = OFF; PRAGMA foreign_keys = ON; PRAGMA recursive_triggers = ON; \
    PRAGMA cache_size = -8000; PRAGMA temp_store = MEMORY;";
const SQLITE_READER: &str = "PRAGMA query_only = ON;";
/// Settings of every connection. Waiting more than 10 s for a lock is reported as an error.
const POSTGRES: &str = "SET lock_timeout = '10s'; SET statement_timeout = '30s'; \
    SET idle_in_transaction_session_timeout = '30s'; SET synchronous_commit = on;";
const POSTGRES_READER: &str = "SET default_transaction_read_only = on;";

const SQLITE_READERS: u32 = 4;
const POSTGRES_READERS: u32 = 12;
const POSTGRES_WRITERS: u32 = 8;

pub(super) async fn sqlite(path: &Path) -> Result<Pools, OpenStoreError> {
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
        .after_connect(|conn, _| Box::pin(prepare(conn, SQLITE, "")))
        .connect_with(url.clone())
        .await?;
    let version: String = sqlx::query_scalar("SELECT sqlite_version()").fetch_one(&writers).await?;
    if version.split('.').filter_map(|n| n.parse::<u32>().ok()).lt([3, 51, 3]) {
        return Err(OpenStoreError::OldSqlite(version));
    }
    let readers = options()
        .max_connections(SQLITE_READERS)
        .after_connect(|conn, _| Box::pin(prepare(conn, SQLITE, SQLITE_READER)))
        .connect_with(url)
        .await?;
    // Opens every connection now: one that is opened during a write may not find SQLite's files (SQLITE_CANTOPEN).
    let mut opened = Vec::new();
    for _ in 0..SQLITE_READERS {
        opened.push(readers.acquire().await?);
    }
    drop(opened);
    Ok(Pools { readers, writers })
}

pub(super) async fn postgres(url: &str) -> Result<Pools, OpenStoreError> {
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
        .max_connections(POSTGRES_WRITERS)
        .after_connect(|conn, _| Box::pin(prepare(conn, POSTGRES, "")))
        .connect_with(url.clone())
        .await?;
    let readers = options()
        .max_connections(POSTGRES_READERS)
        .after_connect(|conn, _| Box::pin(prepare(conn, POSTGRES, POSTGRES_READER)))
        .connect_lazy_with(url);
    Ok(Pools { readers, writers })
}

async fn prepare(conn: &mut AnyConnection, all: &'static str, more: &'static str) -> Result<(), sqlx::Error> {
    conn.execute(sqlx::raw_sql(all)).await?;
    if !more.is_empty() {
        conn.execute(sqlx::raw_sql(more)).await?;
    }
    Ok(())
}

/// Returns the URL of a SQLite file, percent-encoded.
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
