//! Removing a member while other requests run, on both databases.

use futures_util::future::join_all;
use keyward::client::{CallRequest, Client};
use keyward::domain::key::KeyKind;
use keyward::domain::member::Role;
use keyward::server::RunningServer;
use keyward::wire::data_plane::ListSites;
use keyward::wire::keys::{CreateKey, CreatePersonalKey, CreatedKey};
use keyward::wire::members::{ChangeMemberRole, ChangeRole, RemoveMember, RemoveQuery};
use keyward::wire::problem::ProblemType as P;

use crate::support::keys::key_client;
use crate::support::test_server::{TestMember, TestServer, problem_type};
use crate::support::{Database, for_each_database, scaled};

fn create_request(idempotency_key: &str) -> CallRequest<CreatePersonalKey> {
    let body = CreateKey { name: "Notebook".into(), note: None, replaces: None };
    CallRequest::with(CreatePersonalKey, body).idempotency_key(idempotency_key)
}

async fn start_all_servers(server: &TestServer, database: &Database) -> (Vec<RunningServer>, Vec<Client>) {
    let mut clients = vec![server.client.clone()];
    let mut running = Vec::new();
    if database.allows_several_servers() {
        let (next, client) = server.start_second(database).await;
        running.push(next);
        clients.push(client);
    }
    (running, clients)
}

/// Asserts that no key of a removed member is active or accepted.
async fn assert_no_key_is_active(
    server: &TestServer,
    anonymous_clients: &[Client],
    member: &TestMember,
    keys: &[CreatedKey],
) {
    let live =
        server.store.reader().await.unwrap().active_keys_of(member.id, KeyKind::Personal).await.unwrap();
    assert!(live.is_empty(), "a key outlived its member: {live:?}");
    for key in keys.iter().filter(|key| key.secret.is_some()) {
        for client in anonymous_clients {
            assert_eq!(
                problem_type(key_client(client, key).send(CallRequest::to(ListSites)).await),
                P::KeyInvalid
            );
        }
    }
}

/// Guarantee 9: a personal key never outlives its member.
#[tokio::test(flavor = "multi_thread")]
async fn no_key_stays_active_when_a_removal_races_a_create() {
    for_each_database(async |database| {
        let server = TestServer::start(database).await;
        let (_running, anonymous_clients) = start_all_servers(&server, database).await;
        for member in server.insert_members(Role::Normal, scaled(1_500)).await {
            let creations = (0..3).map(|n| {
                let client =
                    anonymous_clients[n % anonymous_clients.len()].with_credential(member.credential.clone());
                tokio::spawn(async move { client.send(create_request(&format!("{n}"))).await })
            });
            let removal = server.ada.client.send(CallRequest::to(RemoveMember).id(member.id));
            let (created, removed) = tokio::join!(join_all(creations), removal);
            removed.unwrap();
            let mut keys = Vec::new();
            for created in created {
                match created.unwrap() {
                    Ok(key) => keys.push(key),
                    Err(error) => assert!(error.is_problem(P::SessionEnded), "{error}"),
                }
            }
            assert_no_key_is_active(&server, &anonymous_clients, &member, &keys).await;
        }
        server.stop().await;
    })
    .await;
}

/// Guarantee 9: a personal key never outlives its member.
#[tokio::test(flavor = "multi_thread")]
async fn no_key_stays_active_when_a_removal_races_a_reissue() {
    for_each_database(async |database| {
        let server = TestServer::start(database).await;
        let (_running, anonymous_clients) = start_all_servers(&server, database).await;
        for member in server.insert_members(Role::Normal, scaled(1_500)).await {
            let first = member.client.send(create_request("same")).await.unwrap();
            let elsewhere =
                anonymous_clients[anonymous_clients.len() - 1].with_credential(member.credential.clone());
            let again = tokio::spawn(async move { elsewhere.send(create_request("same")).await });
            let removal = server.ada.client.send(CallRequest::to(RemoveMember).id(member.id));
            let (again, removed) = tokio::join!(again, removal);
            removed.unwrap();
            let mut keys = vec![first];
            match again.unwrap() {
                Ok(key) => keys.push(key),
                Err(error) => assert!(error.is_problem(P::SessionEnded), "{error}"),
            }
            assert_no_key_is_active(&server, &anonymous_clients, &member, &keys).await;
        }
        server.stop().await;
    })
    .await;
}

