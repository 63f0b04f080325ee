//! The HTTP API: keyward's own client against a server, on both databases.

mod foreign_clients;
mod lists;
mod rotations_and_reviews;

use keyward::client::CallRequest;
use keyward::clock::Clock;
use keyward::domain::activity::Action;
use keyward::domain::id::Id;
use keyward::domain::key::KeyKind;
use keyward::domain::member::Role;
use keyward::wire::activity::{ActivityQuery, ListActivity};
use keyward::wire::data_plane::{ListMachines, ListSites};
use keyward::wire::keys::{
    CreateKey, CreatedKey, EditKey, EditOrganizationKey, KeysQuery, ListOrganizationKeys, LookUpKey,
    LookUpKeyCall, RevokeKey, RevokeLeakedKey, RevokeLeakedKeyCall, SecretString, UsageQuery,
};
use keyward::wire::members::RemoveMember;
use keyward::wire::problem::ProblemType as P;

use crate::support::for_each_database;
use crate::support::keys::{create_key, even_if_used, key_client, key_named, unless_used_since};
use crate::support::test_server::{TestMember, TestServer, problem_type};

const ORGANIZATION: KeyKind = KeyKind::Organization;
const PERSONAL: KeyKind = KeyKind::Personal;

async fn create(member: &TestMember, kind: KeyKind, body: CreateKey) -> CreatedKey {
    create_key(&member.client, kind, body).await.unwrap()
}

