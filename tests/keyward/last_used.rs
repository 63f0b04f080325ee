//! The last use of a key is accurate: `Never` is exact; any other time is at most 30 s behind, never in the future, and never moves
//! backward. A server that is shut down loses no use.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use keyward::client::{CallRequest, Client, ClientError, Credential};
use keyward::clock::{Clock, monotonic_now};
use keyward::domain::id::Id;
use keyward::domain::key::{Key, KeyKind};
use keyward::domain::time::{HOUR, TimeDelta, Timestamp};
use keyward::domain::usage::BucketWidth;
use keyward::store::{KeyScope, Store};
use keyward::wire::data_plane::ListSites;
use keyward::wire::keys::CreatedKey;

use crate::support::keys::{create_key, key_client, key_named};
use crate::support::server_process::ServerProcess;
use crate::support::test_server::{TestServer, settings_without_limits, start_server};
use crate::support::{Database, for_each_database, random_below, scaled};

const KEY_KIND: KeyKind = KeyKind::Organization;

fn now() -> Timestamp {
    Clock::System.now()
}

/// Returns the key as stored in the database, without buffered uses.
async fn stored_key(store: &Store, id: Id) -> Key {
    store.reader().await.unwrap().key(id, KeyScope::Any).await.unwrap().unwrap().key
}

/// The uses of one key by one client.
struct KeyUses {
    id: Id,
    sent: i64,
    answered: i64,
    /// Time at which the last answered use was sent.
    last: Option<Timestamp>,
}

impl KeyUses {
    fn new(id: Id) -> Self {
        Self { id, sent: 0, answered: 0, last: None }
    }

    /// Uses the key once.
    async fn send(&mut self, holder: &Client) -> Result<(), ClientError> {
        self.sent += 1;
        let sent_at = now();
        holder.send(CallRequest::to(ListSites)).await?;
        self.answered += 1;
        self.last = Some(sent_at);
        Ok(())
    }
}

/// Asserts that a client failed because the server was stopped, not because a request was refused.
fn assert_server_stopped(ended: Result<(), ClientError>) {
    let error = ended.unwrap_err();
    assert!(error.problem().is_none(), "a valid key was refused: {error}");
}

/// Creates keys and uses each up to three times, until the server is stopped.
async fn create_and_use_keys(ada: Client, anonymous: Client, count: Arc<AtomicUsize>) -> Vec<KeyUses> {
    let mut all = Vec::new();
    let use_keys = async |all: &mut Vec<KeyUses>| -> Result<(), ClientError> {
        loop {
            let created = create_key(&ada, KEY_KIND, key_named("Grafana")).await?;
            all.push(KeyUses::new(created.key.id));
            let (uses, holder) = (all.last_mut().unwrap(), key_client(&anonymous, &created));
            for _ in 0..random_below(4) {
                uses.send(&holder).await?;
                count.fetch_add(1, Ordering::SeqCst);
            }
        }
    };
    assert_server_stopped(use_keys(&mut all).await);
    all
}

/// Uses one key without a pause, until the server is stopped.
async fn use_continuously(holder: Client, id: Id, count: Arc<AtomicUsize>) -> Vec<KeyUses> {
    let mut uses = KeyUses::new(id);
    let on = async |uses: &mut KeyUses| -> Result<(), ClientError> {
        loop {
            uses.send(&holder).await?;
            count.fetch_add(1, Ordering::SeqCst);
        }
    };
    assert_server_stopped(on(&mut uses).await);
    vec![uses]
}

async fn wait_for_count(count: &AtomicUsize, enough: usize) {
    let started = monotonic_now();
    while count.load(Ordering::SeqCst) < enough {
        assert!(started.elapsed() < Duration::from_mins(1), "timed out");
        tokio::task::yield_now().await;
    }
}

