//! Database locations, and the reasons for opening a database.

use std::fmt;
use std::path::PathBuf;

/// The location of a database.
#[derive(Clone)]
pub enum DatabaseLocation {
    /// Path of a SQLite file, which only one server can use.
    Sqlite(PathBuf),
    /// PostgreSQL URL, `postgres://…`. Several servers can use the database. `Debug` omits the URL, since it may contain a password.
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

/// Why a database is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenMode {
    /// To run a server. Creates the file if it does not exist, and locks it for this process.
    Serve,
    /// To set up an organization on the server's host. Creates the file if it does not exist. A server may be running.
    SetUp,
    /// To run a maintenance command. The database must exist. A server may be running.
    Tool,
}
