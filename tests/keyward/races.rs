//! Races between uses and revokes of a key.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use keyward::client::{CallRequest, Client};
use keyward::clock::Clock;
use keyward::domain::key::KeyKind;
use keyward::domain::member::Role;
use keyward::domain::time::MILLISECOND;
use keyward::wire::keys::CreateKey;
use keyward::wire::members::RemoveMember;
use keyward::wire::problem::ProblemType as P;

use crate::support::keys::{create_key, even_if_used, is_accepted, key_client, key_named, unless_used_since};
use crate::support::test_server::{TestServer, settings_without_limits, start_server};
use crate::support::{for_each_database, scaled};

const VERIFIER_COUNT: usize = 16;

/// Uses a key in parallel until it is refused. Each task returns how many uses were sent after `acknowledged` was set and still accepted.
fn verify_until_refused(
    key_clients: Vec<Client>,
    acknowledged: &Arc<AtomicBool>,
    started: &Arc<AtomicUsize>,
) -> Vec<tokio::task::JoinHandle<usize>> {
    let verify = |key_client: Client| {
        let (acknowledged, started) = (acknowledged.clone(), started.clone());
        tokio::spawn(async move {
            let mut violations = 0;
            loop {
                let late = acknowledged.load(Ordering::SeqCst);
                let accepted = is_accepted(&key_client).await;
                started.fetch_add(1, Ordering::SeqCst);
                violations += usize::from(late && accepted);
                if !accepted || late {
                    return violations;
                }
            }
        })
    };
    key_clients.into_iter().map(verify).collect()
}

/// Guarantee 6: after an acknowledged revoke the key is never accepted, within one process and across two on one database.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_never_accepted_after_an_acknowledged_revoke() {
    for_each_database(async |database| {
        let server = TestServer::start(database).await;
        let second_server = if database.allows_several_servers() {
            Some(start_server(database.open().await, settings_without_limits(), Clock::System).await)
        } else {
            None
        };
        for round in 0..scaled(2_000) {
            let created =
                create_key(&server.ada.client, KeyKind::Organization, key_named("raced")).await.unwrap();
            let clients = [Some(&server.client), second_server.as_ref().map(|(_, client)| client)];
            let clients: Vec<&Client> = clients.into_iter().flatten().collect();
            let key_clients =
                (0..VERIFIER_COUNT).map(|n| key_client(clients[n % clients.len()], &created)).collect();
            let (acknowledged, started) = (Arc::default(), Arc::default());
            let running = verify_until_refused(key_clients, &acknowledged, &started);
            while started.load(Ordering::SeqCst) < round % (2 * VERIFIER_COUNT) {
                tokio::task::yield_now().await;
            }
            let revoke = even_if_used("raced");
            server.ada.client.revoke_key(KeyKind::Organization, created.key.id, revoke).await.unwrap();
            acknowledged.store(true, Ordering::SeqCst);
            for verifier in running {
                let late = verifier.await.unwrap();
                assert_eq!(late, 0, "{} round {round}: a revoked key was accepted", database.name);
            }
        }
        if let Some((running, _)) = second_server {
            running.shutdown().await;
        }
        server.stop().await;
    })
    .await;
}

/// Guarantee 8: "unless used since" never revokes a key whose use was answered before.
#[tokio::test(flavor = "multi_thread")]
async fn a_conditional_revoke_takes_every_answered_use_into_account() {
    for_each_database(async |database| {
        let server = TestServer::start(database).await;
        let (mut revoked, mut refused) = (0, 0);
        for round in 0..scaled(5_000) {
            let created =
                create_key(&server.ada.client, KeyKind::Organization, key_named("raced")).await.unwrap();
            let (id, key_client) = (created.key.id, key_client(&server.client, &created));
            let mut since = created.key.created_at;
            // Includes keys whose later uses are buffered. (On PostgreSQL a use within 30 s refuses every revoke.)
            if round % 2 == 0 && !database.allows_several_servers() {
                assert!(is_accepted(&key_client).await);
                let used = server.ada.client.key(KeyKind::Organization, id).await.unwrap();
                since = used.last_used_at.unwrap().plus(MILLISECOND);
                while Clock::System.now() < since {
                    tokio::task::yield_now().await;
                }
            }
            let (answered, sent) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
            let user = {
                let (answered, sent) = (answered.clone(), sent.clone());
                tokio::spawn(async move {
                    // In every third round, the revoke is sent first, with a varying head start.
                    while round % 3 == 0 && !sent.load(Ordering::SeqCst) {
                        tokio::task::yield_now().await;
                    }
                    for _ in 0..if round % 3 == 0 { round % 400 } else { 0 } {
                        tokio::task::yield_now().await;
                    }
                    if is_accepted(&key_client).await {
                        answered.store(true, Ordering::SeqCst);
                    }
                })
            };
            for _ in 0..if round % 3 == 0 { 0 } else { round % 40 } {
                tokio::task::yield_now().await;
            }
            let answered_before = answered.load(Ordering::SeqCst);
            let revoke = unless_used_since(since);
            sent.store(true, Ordering::SeqCst);
            match server.ada.client.revoke_key(KeyKind::Organization, id, revoke).await {
                Ok(key) => {
                    revoked += 1;
                    assert!(
                        !answered_before,
                        "{} round {round}: a use was answered, but the key was revoked",
                        database.name
                    );
                    assert!(key.last_used_at.is_none_or(|at| at < since));
                }
                Err(error) => {
                    refused += 1;
                    let problem = error.problem().unwrap();
                    assert_eq!(problem.kind, P::UsedSince, "{error}");
                    assert!(problem.key.as_ref().unwrap().last_used_at.unwrap() >= since);
                }
            }
            user.await.unwrap();
        }
        assert!(revoked > 0 && refused > 0, "both outcomes must occur: {revoked} revoked, {refused} refused");
        server.stop().await;
    })
    .await;
}

/// Guarantee 9: once a removal is acknowledged, no personal key of the member is accepted.
#[tokio::test(flavor = "multi_thread")]
async fn a_personal_key_never_outlives_its_member() {
    for_each_database(async |database| {
        let server = TestServer::start(database).await;
        let people = server.insert_members(Role::Normal, scaled(300)).await;
        for (round, person) in people.into_iter().enumerate() {
            let known = create_key(&person.client, KeyKind::Personal, key_named("raced")).await.unwrap();
            let late = {
                let (person, header) = (person.clone(), round.to_string());
                let body = CreateKey { name: "late".into(), note: None, replaces: None };
                tokio::spawn(async move { person.client.create_key(KeyKind::Personal, body, &header).await })
            };
            for _ in 0..round % 30 {
                tokio::task::yield_now().await;
            }
            server.ada.client.send(CallRequest::to(RemoveMember).id(person.id)).await.unwrap();
            assert!(
                !is_accepted(&key_client(&server.client, &known)).await,
                "{} round {round}",
                database.name
            );
            match late.await.unwrap() {
                Ok(created) => {
                    assert!(!is_accepted(&key_client(&server.client, &created)).await, "{}", database.name);
                }
                Err(error) => assert!(error.is_problem(P::SessionEnded), "{error}"),
            }
        }
        server.stop().await;
    })
    .await;
}