/// Guarantee 9: a personal key never outlives its member.
#[tokio::test(flavor = "multi_thread")]
async fn no_key_is_accepted_when_a_removal_races_a_use() {
    for_each_database(async |database| {
        let server = TestServer::start(database).await;
        let (_running, anonymous_clients) = start_all_servers(&server, database).await;
        for member in server.insert_members(Role::Normal, scaled(1_500)).await {
            let key = member.client.send(create_request("one")).await.unwrap();
            let stop = tokio_util::sync::CancellationToken::new();
            let uses = anonymous_clients.iter().map(|client| {
                let (key_client, stop) = (key_client(client, &key), stop.clone());
                tokio::spawn(async move {
                    loop {
                        let late = stop.is_cancelled();
                        let accepted = key_client.send(CallRequest::to(ListSites)).await.is_ok();
                        assert!(!(late && accepted), "a key was accepted after its member was removed");
                        if late {
                            return;
                        }
                    }
                })
            });
            let uses: Vec<_> = uses.collect();
            server.ada.client.send(CallRequest::to(RemoveMember).id(member.id)).await.unwrap();
            stop.cancel();
            for ended in join_all(uses).await {
                ended.unwrap();
            }
            assert_no_key_is_active(&server, &anonymous_clients, &member, &[key]).await;
        }
        server.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removal_does_what_its_dry_run_announced() {
    for_each_database(async |database| {
        let server = TestServer::start(database).await;
        let bo = server.add_member("bo@plant.example", Role::Admin).await;
        let personal = bo.client.send(create_request("one")).await.unwrap();
        let body = CreateKey { name: "Grafana".into(), note: None, replaces: None };
        let create_shared =
            CallRequest::with(keyward::wire::keys::CreateOrganizationKey, body).idempotency_key("two");
        let shared_key = bo.client.send(create_shared).await.unwrap();
        for key in [&personal, &shared_key] {
            key_client(&server.client, key).send(CallRequest::to(ListSites)).await.unwrap();
            key_client(&server.client, key).send(CallRequest::to(ListSites)).await.unwrap();
        }
        let dry_run = RemoveQuery { dry_run: Some(true) };
        let planned =
            server.ada.client.send(CallRequest::to(RemoveMember).id(bo.id).query(dry_run)).await.unwrap();
        let mut done = server.ada.client.send(CallRequest::to(RemoveMember).id(bo.id)).await.unwrap();
        assert_eq!(planned.revoked.iter().map(|key| key.id).collect::<Vec<_>>(), [personal.key.id]);
        assert_eq!(planned.to_review.iter().map(|key| key.id).collect::<Vec<_>>(), [shared_key.key.id]);
        assert!(planned.revoked.iter().chain(&planned.to_review).all(|key| key.last_used_at.is_some()));
        (done.dry_run, done.member.removed_at) = (true, planned.member.removed_at);
        assert_eq!(done, planned);
        assert!(
            key_client(&server.client, &shared_key).send(CallRequest::to(ListSites)).await.is_ok(),
            "it survives"
        );
        assert_eq!(
            problem_type(key_client(&server.client, &personal).send(CallRequest::to(ListSites)).await),
            P::KeyInvalid
        );
        server.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_demotion_can_revoke_personal_keys() {
    for_each_database(async |database| {
        let server = TestServer::start(database).await;
        let bo = server.add_member("bo@plant.example", Role::Normal).await;
        let keys = [
            bo.client.send(create_request("one")).await.unwrap(),
            bo.client.send(create_request("two")).await.unwrap(),
        ];
        let to = |revoke| ChangeRole { role: Role::Operator, revoke_personal_keys: Some(revoke) };
        let demote =
            |revoke| server.ada.client.send(CallRequest::with(ChangeMemberRole, to(revoke)).id(bo.id));
        let kept = demote(false).await.unwrap();
        assert_eq!((kept.revoked.len(), kept.member.personal_keys), (0, 2));
        assert_eq!(problem_type(bo.client.send(create_request("three")).await), P::NotPermitted);
        let taken = demote(true).await.unwrap();
        assert_eq!((taken.revoked.len(), taken.member.personal_keys), (2, 0));
        assert_no_key_is_active(&server, std::slice::from_ref(&server.client), &bo, &keys).await;
        server.stop().await;
    })
    .await;
}