/// Sets up an organization with a signed-in admin and one key, and stops the server.
async fn set_up_organization(database: &Database) -> (Credential, CreatedKey) {
    let server = TestServer::start(database).await;
    let created = create_key(&server.ada.client, KEY_KIND, key_named("Grafana")).await.unwrap();
    let credential = server.ada.credential.clone();
    server.stop().await;
    (credential, created)
}

/// Guarantee 14: last use is honest after the server was killed.
#[tokio::test(flavor = "multi_thread")]
async fn the_last_use_is_accurate_after_a_kill() {
    for_each_database(async |database| {
        let (ada, hot) = set_up_organization(database).await;
        let mut previous = None;
        for round in 0..scaled(100) {
            let server = tokio::task::block_in_place(|| ServerProcess::start(&database.target));
            let count = Arc::new(AtomicUsize::new(0));
            let anonymous = server.client.clone();
            let admin = anonymous.with_credential(ada.clone());
            let comers = (0..3)
                .map(|_| tokio::spawn(create_and_use_keys(admin.clone(), anonymous.clone(), count.clone())));
            let mut workers: Vec<_> = comers.collect();
            workers.push(tokio::spawn(use_continuously(
                key_client(&anonymous, &hot),
                hot.key.id,
                count.clone(),
            )));
            wait_for_count(&count, random_below(200)).await;
            tokio::task::block_in_place(|| server.kill());
            let all: Vec<KeyUses> = join_all(workers).await.into_iter().flat_map(Result::unwrap).collect();
            let store = database.open().await;
            for uses in &all {
                let key = stored_key(&store, uses.id).await;
                let about =
                    format!("{} round {round}: {:?}, used {}", database.name, key.last_used_at, uses.sent);
                let new = key.id != hot.key.id;
                assert!(
                    !new || uses.sent > 0 || key.last_used_at.is_none(),
                    "a use is recorded that was never sent: {about}"
                );
                assert!(!new || key.use_count <= uses.sent, "more uses are recorded than were sent: {about}");
                if let Some(last) = uses.last {
                    let shown = key
                        .last_used_at
                        .unwrap_or_else(|| panic!("no use is recorded, but one was answered: {about}"));
                    assert!(
                        shown >= last.minus(TimeDelta::seconds(30)),
                        "more than 30 s behind {last}: {about}"
                    );
                }
                assert!(key.last_used_at <= Some(now()), "last use is in the future: {about}");
            }
            let current = stored_key(&store, hot.key.id).await.last_used_at;
            assert!(current >= previous, "{} round {round}: last use moved backward", database.name);
            previous = current;
            store.close().await;
        }
    })
    .await;
}

/// Guarantee 14: last use is honest while the clock jumps by up to an hour.
#[tokio::test(flavor = "multi_thread")]
async fn the_last_use_never_moves_backward_when_the_clock_jumps() {
    let start = now();
    let time = Arc::new(AtomicI64::new(start.0));
    let server =
        TestServer::start_with(&Database::sqlite(), settings_without_limits(), Clock::Fixed(time.clone()))
            .await;
    let created = create_key(&server.ada.client, KEY_KIND, key_named("Grafana")).await.unwrap();
    let (id, holder) = (created.key.id, key_client(&server.client, &created));
    let (mut latest, mut count) = (None, 0);
    for round in 0..scaled(2_000) {
        let jump = TimeDelta::milliseconds(i64::try_from(random_below(2 * 3_600_000)).unwrap()) - HOUR;
        let at = start.plus(if round == 0 { TimeDelta::zero() } else { jump });
        time.store(at.0, Ordering::SeqCst);
        if random_below(3) > 0 {
            holder.send(CallRequest::to(ListSites)).await.unwrap();
            latest = latest.max(Some(at));
            count += 1;
        }
        if random_below(2) == 0 {
            let shown = server.ada.client.key(KEY_KIND, id).await.unwrap();
            assert_eq!(shown.last_used_at, latest.map(|last| last.min(at)), "round {round}: shown");
            let stored = stored_key(&server.store, id).await;
            let on_record = (stored.last_used_at, stored.use_count);
            assert_eq!(on_record, (latest, count), "round {round}: last use moved backward or was lost");
        }
    }
    server.stop().await;
}

