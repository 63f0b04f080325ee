//! The review from end to end: the screens run against a server while clients use the keys.

use keyward::client::{CallRequest, Credential};
use keyward::clock::Clock;
use keyward::domain::activity::Action;
use keyward::domain::draft::Drafts;
use keyward::domain::id::Id;
use keyward::domain::key::KeyKind;
use keyward::domain::member::Role;
use keyward::domain::review::Decision;
use keyward::wire::activity::{ActivityQuery, ListActivity};
use keyward::wire::data_plane::ListSites;
use keyward::wire::keys::CreatedKey;
use keyward::wire::members::{RemoveMember, RemoveQuery};
use keyward::wire::reviews::{ListReviews, ReviewsQuery};

use crate::support::for_each_database;
use crate::support::keys::{create_key, even_if_used, key_named};
use crate::support::test_server::{TestMember, TestServer, settings_without_limits};
use crate::support::ui_harness::UiHarness;

mod killed;

/// Starts a server on which an unused key is stale at once.
async fn start_server(database: &crate::support::Database) -> TestServer {
    let mut settings = settings_without_limits();
    settings.policy.never_used_after_days = 0;
    TestServer::start_with(database, settings, Clock::System).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_used_since_the_review_is_not_revoked() {
    for_each_database(async |database| {
        let server = start_server(database).await;
        let (quiet, busy) = (
            create_organization_key(&server.ada, "Quiet").await,
            create_organization_key(&server.ada, "Busy").await,
        );
        let screens = UiHarness::open(&server.ada).await.press("3axA").await;
        assert!(screens.screen().contains("2 keys will be revoked"), "{}", screens.screen());
        let holder = Credential::bearer(busy.secret.unwrap().expose()).unwrap();
        server.client.with_credential(holder).send(CallRequest::to(ListSites)).await.unwrap();
        let screens = screens.press("revoke 2<enter>").await;
        let screen = screens.screen();
        assert!(
            screen.contains("by keyward/") && screen.contains("127.0.0.1, since you last viewed it"),
            "{screen}"
        );
        let key = |id| server.ada.client.key(KeyKind::Organization, id);
        assert!(key(quiet.key.id).await.unwrap().revoked_at.is_some(), "{}", database.name);
        assert!(key(busy.key.id).await.unwrap().revoked_at.is_none(), "{}", database.name);
        server.stop().await;
    })
    .await;
}

async fn create_organization_key(member: &TestMember, name: &str) -> CreatedKey {
    create_key(&member.client, KeyKind::Organization, key_named(name)).await.unwrap()
}

/// Returns the number of recorded decisions about a key, and how often it was revoked.
async fn count_decisions(person: &TestMember, key: Id) -> (usize, usize) {
    let reviews = person.client.send(CallRequest::to(ListReviews)).await.unwrap().data;
    let query =
        ActivityQuery { key: Some(key), action: Some(Action::KeyRevoked), ..ActivityQuery::default() };
    let revoked = person.client.send(CallRequest::to(ListActivity).query(query)).await.unwrap().data;
    (reviews.iter().filter(|review| review.key_id == key).count(), revoked.len())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_review_loses_no_decision_and_applies_none_twice() {
    for_each_database(async |database| {
        let server = start_server(database).await;
        let ada = &server.ada;
        for crash_at in 1.. {
            let at = format!("{}, dies at {crash_at}", database.name);
            let mut keys = Vec::new();
            for n in 0..3 {
                keys.push(create_organization_key(ada, &format!("Key {crash_at}-{n}")).await.key.id);
            }
            // The order of the review: keys that were created in the same millisecond are listed by id.
            keys.sort_unstable();
            let mut screens = UiHarness::open(ada).await.press("3").await;
            screens.crash_at = Some(crash_at);
            let crashed = screens.press("xxKwhy not<enter>A").await.press("revoke 2<enter>").await;
            let survived = !crashed.has_crashed();

            // Each decision was applied and is shown as applied, is still a draft, or was never written to disk.
            let restarted = UiHarness::resume(ada, crashed.into_saved_files()).await.press("3").await;
            let left = Drafts::parse(&restarted.saved_files().drafts());
            let mut drafted = 0;
            for &key in &keys {
                let is_draft = left.as_ref().is_some_and(|left| left.draft_for(key).is_some());
                let (recorded, revoked) = count_decisions(ada, key).await;
                assert!(recorded + usize::from(is_draft) <= 1 && revoked <= recorded, "{at}");
                drafted += usize::from(is_draft);
            }
            let screen = restarted.screen();
            assert_eq!(screen.contains("Decided:"), drafted > 0, "{at}: {screen}");
            assert!(!survived || drafted == 0, "{at}: {screen}");

            // Applies the remaining drafts; nothing is applied twice.
            let are_two_left = left.is_some_and(|left| left.counts().get(&Decision::Revoke) == Some(&2));
            let phrase = if are_two_left { "revoke 2<enter>" } else { "y" };
            let restarted = restarted.press("A").await.press(phrase).await;
            assert!(!restarted.screen().contains("failed"), "{at}: {}", restarted.screen());
            for (n, &key) in keys.iter().enumerate() {
                let (recorded, revoked) = count_decisions(ada, key).await;
                // The third key was kept. Keys are listed oldest first.
                assert!(recorded <= 1 && revoked == if n < 2 { recorded } else { 0 }, "{at}: {n}");
                if recorded == 0 {
                    // The decision was never made or never written, so the key is still in the queue.
                    ada.client.revoke_key(KeyKind::Organization, key, even_if_used("a test")).await.unwrap();
                }
            }
            if survived {
                assert!(crash_at > 12, "{at}: too few crash points");
                break;
            }
        }
        server.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn removing_a_member_orphans_the_keys_listed_by_the_dry_run() {
    for_each_database(async |database| {
        let server = start_server(database).await;
        let ben = server.add_member("ben@plant.example", Role::Admin).await;
        let left = create_organization_key(&ben, "Left behind").await;
        let remove = |dry_run| {
            let request =
                CallRequest::to(RemoveMember).id(ben.id).query(RemoveQuery { dry_run: Some(dry_run) });
            server.ada.client.send(request)
        };
        let trial = remove(true).await.unwrap();
        let screens = UiHarness::open(&server.ada).await.press("5/ben<enter>x").await;
        assert!(screens.screen().contains("Left behind"), "{}", screens.screen());
        let screens = screens.press("y").await;
        assert!(screens.screen().contains("orphaned"), "{}", screens.screen());
        let screens = screens.press("<enter>").await;
        assert!(screens.screen().contains("orphaned"), "{}", screens.screen());
        assert_eq!(trial.to_review.iter().map(|key| key.id).collect::<Vec<_>>(), [left.key.id]);
        let query = ReviewsQuery::default();
        assert!(
            server.ada.client.send(CallRequest::to(ListReviews).query(query)).await.unwrap().data.is_empty()
        );
        server.stop().await;
    })
    .await;
}