async fn logged_actions(person: &TestMember, key: Id) -> Vec<Action> {
    let query = ActivityQuery { key: Some(key), ..ActivityQuery::default() };
    let rows = person.client.send(CallRequest::to(ListActivity).query(query)).await.unwrap().data;
    rows.into_iter().map(|row| row.action).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_works_from_its_creation_until_its_revocation() {
    for_each_database(async |database| {
        let server = TestServer::start(database).await;
        let created = create(&server.ada, ORGANIZATION, key_named("Power BI – Sales")).await;
        let (id, key_client) = (created.key.id, key_client(&server.client, &created));
        assert_eq!((created.key.last_used_at, created.key.use_count, created.key.version), (None, 0, 1));
        let looked = Clock::System.now();
        key_client.send(CallRequest::to(ListSites)).await.unwrap();
        key_client.send(CallRequest::to(ListMachines)).await.unwrap();

        // Both uses are visible at once, although the second is still buffered.
        let seen = server.ada.client.key(ORGANIZATION, id).await.unwrap();
        assert_eq!(seen.use_count, 2, "{}", database.name);
        let by = seen.last_used_by.unwrap();
        assert!(by.agent.starts_with("keyward/") && by.address == "127.0.0.1", "{by}");

        let refused = server.ada.client.revoke_key(ORGANIZATION, id, unless_used_since(looked)).await;
        let refused = refused.unwrap_err().problem().unwrap().clone();
        assert_eq!((refused.kind, refused.key.unwrap().use_count), (P::UsedSince, 2));
        assert!(refused.detail.contains("by keyward/") && refused.detail.contains("127.0.0.1"));

        let revoked = server.ada.client.revoke_key(ORGANIZATION, id, even_if_used("a test")).await.unwrap();
        assert_eq!((revoked.version, revoked.revoke_reason.as_deref()), (2, Some("a test")));
        assert_eq!(problem_type(key_client.send(CallRequest::to(ListSites)).await), P::KeyInvalid);
        // Retrying the revoke in either form returns the same reply and adds no activity row.
        for revoke in [even_if_used("again"), unless_used_since(looked)] {
            assert_eq!(server.ada.client.revoke_key(ORGANIZATION, id, revoke).await.unwrap(), revoked);
        }
        assert_eq!(
            logged_actions(&server.ada, id).await,
            [Action::KeyRevoked, Action::KeyRevokeRefused, Action::KeyCreated]
        );
        let usage = server.ada.client.key_usage(ORGANIZATION, id, UsageQuery::default()).await.unwrap();
        let bucket = usage.buckets.iter().fold((0, 0), |(n, r), b| (n + b.count, r + b.refused));
        assert_eq!(bucket, (2, 1), "refused requests are counted separately");
        server.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoke_request_must_have_exactly_one_form() {
    let server = TestServer::start(&crate::support::Database::sqlite()).await;
    let key = create(&server.ada, ORGANIZATION, key_named("x")).await.key;
    let now = Clock::System.now();
    for revoke in [
        RevokeKey::default(),
        RevokeKey { even_if_used: Some(true), ..unless_used_since(now) },
        RevokeKey { even_if_used: Some(false), ..RevokeKey::default() },
        RevokeKey { even_if_used: Some(true), ..RevokeKey::default() },
        even_if_used("  "),
    ] {
        let refused = server.ada.client.revoke_key(ORGANIZATION, key.id, revoke.clone()).await;
        assert_eq!(problem_type(refused), P::FieldInvalid, "{revoke:?}");
    }
    // A key that was never used can be revoked with any time in `unless_used_since`.
    server.ada.client.revoke_key(ORGANIZATION, key.id, unless_used_since(key.created_at)).await.unwrap();
    server.stop().await;
}

/// Guarantee 3: a lost create reply costs nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_create_is_retried_safely_after_a_lost_response() {
    for_each_database(async |database| {
        let server = TestServer::start(database).await;
        let bo = server.add_member("bo@plant.example", Role::Normal).await;
        let send = async |person: &TestMember, name: &str| {
            person.client.create_key(PERSONAL, key_named(name), "one").await
        };
        let first = send(&bo, "notebook").await.unwrap();
        let second = send(&bo, "notebook").await.unwrap();
        assert_eq!(first.key.id, second.key.id);
        assert_eq!(first.key.version, second.key.version);
        assert_eq!(problem_type(send(&bo, "another").await), P::IdempotencyKeyReused);
        // Idempotency keys of different members are independent.
        let other = send(&server.ada, "notebook").await.unwrap();
        assert_ne!(other.key.id, first.key.id);

        let dead = key_client(&server.client, &first);
        assert_eq!(problem_type(dead.send(CallRequest::to(ListSites)).await), P::KeyInvalid);
        key_client(&server.client, &second).send(CallRequest::to(ListSites)).await.unwrap();
        assert!(send(&bo, "notebook").await.unwrap().secret.is_none(), "it is in use");

        bo.client.confirm_key(PERSONAL, first.key.id).await.unwrap();
        server.ada.client.confirm_key(PERSONAL, other.key.id).await.unwrap();
        let again = server.ada.client.confirm_key(PERSONAL, other.key.id).await.unwrap();
        assert_eq!(again.version, 2, "confirming again changes nothing");
        assert!(send(&server.ada, "notebook").await.unwrap().secret.is_none(), "it is stored");
        assert_eq!(problem_type(server.ada.client.confirm_key(PERSONAL, first.key.id).await), P::NotFound);
        server.stop().await;
    })
    .await;
}

/// Guarantee 3: a lost create reply costs nothing.
#[tokio::test(flavor = "multi_thread")]
async fn identical_parallel_creates_make_one_key_with_one_secret() {
    for_each_database(async |database| {
        let server = TestServer::start(database).await;
        for round in 0..crate::support::scaled(40) {
            let header = format!("round {round}");
            let requests =
                (0..8).map(|_| server.ada.client.create_key(ORGANIZATION, key_named("x"), &header));
            let replies = futures_util::future::join_all(requests).await;
            let mut ids = Vec::new();
            let mut alive = 0;
            for reply in replies {
                match reply {
                    Ok(created) => {
                        ids.push(created.key.id);
                        // `/key-lookups` does not count as a use, so the other requests are not affected.
                        let body = LookUpKey { secret: created.secret.unwrap() };
                        let found = server.ada.client.send(CallRequest::with(LookUpKeyCall, body)).await;
                        alive += usize::from(found.is_ok());
                    }
                    Err(error) => assert!(error.is_problem(P::IdempotencyInProgress), "{error}"),
                }
            }
            ids.dedup();
            assert_eq!((ids.len(), alive), (1, 1), "{}", database.name);
        }
        server.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_requires_the_current_version() {
    for_each_database(async |database| {
        let server = TestServer::start(database).await;
        let key = create(&server.ada, ORGANIZATION, key_named("old")).await.key;
        let edit = |name: &str, note: &str| EditKey { name: Some(name.into()), note: Some(note.into()) };
        let edited = server.ada.client.edit_key(ORGANIZATION, key.id, 1, edit(" new ", "why")).await.unwrap();
        assert_eq!((edited.name.as_str(), edited.note.as_deref(), edited.version), ("new", Some("why"), 2));
        let stale = server.ada.client.edit_key(ORGANIZATION, key.id, 1, edit("newer", "")).await;
        let stale = stale.unwrap_err().problem().unwrap().clone();
        assert_eq!((stale.kind, stale.key.unwrap().version), (P::VersionMismatch, 2));
        let without = CallRequest::with(EditOrganizationKey, edit("x", "")).id(key.id);
        assert_eq!(problem_type(server.ada.client.send(without).await), P::IfMatchMissing);
        let bad = server.ada.client.edit_key(ORGANIZATION, key.id, 2, edit("a\u{202e}b", "")).await;
        assert_eq!(problem_type(bad), P::FieldInvalid);
        let cleared = server.ada.client.edit_key(ORGANIZATION, key.id, 2, edit("new", "")).await.unwrap();
        assert_eq!((cleared.note, cleared.version), (None, 3));
        assert_eq!(problem_type(server.ada.client.key(PERSONAL, key.id).await), P::NotFound);
        server.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_lookup_reveals_only_what_the_caller_may_see() {
    for_each_database(async |database| {
        let server = TestServer::start(database).await;
        let bo = server.add_member("bo@plant.example", Role::Normal).await;
        let created = create(&bo, PERSONAL, key_named("Bo's")).await;
        let shared_key = create(&server.ada, ORGANIZATION, key_named("shared")).await;
        let look_up = async |person: &TestMember, created: &CreatedKey| {
            let secret = SecretString::new(created.secret.as_ref().unwrap().expose());
            person.client.send(CallRequest::with(LookUpKeyCall, LookUpKey { secret })).await
        };
        assert_eq!(look_up(&bo, &created).await.unwrap().key.unwrap().name, "Bo's");
        assert_eq!(problem_type(look_up(&bo, &shared_key).await), P::NotFound);
        let found = look_up(&server.ada, &created).await.unwrap();
        assert_eq!((found.created_by.id, found.key), (bo.id, None));
        assert!(look_up(&server.ada, &shared_key).await.unwrap().key.is_some());

        let revoke = async |person: &TestMember| {
            let secret = SecretString::new(created.secret.as_ref().unwrap().expose());
            let body = RevokeLeakedKey { secret, reason: "found in a repository".into() };
            person.client.send(CallRequest::with(RevokeLeakedKeyCall, body)).await
        };
        assert_eq!(problem_type(revoke(&bo).await), P::NotPermitted);
        assert!(revoke(&server.ada).await.unwrap().revoked_at.is_some());
        assert_eq!(
            problem_type(key_client(&server.client, &created).send(CallRequest::to(ListSites)).await),
            P::KeyInvalid
        );
        let key = bo.client.key(PERSONAL, created.key.id).await.unwrap();
        assert_eq!(key.revoke_reason.as_deref(), Some("leaked: found in a repository"));
        assert_eq!(key.use_count, 0, "a lookup does not count as a use");
        server.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn removing_a_member_revokes_personal_keys_and_orphans_organization_keys() {
    for_each_database(async |database| {
        let server = TestServer::start(database).await;
        let bo = server.add_member("bo@plant.example", Role::Admin).await;
        let own = create(&bo, PERSONAL, key_named("own")).await;
        let shared_key = create(&bo, ORGANIZATION, key_named("shared")).await;
        for created in [&own, &shared_key] {
            key_client(&server.client, created).send(CallRequest::to(ListSites)).await.unwrap();
        }
        let list = async |query: KeysQuery| {
            server.ada.client.send(CallRequest::to(ListOrganizationKeys).query(query)).await.unwrap()
        };
        let seen = list(KeysQuery::default()).await.metadata.as_of.unwrap();
        server.ada.client.send(CallRequest::to(RemoveMember).id(bo.id)).await.unwrap();
        assert_eq!(
            problem_type(key_client(&server.client, &own).send(CallRequest::to(ListSites)).await),
            P::KeyInvalid
        );
        key_client(&server.client, &shared_key).send(CallRequest::to(ListSites)).await.unwrap();
        let since = KeysQuery { changed_since: Some(seen), ..KeysQuery::default() };
        let orphaned = list(since).await.data;
        assert!(
            orphaned.iter().any(|key| key.id == shared_key.key.id && key.created_by.removed_at.is_some())
        );
        server.stop().await;
    })
    .await;
}