/// Guarantee 14: last use is honest when two processes buffer uses, and their clocks are wrong.
#[tokio::test(flavor = "multi_thread")]
async fn a_late_writer_never_moves_the_last_use_backward() {
    let Some(database) = Database::postgres().await else { return };
    let server =
        TestServer::start_with(&database, settings_without_limits(), Clock::fixed(now().minus(HOUR))).await;
    let (next, anonymous) =
        start_server(database.open().await, settings_without_limits(), Clock::fixed(now().plus(HOUR))).await;
    let ada_elsewhere = anonymous.with_credential(server.ada.credential.clone());
    for round in 0..scaled(300) {
        let started = now();
        let created = create_key(&server.ada.client, KEY_KIND, key_named("Grafana")).await.unwrap();
        let id = created.key.id;
        let (here, there) = (key_client(&server.client, &created), key_client(&anonymous, &created));
        // The first use is written at once. Each process then buffers one of the other two uses.
        for user in [&here, &here, &there] {
            let previous = now();
            user.send(CallRequest::to(ListSites)).await.unwrap();
            while now() == previous {
                tokio::task::yield_now().await;
            }
        }
        // Reading a key flushes the buffer of that server. The later use is written first.
        ada_elsewhere.key(KEY_KIND, id).await.unwrap();
        let later = stored_key(&server.store, id).await.last_used_at;
        server.ada.client.key(KEY_KIND, id).await.unwrap();
        let last = stored_key(&server.store, id).await;
        let right = last.last_used_at >= later && last.use_count == 3;
        assert!(right, "round {round}: last use moved backward or was lost: {later:?}, {last:?}");
        let honest = last.last_used_at.is_some_and(|at| at >= started && at <= now());
        assert!(honest, "round {round}: last use has the time of a wrong clock: {:?}", last.last_used_at);
    }
    next.shutdown().await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shutdown_loses_no_uses() {
    for_each_database(async |database| {
        let (ada, _) = set_up_organization(database).await;
        for round in 0..scaled(50) {
            let server = tokio::task::block_in_place(|| ServerProcess::start(&database.target));
            let admin = server.client.with_credential(ada.clone());
            let count = Arc::new(AtomicUsize::new(0));
            let mut workers = Vec::new();
            for _ in 0..4 {
                let created = create_key(&admin, KEY_KIND, key_named("Grafana")).await.unwrap();
                for _ in 0..4 {
                    let holder = key_client(&server.client, &created);
                    workers.push(tokio::spawn(use_continuously(holder, created.key.id, count.clone())));
                }
            }
            wait_for_count(&count, random_below(2_000)).await;
            server.terminate();
            let all: Vec<KeyUses> = join_all(workers).await.into_iter().flat_map(Result::unwrap).collect();
            let code = tokio::task::block_in_place(|| server.wait());
            assert_eq!(code, Some(143), "{}", database.name);
            let store = database.open().await;
            for uses in all.chunks(4) {
                let id = uses[0].id;
                let answered: i64 = uses.iter().map(|uses| uses.answered).sum();
                let key = stored_key(&store, id).await;
                assert_eq!(key.use_count, answered, "{} round {round}: recorded uses", database.name);
                let hours = store.reader().await.unwrap();
                let hours =
                    { hours }.usage_buckets(&[id], BucketWidth::Hour, Timestamp(0), now()).await.unwrap();
                let counted: i64 = hours.values().flatten().map(|bucket| bucket.count).sum();
                assert_eq!(counted, answered, "{} round {round}: uses by hour", database.name);
            }
            store.close().await;
        }
    })
    .await;
}
