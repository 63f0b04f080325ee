//! What many tests need: databases of both kinds, and a server on one of them.

pub mod fake_server;
pub mod installed_programs;
pub mod postgres;
pub mod program;
pub mod pty;
pub mod raw_http;
pub mod server_process;
pub mod test_server;
pub mod ui_harness;

use keyward::clock::{Clock, random_bytes};
use keyward::store::{DatabaseLocation, OpenMode, Store};
use tempfile::TempDir;

/// A fresh, empty database of one test.
pub struct Database {
    pub target: DatabaseLocation,
    /// For messages.
    pub name: &'static str,
    folder: Option<TempDir>,
}

impl Database {
    /// A file in a folder of its own.
    pub fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let target = DatabaseLocation::Sqlite(folder.path().join("data/keys.db"));
        Self { target, name: "SQLite", folder: Some(folder) }
    }

    /// A database on the cluster of this test run; nothing where there is no PostgreSQL here.
    pub async fn postgres() -> Option<Self> {
        let target = DatabaseLocation::Postgres(postgres::fresh_database().await?);
        Some(Self { target, name: "PostgreSQL", folder: None })
    }

    /// A database on a cluster of the test's own.
    pub async fn on(cluster: &postgres::PostgresCluster) -> Self {
        let target = DatabaseLocation::Postgres(cluster.fresh_database().await);
        Self { target, name: "PostgreSQL", folder: None }
    }

    /// Whether several processes may serve from it.
    pub fn is_shared(&self) -> bool {
        self.folder.is_none()
    }

    /// Opens it to serve.
    pub async fn open(&self) -> Store {
        Store::open(&self.target, OpenMode::Serve, Clock::System.now(), random_bytes).await.unwrap()
    }
}

/// Runs a test on SQLite, and on PostgreSQL where there is one. `KEYWARD_TEST_DATABASE` names the only one to run it on.
pub async fn for_each_database(test: impl AsyncFn(&Database)) {
    let only = environment("KEYWARD_TEST_DATABASE");
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

/// How often to try: a tenth of the full run, unless `KEYWARD_TEST_SCALE` says otherwise (1 is the full run). At least once.
pub fn scaled(full: usize) -> usize {
    let scale = scale();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "small"
    )]
    let times = (full as f64 * scale).ceil() as usize;
    times.max(1)
}

fn scale() -> f64 {
    environment("KEYWARD_TEST_SCALE").and_then(|text| text.parse().ok()).unwrap_or(0.1)
}

/// Whether it is the full run, in which times are measured too.
pub fn is_full_run() -> bool {
    scale() >= 1.0
}

/// A variable that is set to something.
#[expect(clippy::disallowed_methods, reason = "tests are told by the environment how much to do")]
pub fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
