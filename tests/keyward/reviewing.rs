//! The review on its own feet: the screens' model against a real server, with real clients that use the keys meanwhile.

use keyward::client::{Credential, Request};
use keyward::clock::{Clock, entropy};
use keyward::domain::id::Id;
use keyward::domain::key::Kind;
use keyward::domain::member::Role;
use keyward::wire::data_plane::ListSites;
use keyward::wire::keys::{CreateKey, CreatedKey};
use keyward::wire::members::{RemoveMember, RemoveQuery};
use keyward::wire::reviews::{ListReviews, ReviewsQuery};

use crate::support::for_each_database;
use crate::support::house::{House, Person, unlimited};
use crate::support::run::Screens;

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

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_dies_while_applying_applies_nothing_twice() {
    for_each_database(async |database| {
        let house = house(database).await;
        for n in 0..6 {
            create(&house.ada, &format!("Key {n}")).await;
        }
        for dies_after in 1..=6 {
            let mut screens = Screens::open(&house.ada, "").await.press("3aSA").await;
            screens.decisions = dies_after;
            let before = house.ada.client.send(Request::to(ListReviews)).await.unwrap().data.len();
            let died = screens.press("y").await;
            let drafts = died.drafts.clone();
            drop(died);
            let again = Screens::open(&house.ada, &drafts).await.press("3Ay").await;
            assert!(!again.screen().contains("Decided:"), "{}", again.screen());
            let all = house.ada.client.send(Request::to(ListReviews)).await.unwrap().data.len();
            assert_eq!(all - before, 6, "dies after {dies_after}, {}", database.name);
        }
        house.close().await;
    })
    .await;
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
