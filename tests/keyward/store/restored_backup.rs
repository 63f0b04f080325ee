//! A restored backup does not reactivate revoked keys, because `DATA.revoked` lists them.

use std::fs;
use std::path::Path;

use keyward::clock::{Clock, random_bytes};
use keyward::domain::activity::Action;
use keyward::domain::id::Id;
use keyward::domain::secret::Digest;
use keyward::store::{ActivityFilter, DatabaseLocation, OpenMode, RestorePending, Store, StoreError};
use sqlx::Connection as _;

use super::{connect_directly, insert_key, open_with_ada};
use crate::support::Database;

async fn revoke_all(store: &Store, member: Id) {
    let now = Clock::System.now();
    let revoked: Result<(), StoreError> = store
        .write(move |tx| {
            Box::pin(async move {
                for key in tx.active_keys_of(member, keyward::domain::key::KeyKind::Personal).await? {
                    assert!(tx.revoke_with_owner(&key, member, now, "test").await?);
                }
                Ok(())
            })
        })
        .await;
    revoked.unwrap();
}

async fn count_active_keys(store: &Store, member: Id) -> usize {
    let mut reader = store.reader().await.unwrap();
    reader.active_keys_of(member, keyward::domain::key::KeyKind::Personal).await.unwrap().len()
}

/// Replaces the database with the backup, like an administrator.
fn restore(backup: &Path, data: &Path) {
    for suffix in ["-wal", "-shm"] {
        let _ = fs::remove_file(format!("{}{suffix}", data.display()));
    }
    fs::copy(backup, data).unwrap();
}

async fn open_store(target: &DatabaseLocation, access: OpenMode) -> Store {
    Store::open(target, access, Clock::System.now(), random_bytes).await.unwrap()
}

/// Creates a database, backs it up, and then revokes all keys. Returns the paths of the database and the backup, and the member's id.
async fn revoke_after_backup(database: &Database) -> (std::path::PathBuf, std::path::PathBuf, Id) {
    let DatabaseLocation::Sqlite(data) = database.target.clone() else { unreachable!("asked for SQLite") };
    let (store, ada) = open_with_ada(database).await;
    let mut connection = connect_directly(&database.target).await;
    for n in 0..3 {
        insert_key(&mut connection, ada, Digest([n; 32]), false).await;
    }
    // The connection must be closed before the database files are replaced.
    connection.close().await.unwrap();
    let backup = data.with_file_name("backup.db");
    store.backup(&backup).await.unwrap();
    revoke_all(&store, ada).await;
    store.close().await;
    (data, backup, ada)
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_revoked_since_the_backup_are_revoked_again() {
    let database = Database::sqlite();
    let (data, backup, ada) = revoke_after_backup(&database).await;
    restore(&backup, &data);
    let tool = open_store(&database.target, OpenMode::Tool).await;
    assert_eq!(count_active_keys(&tool, ada).await, 3, "the backup contains no revocation");
    tool.close().await;
    let store = open_store(&database.target, OpenMode::Serve).await;
    assert_eq!(store.restore_pending(), None);
    assert_eq!(count_active_keys(&store, ada).await, 0);
    let revoked = ActivityFilter { action: Some(Action::KeyRevoked), ..ActivityFilter::default() };
    assert_eq!(store.reader().await.unwrap().activity(revoked, 10).await.unwrap().len(), 3);
    store.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_or_older_revocation_log_blocks_keys_until_the_restore_is_accepted() {
    for older in [false, true] {
        let database = Database::sqlite();
        let DatabaseLocation::Sqlite(data) = database.target.clone() else {
            unreachable!("asked for SQLite")
        };
        let file = format!("{}.revoked", data.display());
        database.open().await.close().await;
        let empty = fs::read(&file).unwrap();
        let (store, ada) = open_with_ada(&database).await;
        let mut connection = connect_directly(&database.target).await;
        insert_key(&mut connection, ada, Digest([1; 32]), false).await;
        connection.close().await.unwrap();
        revoke_all(&store, ada).await;
        store.close().await;
        drop(store);
        if older {
            fs::write(&file, &empty).unwrap();
        } else {
            fs::remove_file(&file).unwrap();
        }

        let store = open_store(&database.target, OpenMode::Serve).await;
        match store.restore_pending() {
            Some(RestorePending::Missing(_)) => assert!(!older),
            Some(RestorePending::Foreign(_)) => assert!(older),
            None => panic!("the restore was not detected"),
        }
        store.close().await;
        drop(store);
        let tool = open_store(&database.target, OpenMode::Tool).await;
        let accepted = tool.accept_restore(Clock::System.now(), random_bytes).await.unwrap();
        assert!(accepted.was_pending);
        tool.close().await;
        let store = open_store(&database.target, OpenMode::Serve).await;
        assert_eq!(store.restore_pending(), None);
        store.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_truncated_line_in_the_revocation_log_is_ignored() {
    let database = Database::sqlite();
    let (data, backup, ada) = revoke_after_backup(&database).await;
    restore(&backup, &data);
    let file = format!("{}.revoked", data.display());
    let whole = fs::read_to_string(&file).unwrap();
    fs::write(&file, &whole[..whole.len() - 7]).unwrap();
    let store = open_store(&database.target, OpenMode::Serve).await;
    assert_eq!(count_active_keys(&store, ada).await, 1);
    revoke_all(&store, ada).await;
    store.close().await;
    drop(store);
    // The lines after the truncated line are still read.
    restore(&backup, &data);
    let store = open_store(&database.target, OpenMode::Serve).await;
    assert_eq!(count_active_keys(&store, ada).await, 0);
    store.close().await;
}
