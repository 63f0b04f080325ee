//! The review on its own feet: the screens' model against a real server, with real clients that use the keys meanwhile.

use keyward::client::{Credential, Request};
use keyward::clock::{Clock, entropy};
use keyward::domain::activity::Action;
use keyward::domain::draft::Drafts;
use keyward::domain::id::Id;
use keyward::domain::key::Kind;
use keyward::domain::member::Role;
use keyward::domain::review::Decision;
use keyward::wire::activity::{ActivityQuery, ListActivity};
use keyward::wire::data_plane::ListSites;
use keyward::wire::keys::{CreateKey, CreatedKey, RevokeKey};
use keyward::wire::members::{RemoveMember, RemoveQuery};
use keyward::wire::reviews::{ListReviews, ReviewsQuery};

use crate::support::for_each_database;
use crate::support::house::{House, Person, unlimited};
use crate::support::run::Screens;

mod killed;

/// A house in which a key without a use waits for a decision at once.
async fn house(database: &crate::support::Database) -> House {
    let mut settings = unlimited();
    settings.policy.never_used_after_days = 0;
    House::open_with(database, settings, Clock::System).await
}

async fn create(person: &Person, name: &str) -> CreatedKey {
    let body = CreateKey { name: name.into(), note: None, replaces: None };
    let header = Id::new(Clock::System.now(), entropy()).to_string();
    person.client.create_key(Kind::Organization, body, &header).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_used_while_it_is_reviewed_is_not_revoked() {
    for_each_database(async |database| {
        let house = house(database).await;
        let (quiet, busy) = (create(&house.ada, "Quiet").await, create(&house.ada, "Busy").await);
        let screens = Screens::open(&house.ada, "").await.press("3axA").await;
        assert!(screens.screen().contains("2 keys will be revoked"), "{}", screens.screen());
        let holder = Credential::bearer(busy.secret.unwrap().expose()).unwrap();
        house.client.with_credential(holder).send(Request::to(ListSites)).await.unwrap();
        let screens = screens.press("revoke 2<enter>").await;
        let screen = screens.screen();
        assert!(screen.contains("by keyward/") && screen.contains("127.0.0.1, after you looked"), "{screen}");
        let key = |id| house.ada.client.key(Kind::Organization, id);
        assert!(key(quiet.key.id).await.unwrap().revoked_at.is_some(), "{}", database.name);
        assert!(key(busy.key.id).await.unwrap().revoked_at.is_none(), "{}", database.name);
        house.close().await;
    })
    .await;
}

/// How often each key was decided on, and how often it was revoked.
async fn done(person: &Person, key: Id) -> (usize, usize) {
    let reviews = person.client.send(Request::to(ListReviews)).await.unwrap().data;
    let query =
        ActivityQuery { key: Some(key), action: Some(Action::KeyRevoked), ..ActivityQuery::default() };
    let revoked = person.client.send(Request::to(ListActivity).query(query)).await.unwrap().data;
    (reviews.iter().filter(|review| review.key_id == key).count(), revoked.len())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_dies_at_any_moment_of_a_review_loses_nothing_and_does_nothing_twice() {
    for_each_database(async |database| {
        let house = house(database).await;
        let ada = &house.ada;
        for dies_at in 1.. {
            let at = format!("{}, dies at {dies_at}", database.name);
            let mut keys = Vec::new();
            for n in 0..3 {
                keys.push(create(ada, &format!("Key {dies_at}-{n}")).await.key.id);
            }
            let mut screens = Screens::open(ada, "").await.press("3").await;
            screens.dies_at = Some(dies_at);
            let died = screens.press("xxKwhy not<enter>A").await.press("revoke 2<enter>").await;
            let (survived, drafts) = (!died.is_dead(), died.drafts.clone());
            drop(died);

            // Each decision is applied and shown so, or it is a draft still, or it was never on the disk.
            let again = Screens::open(ada, &drafts).await.press("3").await;
            let left = Drafts::read(&again.drafts);
            let mut drafted = 0;
            for &key in &keys {
                let is_draft = left.as_ref().is_some_and(|left| left.get(key).is_some());
                let (recorded, revoked) = done(ada, key).await;
                assert!(recorded + usize::from(is_draft) <= 1 && revoked <= recorded, "{at}");
                drafted += usize::from(is_draft);
            }
            let screen = again.screen();
            assert_eq!(screen.contains("Decided:"), drafted > 0, "{at}: {screen}");
            assert!(!survived || drafted == 0, "{at}: {screen}");

            // What is left is applied, and nothing of the rest once more.
            let two = left.is_some_and(|left| left.counts().get(&Decision::Revoke) == Some(&2));
            let phrase = if two { "revoke 2<enter>" } else { "y" };
            let again = again.press("A").await.press(phrase).await;
            assert!(!again.screen().contains("not done"), "{at}: {}", again.screen());
            for (n, &key) in keys.iter().enumerate() {
                let (recorded, revoked) = done(ada, key).await;
                // The third key's decision was the keep. The keys are listed with the oldest first.
                assert!(recorded <= 1 && revoked == if n < 2 { recorded } else { 0 }, "{at}: {n}");
                if recorded == 0 {
                    // It was never decided, or not yet written down: it waits still.
                    ada.client.revoke_key(Kind::Organization, key, anyway()).await.unwrap();
                }
            }
            if survived {
                assert!(dies_at > 12, "{at}: so few moments");
                break;
            }
        }
        house.close().await;
    })
    .await;
}

fn anyway() -> RevokeKey {
    RevokeKey { even_if_used: Some(true), reason: Some("a test".into()), ..RevokeKey::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removal_does_what_its_trial_said() {
    for_each_database(async |database| {
        let house = house(database).await;
        let ben = house.member("ben@plant.example", Role::Admin).await;
        let left = create(&ben, "Left behind").await;
        let remove = |dry_run| {
            let request = Request::to(RemoveMember).id(ben.id).query(RemoveQuery { dry_run: Some(dry_run) });
            house.ada.client.send(request)
        };
        let trial = remove(true).await.unwrap();
        let screens = Screens::open(&house.ada, "").await.press("5/ben<enter>x").await;
        assert!(screens.screen().contains("Left behind"), "{}", screens.screen());
        let screens = screens.press("y").await;
        assert!(screens.screen().contains("left without an owner"), "{}", screens.screen());
        let screens = screens.press("<enter>").await;
        assert!(screens.screen().contains("orphaned"), "{}", screens.screen());
        assert_eq!(trial.to_review.iter().map(|key| key.id).collect::<Vec<_>>(), [left.key.id]);
        let query = ReviewsQuery::default();
        assert!(house.ada.client.send(Request::to(ListReviews).query(query)).await.unwrap().data.is_empty());
        house.close().await;
    })
    .await;
}
