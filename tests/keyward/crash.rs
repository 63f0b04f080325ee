//! Kills the server at random times. Every acknowledged write must exist after the restart, with its activity row.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use keyward::client::{CallRequest, Client, Credential};
use keyward::clock::{monotonic_now, random_bytes};
use keyward::domain::activity::{Action, Activity};
use keyward::domain::id::Id;
use keyward::domain::key::KeyKind;
use keyward::domain::member::{MemberStatus, Role};
use keyward::domain::review::Decision;
use keyward::store::{ActivityFilter, ReviewFilter, Store};
use keyward::wire::keys::{CreateKey, CreateOrganizationKey, RevokeKey, RevokeOrganizationKey};
use keyward::wire::members::{CreateInvitation, InviteMember, RemoveMember};
use keyward::wire::reviews::{ApplyDecision, CreateReview};

use crate::support::server_process::ServerProcess;
use crate::support::test_server::TestServer;
use crate::support::{Database, for_each_database, scaled};

/// Writes that the server acknowledged.
#[derive(Default)]
struct AcknowledgedWrites {
    created: Vec<Id>,
    reviewed: Vec<Id>,
    revoked: Vec<Id>,
    invited: Vec<Id>,
    removed: Vec<Id>,
}

/// Creates, reviews and revokes keys, and invites and removes members, until the server is killed.
async fn write_until_killed(client: Client, count: Arc<AtomicUsize>) -> AcknowledgedWrites {
    let mut done = AcknowledgedWrites::default();
    let error = write_until_error(&client, &count, &mut done).await.unwrap_err();
    // The kill causes the first error. A problem response would mean that an acknowledged write is missing.
    assert!(error.problem().is_none(), "an acknowledged write is missing: {error}");
    done
}

async fn write_until_error(
    client: &Client,
    count: &AtomicUsize,
    done: &mut AcknowledgedWrites,
) -> Result<(), keyward::client::ClientError> {
    let counted = || count.fetch_add(1, Ordering::SeqCst);
    loop {
        let body = CreateKey { name: "Grafana".into(), note: None, replaces: None };
        let unique = format!("{:032x}", u128::from_ne_bytes(random_bytes()));
        let key = client
            .send(CallRequest::with(CreateOrganizationKey, body).idempotency_key(&unique))
            .await?
            .key
            .id;
        done.created.push(key);
        counted();
        let keep = ApplyDecision {
            review_id: key,
            key_id: key,
            decision: Decision::Keep,
            until: None,
            note: None,
            unless_used_since: None,
        };
        client.send(CallRequest::with(CreateReview, keep).idempotency_key(&unique)).await?;
        done.reviewed.push(key);
        counted();
        let revoke =
            RevokeKey { even_if_used: Some(true), reason: Some("a test".into()), ..RevokeKey::default() };
        client.send(CallRequest::with(RevokeOrganizationKey, revoke).id(key)).await?;
        done.revoked.push(key);
        counted();
        let invite = InviteMember { email: format!("{unique}@plant.example"), role: Role::Normal };
        let member = client.send(CallRequest::with(CreateInvitation, invite)).await?.member.id;
        done.invited.push(member);
        counted();
        client.send(CallRequest::to(RemoveMember).id(member)).await?;
        done.removed.push(member);
        counted();
    }
}

