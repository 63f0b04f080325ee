//! Files of a SQLite database: permissions, ownership by one server, backups.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use keyward::clock::random_bytes;
use keyward::domain::time::Timestamp;
use keyward::store::{BackupError, DatabaseLocation, OpenMode, OpenStoreError, Store};

use super::{connect_directly, open_with_ada};
use crate::support::Database;

fn database_path(database: &Database) -> PathBuf {
    match &database.target {
        DatabaseLocation::Sqlite(path) => path.clone(),
        DatabaseLocation::Postgres(_) => unreachable!("asked for SQLite"),
    }
}

fn file_mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

fn path_with_suffix(path: &Path, suffix: &str) -> PathBuf {
    PathBuf::from(format!("{}{suffix}", path.display()))
}

async fn try_open(database: &Database, access: OpenMode) -> Result<Store, OpenStoreError> {
    Store::open(&database.target, access, Timestamp(0), random_bytes).await
}

#[tokio::test(flavor = "multi_thread")]
async fn database_files_are_private() {
    let database = Database::sqlite();
    let (store, _) = open_with_ada(&database).await;
    let path = database_path(&database);
    assert_eq!(file_mode(path.parent().unwrap()), 0o700);
    let files: Vec<_> = fs::read_dir(path.parent().unwrap()).unwrap().map(|e| e.unwrap().path()).collect();
    assert!(files.len() >= 5, "database, WAL, shared memory, lock, revocation log: {files:?}");
    for file in files {
        assert_eq!(file_mode(&file), 0o600, "{}", file.display());
    }
    store.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn files_readable_by_others_are_refused_and_the_error_gives_the_chmod_command() {
    let database = Database::sqlite();
    let path = database_path(&database);
    try_open(&database, OpenMode::Serve).await.unwrap().close().await;
    let folder = path.parent().unwrap();
    let wal = path_with_suffix(&path, "-wal");
    fs::write(&wal, "").unwrap();
    set_mode(&wal, 0o600);
    for (what, private) in [(folder, 0o700), (path.as_path(), 0o600), (wal.as_path(), 0o600)] {
        for exposed in [0o040, 0o004, 0o010, 0o002] {
            set_mode(what, private | exposed);
            let error = try_open(&database, OpenMode::Serve).await.unwrap_err().to_string();
            assert!(error.contains("can be read by other users"), "{error}");
            assert!(error.contains(&format!("chmod {private:o} {}", what.display())), "{error}");
        }
        set_mode(what, private);
    }
    try_open(&database, OpenMode::Serve).await.unwrap().close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_server_owns_the_database_file_and_tools_may_open_it() {
    let database = Database::sqlite();
    let serving = try_open(&database, OpenMode::Serve).await.unwrap();
    let second = try_open(&database, OpenMode::Serve).await;
    assert!(matches!(second, Err(OpenStoreError::Served(_))), "{second:?}");
    let tool = try_open(&database, OpenMode::Tool).await.unwrap();
    tool.set_up_organization("Plant".into(), super::ada(), random_bytes).await.unwrap();
    assert!(serving.reader().await.unwrap().organization().await.unwrap().is_some());
    serving.close().await;
    drop(serving);
    try_open(&database, OpenMode::Serve).await.unwrap().close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tool_never_creates_a_database() {
    let database = Database::sqlite();
    let missing = try_open(&database, OpenMode::Tool).await;
    assert!(matches!(missing, Err(OpenStoreError::Missing(_))), "{missing:?}");
    assert!(!database_path(&database).exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sqlite_settings_are_in_effect() {
    let database = Database::sqlite();
    let (store, _) = open_with_ada(&database).await;
    let mut connection = connect_directly(&database.target).await;
    let journal: String = sqlx::query_scalar("PRAGMA journal_mode").fetch_one(&mut connection).await.unwrap();
    assert_eq!(journal, "wal");
    // Paths may contain special characters.
    let odd = DatabaseLocation::Sqlite(database_path(&database).parent().unwrap().join("ä b?c#d%20.db"));
    let opened = Store::open(&odd, OpenMode::Serve, Timestamp(0), random_bytes).await.unwrap();
    assert!(database_path(&database).parent().unwrap().join("ä b?c#d%20.db").exists());
    opened.close().await;
    store.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_is_complete_private_and_never_overwrites() {
    let database = Database::sqlite();
    let (store, ada) = open_with_ada(&database).await;
    let to = database_path(&database).parent().unwrap().join("backup.db");
    store.backup(&to).await.unwrap();
    assert_eq!(file_mode(&to), 0o600);
    let again = store.backup(&to).await;
    assert!(matches!(again, Err(BackupError::File(_))), "{again:?}");
    store.close().await;
    let copy =
        Store::open(&DatabaseLocation::Sqlite(to), OpenMode::Tool, Timestamp(0), random_bytes).await.unwrap();
    assert!(copy.reader().await.unwrap().member(ada).await.unwrap().is_some());
    copy.close().await;
}
