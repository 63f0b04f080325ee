//! SQLite: creating, checkpointing and opening the database during writes never fails.

use keyward::clock::{Clock, random_bytes};
use keyward::domain::time::Timestamp;
use keyward::store::{OpenMode, Store, StoreError};

use crate::support::{Database, scaled};

async fn write_and_read(store: &Store) -> Result<(), StoreError> {
    let writing: Result<(), StoreError> =
        store.write(|tx| Box::pin(async move { tx.set_tracking_since(Timestamp(1)).await })).await;
    writing?;
    store.reader().await?.organization().await.map(drop)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_can_be_opened_and_read_during_writes() {
    for round in 0..scaled(1_000) {
        let database = Database::sqlite();
        // Four runs: the first with an empty database, each later one with the database that the run before it left.
        for _ in 0..4 {
            let store = database.open().await;
            let work = |store: Store| {
                tokio::spawn(async move {
                    for _ in 0..4 {
                        write_and_read(&store).await?;
                    }
                    Ok::<_, StoreError>(())
                })
            };
            let serving: Vec<_> = (0..4).map(|_| work(store.clone())).collect();
            // Opened as `keyward backup` and `keyward admin` do.
            let second_store =
                Store::open(&database.target, OpenMode::Tool, Clock::System.now(), random_bytes).await;
            let second_store =
                second_store.unwrap_or_else(|error| panic!("round {round}: opening during writes: {error}"));
            let tool = work(second_store.clone());
            for ended in serving.into_iter().chain([tool]) {
                ended.await.unwrap().unwrap_or_else(|error| panic!("round {round}: {error}"));
            }
            second_store.close().await;
            store.close().await;
        }
    }
}
