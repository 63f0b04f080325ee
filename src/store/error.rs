//! Errors of the database, grouped by what the caller should do.

use std::path::PathBuf;

/// Error of a query or transaction. Messages are for the log and contain no stored data.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Another write holds a lock, or two writes conflict. Nothing was changed; try again.
    #[error("the database is busy")]
    Busy,
    /// The database cannot be reached. Nothing was changed; try again.
    #[error("the database cannot be reached: {0}")]
    Unreachable(String),
    /// No space is left. Nothing was changed.
    #[error("the database's disk is full")]
    DiskFull,
    /// The connection was lost during the commit, so the change may have been stored.
    #[error("it is not known whether the change was stored: {0}")]
    OutcomeUnknown(String),
    /// Another row already has a value that must be unique.
    #[error("the value is already taken: {0}")]
    Taken(String),
    /// A row contains a value that keyward cannot have written.
    #[error("the database is damaged: table {table}, column {column}, row {id}: {wrong}")]
    Corrupt {
        /// Name of the table.
        table: &'static str,
        /// Name of the column.
        column: &'static str,
        /// Id of the row.
        id: String,
        /// What is wrong with the value, without the value itself.
        wrong: String,
    },
    /// Any other error. It is caused by a bug in keyward.
    #[error("the database reported an error: {0}")]
    Failed(String),
}

impl StoreError {
    /// Converts an error of `COMMIT`. Nothing was stored only if the error occurred before the commit record was written.
    pub(super) fn from_commit(error: &sqlx::Error) -> Self {
        let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code).unwrap_or_default();
        // SQLite: busy, or no space for the log. PostgreSQL: rollback of the transaction, or a constraint.
        let before = match code.len() {
            5 => code.starts_with("40") || code.starts_with("23"),
            _ => code == "5" || code == "13",
        };
        let error = Self::from_ref(error);
        if before { error } else { Self::OutcomeUnknown(error.to_string()) }
    }

    fn from_ref(error: &sqlx::Error) -> Self {
        let text = || error.to_string();
        match error {
            sqlx::Error::Database(db) if db.is_unique_violation() => Self::Taken(db.message().to_owned()),
            sqlx::Error::Database(db) => match db.code().as_deref() {
                Some(code) if code.len() == 5 => from_sqlstate(code, db.message()),
                Some(code) => from_sqlite_code(code.parse().unwrap_or(0), db.message()),
                None => Self::Failed(text()),
            },
            sqlx::Error::PoolTimedOut => Self::Busy,
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::Protocol(_)
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed => Self::Unreachable(text()),
            _ => Self::Failed(text()),
        }
    }
}

/// Converts an SQLSTATE of PostgreSQL, see <https://www.postgresql.org/docs/current/errcodes-appendix.html>.
fn from_sqlstate(code: &str, message: &str) -> StoreError {
    match code {
        "40001" | "40P01" | "55P03" | "57014" => StoreError::Busy,
        "53100" => StoreError::DiskFull,
        _ if ["08", "53", "57", "25"].iter().any(|class| code.starts_with(class)) => {
            StoreError::Unreachable(message.to_owned())
        }
        _ => StoreError::Failed(format!("{message} ({code})")),
    }
}

/// Converts an extended result code of SQLite, see <https://www.sqlite.org/rescode.html>.
fn from_sqlite_code(code: u32, message: &str) -> StoreError {
    const IOERR_SHMSIZE: u32 = 4874;
    match (code, code & 0xff) {
        (_, 5 | 6) => StoreError::Busy,
        // The shared memory of the write-ahead log could not grow.
        (_, 13) | (IOERR_SHMSIZE, _) => StoreError::DiskFull,
        // Read-only, I/O error, cannot open: a problem of the disk, not of the statement.
        (_, 8 | 10 | 14) => StoreError::Unreachable(format!("{message} ({code})")),
        _ => StoreError::Failed(format!("{message} ({code})")),
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        Self::from_ref(&error)
    }
}

/// Why a database cannot be opened. Messages include the next step.
#[derive(Debug, thiserror::Error)]
pub enum OpenStoreError {
    /// The file does not exist.
    #[error("there is no database at {}; set one up with `keyward admin init`, or start `keyward serve`", .0.display())]
    Missing(PathBuf),
    /// Other users can read the file or its folder.
    #[error("{} can be read by other users of this machine (mode {mode:o}): run `chmod {} {}` first", .path.display(), if *.folder { "700" } else { "600" }, .path.display())]
    Exposed {
        /// The file or folder.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
        /// Whether the path is the folder.
        folder: bool,
    },
    /// The file or folder cannot be created or accessed.
    #[error("cannot use {}: {error}", .path.display())]
    File {
        /// The file or folder.
        path: PathBuf,
        /// What the operating system reported.
        error: std::io::Error,
    },
    /// Another server already uses the file.
    #[error("another `keyward serve` already uses {}; stop it first, or run several servers on one PostgreSQL database", .0.display())]
    Served(PathBuf),
    /// The schema was created by a newer version.
    #[error(
        "the database was written by a newer version of keyward (schema version {0}); use that version or a later one"
    )]
    Newer(i64),
    /// The version of the SQLite library has known bugs.
    #[error("keyward was built with SQLite {0} but needs 3.51.3 or later; install an official build")]
    OldSqlite(String),
    /// The URL of the database is not valid.
    #[error("the database URL is not valid; it should look like postgres://user@host/name")]
    Address,
    /// The tables cannot be created or migrated.
    #[error("could not create or update the database tables: {0}")]
    Schema(String),
    /// Any other error.
    #[error(transparent)]
    Database(#[from] StoreError),
}

impl From<sqlx::Error> for OpenStoreError {
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::Configuration(_) => Self::Address,
            other => Self::Database(other.into()),
        }
    }
}
