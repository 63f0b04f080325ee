//! Shared helpers: databases of both kinds, servers, clients, terminals.

pub mod fake_server;
pub mod installed_programs;
pub mod keys;
pub mod postgres;
pub mod program;
pub mod pty;
pub mod raw_http;
pub mod server_process;
pub mod test_server;
pub mod throughput;
pub mod ui_harness;

use keyward::clock::{Clock, random_bytes};
use keyward::store::{DatabaseLocation, OpenMode, Store};
use tempfile::TempDir;

/// A new, empty database for one test.
pub struct Database {
    pub target: DatabaseLocation,
    /// Name for assertion messages.
    pub name: &'static str,
    folder: Option<TempDir>,
}

impl Database {
    /// Creates a SQLite database in a temporary folder.
    pub fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let target = DatabaseLocation::Sqlite(folder.path().join("data/keys.db"));
        Self { target, name: "SQLite", folder: Some(folder) }
    }

    /// Creates a database on the PostgreSQL cluster of this test run. `None` if PostgreSQL is not installed.
    pub async fn postgres() -> Option<Self> {
        let target = DatabaseLocation::Postgres(postgres::fresh_database().await?);
        Some(Self { target, name: "PostgreSQL", folder: None })
    }

    /// Creates a database on a cluster that belongs to one test.
    pub async fn on_cluster(cluster: &postgres::PostgresCluster) -> Self {
        let target = DatabaseLocation::Postgres(cluster.fresh_database().await);
        Self { target, name: "PostgreSQL", folder: None }
    }

    /// Returns whether several servers may use the database at once. Only PostgreSQL allows that.
    pub fn allows_several_servers(&self) -> bool {
        self.folder.is_none()
    }

    /// Opens the database as a server does.
    pub async fn open(&self) -> Store {
        Store::open(&self.target, OpenMode::Serve, Clock::System.now(), random_bytes).await.unwrap()
    }
}

/// Runs a test on SQLite, and on PostgreSQL if it is installed. `KEYWARD_TEST_DATABASE` restricts it to one of them.
pub async fn for_each_database(test: impl AsyncFn(&Database)) {
    let only = env_var("KEYWARD_TEST_DATABASE");
    let wanted = |name: &str| only.as_ref().is_none_or(|only| only == name);
    if wanted("SQLite") {
        test(&Database::sqlite()).await;
    }
    if wanted("PostgreSQL")
        && let Some(database) = Database::postgres().await
    {
        test(&database).await;
    }
}

/// Multiplies `full`, the number of tries in a full run, by `KEYWARD_TEST_SCALE` (0.1 by default). Returns at least 1.
pub fn scaled(full: usize) -> usize {
    let scale = test_scale();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "small"
    )]
    let times = (full as f64 * scale).ceil() as usize;
    times.max(1)
}

fn test_scale() -> f64 {
    env_var("KEYWARD_TEST_SCALE").and_then(|text| text.parse().ok()).unwrap_or(0.1)
}

/// Returns whether this is a full run (`KEYWARD_TEST_SCALE=1`), which also measures times.
pub fn is_full_run() -> bool {
    test_scale() >= 1.0
}

/// Returns the value of an environment variable; `None` if it is unset or empty.
#[expect(clippy::disallowed_methods, reason = "tests read their own settings from the environment")]
pub fn env_var(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Returns a random number below `n`.
pub fn random_below(n: usize) -> usize {
    usize::from_ne_bytes(random_bytes()) % n
}