async fn assert_nothing_lost(store: &Store, done: &[AcknowledgedWrites], admin: Id) {
    let mut reader = store.reader().await.unwrap();
    let members = reader.members(None, 1_000_000).await.unwrap();
    let live = reader.active_keys_of(admin, KeyKind::Organization).await.unwrap();
    let reviews = reader.reviews(ReviewFilter::default(), 1_000_000).await.unwrap();
    let log = reader.activity(ActivityFilter::default(), 1_000_000).await.unwrap();
    let keys_of = |action| -> Vec<Id> {
        log.iter().filter(|row| row.action == action).filter_map(|row| row.key_id).collect()
    };
    let (created, revoked) = (keys_of(Action::KeyCreated), keys_of(Action::KeyRevoked));
    let recorded = keys_of(Action::ReviewRecorded);
    let are_unique = |ids: &[Id]| ids.iter().collect::<HashSet<_>>().len() == ids.len();
    assert!(
        are_unique(&created) && are_unique(&revoked) && are_unique(&recorded),
        "a change has two activity rows"
    );
    let by_ada = |row: &&Activity| row.actor.as_ref().is_some_and(|actor| actor.id == admin);
    let from_host =
        |row: &&Activity| row.member_id == Some(admin) || row.action == Action::OrganizationCreated;
    // If the server was killed after it appended the digest to DATA.revoked but before the commit, the next start revokes the key.
    let replayed = |row: &&Activity| row.action == Action::KeyRevoked && row.actor.is_none();
    assert!(
        log.iter().all(|row| by_ada(&row) || from_host(&row) || replayed(&row)),
        "an activity row has no actor"
    );
    let replayed: Vec<Id> = log.iter().filter(replayed).filter_map(|row| row.key_id).collect();
    // The activity log and the state must agree in both directions.
    let live: HashSet<Id> = live.iter().map(|key| key.id).collect();
    let revoked: HashSet<Id> = revoked.into_iter().collect();
    let logged: HashSet<Id> = created.into_iter().filter(|id| !revoked.contains(id)).collect();
    assert_eq!(live, logged, "keys differ from the activity log");
    let reviews: Vec<Id> = reviews.into_iter().map(|review| review.key_id).collect();
    assert!(are_unique(&reviews), "a decision was recorded twice");
    let reviews: HashSet<Id> = reviews.into_iter().collect();
    assert_eq!(reviews, recorded.into_iter().collect(), "reviews differ from the activity log");
    let removed_members: HashSet<Id> =
        members.iter().filter(|m| m.member.status == MemberStatus::Removed).map(|m| m.member.id).collect();
    let members_of =
        |action| log.iter().filter(move |row| row.action == action).filter_map(|row| row.member_id);
    assert_eq!(
        removed_members,
        members_of(Action::MemberRemoved).collect(),
        "removals differ from the activity log"
    );
    let known: HashSet<Id> = members.iter().map(|m| m.member.id).collect();
    assert_eq!(known, members_of(Action::MemberInvited).collect(), "members differ from the activity log");
    for done in done {
        assert!(
            done.revoked.iter().all(|id| !replayed.contains(id)),
            "a revocation was lost until the next start"
        );
        assert!(
            done.created.iter().all(|id| live.contains(id) || revoked.contains(id)),
            "a created key was lost"
        );
        assert!(done.reviewed.iter().all(|id| reviews.contains(id)), "a review was lost");
        assert!(done.revoked.iter().all(|id| revoked.contains(id)), "a revocation was lost");
        assert!(done.invited.iter().all(|id| known.contains(id)), "an invitation was lost");
        assert!(done.removed.iter().all(|id| removed_members.contains(id)), "a removal was lost");
    }
}

/// Sets up an organization with a signed-in admin, and stops the server.
async fn set_up_organization(database: &Database) -> (Id, Credential) {
    let server = TestServer::start(database).await;
    let (id, credential) = (server.ada.id, server.ada.credential.clone());
    server.stop().await;
    (id, credential)
}

/// Guarantees 1, 16: no acknowledged write is lost, and each has one activity row.
#[tokio::test(flavor = "multi_thread")]
async fn acknowledged_writes_survive_a_server_kill() {
    for_each_database(async |database| {
        let (ada, credential) = set_up_organization(database).await;
        for _ in 0..scaled(300) {
            let server = tokio::task::block_in_place(|| ServerProcess::start(&database.target));
            let count = Arc::new(AtomicUsize::new(0));
            let client = server.client.with_credential(credential.clone());
            let workers: Vec<_> =
                (0..4).map(|_| tokio::spawn(write_until_killed(client.clone(), count.clone()))).collect();
            let enough = usize::from(u8::from_ne_bytes(random_bytes())) / 4;
            let started = monotonic_now();
            while count.load(Ordering::SeqCst) < enough {
                assert!(started.elapsed() < Duration::from_mins(1), "timed out");
                tokio::task::yield_now().await;
            }
            tokio::task::block_in_place(|| server.kill());
            let done: Vec<_> = join_all(workers).await.into_iter().map(Result::unwrap).collect();
            let store = database.open().await;
            assert_nothing_lost(&store, &done, ada).await;
            store.close().await;
        }
    })
    .await;
}

/// Guarantee 2: every acknowledged write was synced.
#[tokio::test(flavor = "multi_thread")]
async fn every_acknowledged_write_is_synced_to_disk() {
    const WRITE_COUNT: usize = 200;
    let database = Database::sqlite();
    let (_, credential) = set_up_organization(&database).await;
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("syncs");
    let Some(server) =
        tokio::task::block_in_place(|| ServerProcess::start_under_strace(&database.target, &log))
    else {
        return;
    };
    let count = Arc::new(AtomicUsize::new(0));
    let worker = tokio::spawn(write_until_killed(server.client.with_credential(credential), count.clone()));
    let started = monotonic_now();
    while count.load(Ordering::SeqCst) < WRITE_COUNT {
        assert!(started.elapsed() < Duration::from_mins(2), "timed out");
        tokio::task::yield_now().await;
    }
    tokio::task::block_in_place(|| server.kill());
    worker.await.unwrap();
    let started = monotonic_now();
    let syncs = loop {
        let lines = std::fs::read_to_string(&log).unwrap();
        if lines.lines().last().is_some_and(|line| line.contains("+++ killed")) {
            break lines.lines().filter(|line| line.contains("sync(") && line.contains("= 0")).count();
        }
        assert!(started.elapsed() < Duration::from_secs(30), "strace did not end in time");
        tokio::task::yield_now().await;
    };
    assert!(syncs >= WRITE_COUNT, "{syncs} syncs for {WRITE_COUNT} acknowledged writes");
}
