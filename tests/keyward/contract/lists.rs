//! Lists of keys: pages, changes, and uses over time.

use keyward::client::{CallRequest, Credential};
use keyward::clock::Clock;
use keyward::domain::time::{DAY, HOUR, TimeDelta, Timestamp};
use keyward::domain::usage::BucketWidth;
use keyward::wire::data_plane::ListSites;
use keyward::wire::keys::{
    CreateKey, EditKey, IncludedKeys, KeysQuery, ListOrganizationKeys, ListPersonalKeys, UsageQuery,
};
use keyward::wire::problem::ProblemType as P;

use super::{ORGANIZATION, create};
use crate::support::for_each_database;
use crate::support::keys::{even_if_used, key_client, key_named};
use crate::support::test_server::{TestServer, problem_type, settings_without_limits};

/// Guarantee 20: a listing is complete under change.
#[tokio::test(flavor = "multi_thread")]
async fn lists_are_paged_and_can_be_limited_to_changes() {
    for_each_database(async |database| {
        let server = TestServer::start(database).await;
        let mut keys = Vec::new();
        for n in 0..7 {
            keys.push(create(&server.ada, ORGANIZATION, key_named(&format!("key {n}"))).await);
        }
        let list = async |query: KeysQuery| {
            server.ada.client.send(CallRequest::to(ListOrganizationKeys).query(query)).await.unwrap()
        };
        let mut query = KeysQuery { limit: Some(3), ..KeysQuery::default() };
        let mut names = Vec::new();
        loop {
            let page = list(query.clone()).await;
            if query.cursor.is_none() {
                assert_eq!(page.metadata.total, Some(7));
            }
            names.extend(page.data.into_iter().map(|key| key.name));
            query.cursor = page.metadata.next_cursor;
            if query.cursor.is_none() {
                break;
            }
        }
        assert_eq!(names, (0..7).rev().map(|n| format!("key {n}")).collect::<Vec<_>>());

        let seen = list(KeysQuery::default()).await.metadata.as_of.unwrap();
        // The server includes changes of the last 10 s before `changed_since`. The offset keeps older keys out of the reply.
        let since = |at: Timestamp| KeysQuery {
            changed_since: Some(at.plus(TimeDelta::seconds(10))),
            ..KeysQuery::default()
        };
        key_client(&server.client, &keys[0]).send(CallRequest::to(ListSites)).await.unwrap();
        server.ada.client.revoke_key(ORGANIZATION, keys[1].key.id, even_if_used("x")).await.unwrap();
        let edit = EditKey { name: Some("renamed".into()), note: None };
        server.ada.client.edit_key(ORGANIZATION, keys[2].key.id, 1, edit).await.unwrap();
        let replacement = CreateKey { replaces: Some(keys[3].key.id), ..key_named("key 3 (2026-11)") };
        let replacement = create(&server.ada, ORGANIZATION, replacement).await;
        let changed: Vec<String> = list(since(seen)).await.data.into_iter().map(|key| key.name).collect();
        assert_eq!(changed, ["key 3 (2026-11)", "key 3", "renamed", "key 1", "key 0"], "{}", database.name);

        server.ada.client.revoke_key(ORGANIZATION, replacement.key.id, even_if_used("x")).await.unwrap();
        let changed = list(since(seen)).await.data;
        assert_eq!(changed.iter().find(|key| key.name == "key 3").unwrap().replaced_by, None);
        let all = list(KeysQuery { include: Some(IncludedKeys::Revoked), ..KeysQuery::default() }).await;
        assert_eq!((all.data.len(), all.metadata.total), (8, Some(8)));
        assert_eq!(list(KeysQuery::default()).await.data.len(), 6);

        let foreign = KeysQuery { limit: Some(1), ..KeysQuery::default() };
        let cursor = list(foreign).await.metadata.next_cursor;
        let elsewhere = KeysQuery { cursor, ..KeysQuery::default() };
        let refused = server.ada.client.send(CallRequest::to(ListPersonalKeys).query(elsewhere)).await;
        assert_eq!(problem_type(refused), P::CursorInvalid);
        server.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn uses_are_counted_by_hour_and_day() {
    let clock = Clock::fixed(Clock::System.now().floor(DAY).plus(DAY / 2));
    let database = crate::support::Database::sqlite();
    let server = TestServer::start_with(&database, settings_without_limits(), clock.clone()).await;
    let created = create(&server.ada, ORGANIZATION, key_named("hourly")).await;
    let key_client = key_client(&server.client, &created);
    for _ in 0..3 {
        key_client.send(CallRequest::to(ListSites)).await.unwrap();
        clock.advance(std::time::Duration::from_hours(24));
    }
    let id = created.key.id;
    let hours = UsageQuery { from: Some(clock.now().minus(TimeDelta::days(10))), ..UsageQuery::default() };
    let hours = server.ada.client.key_usage(ORGANIZATION, id, hours).await.unwrap();
    assert_eq!(
        hours.buckets.iter().map(|b| (b.start == b.start.floor(HOUR), b.count)).collect::<Vec<_>>(),
        [(true, 1); 3]
    );
    assert_eq!((hours.clients.len(), hours.clients[0].count), (1, 3));
    let days = UsageQuery { bucket: BucketWidth::Day, ..UsageQuery::default() };
    let days = server.ada.client.key_usage(ORGANIZATION, id, days).await.unwrap();
    assert_eq!(days.buckets.iter().map(|b| b.count).collect::<Vec<_>>(), [1, 1, 1]);
    let counts = server.ada.client.daily_use(ORGANIZATION, &[id], Some(6)).await.unwrap().data;
    assert_eq!(counts[0].counts, [None, None, Some(1), Some(1), Some(1), Some(0)]);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn usage_survives_a_restart() {
    for_each_database(async |database| {
        let server = TestServer::start(database).await;
        let created = create(&server.ada, ORGANIZATION, key_named("busy")).await;
        let token = server.ada.credential.clone();
        let key_client = key_client(&server.client, &created);
        for _ in 0..5 {
            key_client.send(CallRequest::to(ListSites)).await.unwrap();
        }
        server.stop().await;
        let (running, client) = crate::support::test_server::start_server(
            database.open().await,
            settings_without_limits(),
            Clock::System,
        )
        .await;
        let key = client.with_credential(token).key(ORGANIZATION, created.key.id).await.unwrap();
        assert_eq!(key.use_count, 5, "{}", database.name);
        let secret = Credential::bearer(created.secret.unwrap().expose()).unwrap();
        client.with_credential(secret).send(CallRequest::to(ListSites)).await.unwrap();
        running.shutdown().await;
    })
    .await;
}
