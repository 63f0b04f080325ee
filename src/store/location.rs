//! Database locations, and the reasons for opening a database.

use std::fmt;
use std::path::PathBuf;

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
