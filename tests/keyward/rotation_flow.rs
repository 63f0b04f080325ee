//! Rotations from start to finish: every admin sees the same phase after every restart, and a client that still uses the old key is not
//! cut off.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use keyward::client::{CallRequest, Client, ClientError};
use keyward::clock::{Clock, random_bytes};
use keyward::domain::activity::Action;
use keyward::domain::id::Id;
use keyward::domain::key::{Key, KeyKind};
use keyward::domain::member::Role;
use keyward::domain::rotation::Phase;
use keyward::domain::time::{DAY, HOUR, SECOND, TimeDelta, Timestamp};
use keyward::store::DatabaseLocation;
use keyward::wire::activity::{ActivityQuery, ListActivity};
use keyward::wire::keys::{CreateKey, CreatedKey, ListRotations, Rotation, RotationsQuery};
use keyward::wire::problem::ProblemType as P;
use sqlx::Connection as _;

use crate::support::keys::{client_with_secret, is_accepted, unless_used_since};
use crate::support::test_server::{TestMember, TestServer, problem_type, settings_without_limits};
use crate::support::ui_harness::UiHarness;
use crate::support::{Database, for_each_database, scaled};

mod commands;
mod interrupted;

const ORGANIZATION: KeyKind = KeyKind::Organization;

/// A server whose clock the test controls.
struct RotationFixture<'a> {
    server: TestServer,
    database: &'a Database,
    clock: Clock,
}

impl<'a> RotationFixture<'a> {
    async fn start(database: &'a Database) -> Self {
        // On PostgreSQL, the server uses the database's clock.
        let clock =
            if database.allows_several_servers() { Clock::System } else { Clock::fixed(Clock::System.now()) };
        let server = TestServer::start_with(database, settings_without_limits(), clock.clone()).await;
        Self { server, database, clock }
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Advances the clock; on PostgreSQL, moves all stored times into the past instead.
    async fn advance(&self, duration: TimeDelta) {
        let DatabaseLocation::Postgres(url) = &self.database.target else {
            return self.clock.advance(duration.to_std().unwrap());
        };
        // Flushes buffered uses.
        list_rotations(&self.server.ada.client).await;
        let mut database = sqlx::PgConnection::connect(url).await.unwrap();
        let mut tx = database.begin().await.unwrap();
        let (ms, hours) =
            (duration.num_milliseconds(), TimeDelta::hours(duration.num_hours()).num_milliseconds());
        let keys = "UPDATE keys SET created_at = created_at - $1, last_used_at = last_used_at - $1, \
                    revoked_at = revoked_at - $1";
        let clients =
            "UPDATE key_clients SET first_seen_at = first_seen_at - $1, last_seen_at = last_seen_at - $1";
        // Usage rows are moved in two steps, because two rows must never have the same hour.
        let mirrored = "UPDATE usage_hours SET start = $1 - start";
        // Triggers forbid changing a key's past times.
        sqlx::query("ALTER TABLE keys DISABLE TRIGGER USER").execute(&mut *tx).await.unwrap();
        for (sql, by) in [(keys, ms), (clients, ms), (mirrored, hours), (mirrored, 0)] {
            sqlx::query(sql).bind(by).execute(&mut *tx).await.unwrap();
        }
        sqlx::query("ALTER TABLE keys ENABLE TRIGGER USER").execute(&mut *tx).await.unwrap();
        tx.commit().await.unwrap();
        database.close().await.unwrap();
    }

    async fn create_key(&self, name: &str, replaces: Option<Id>) -> RotatedKey {
        let header = Id::new(self.now(), random_bytes()).to_string();
        self.rotated_key(create(&self.server.ada.client, name, replaces, &header).await.unwrap())
    }

    fn rotated_key(&self, created: CreatedKey) -> RotatedKey {
        RotatedKey { client: self.key_client(created.secret.unwrap().expose()), key: created.key }
    }

    /// Returns a client that authenticates with a secret.
    fn key_client(&self, secret: &str) -> Client {
        client_with_secret(&self.server.client, secret)
    }

    /// Returns the only rotation, as the server shows it to `admin`.
    async fn rotation_seen_by(&self, admin: &TestMember) -> Rotation {
        let mut rotations = list_rotations(&admin.client).await;
        assert_eq!(rotations.len(), 1, "{}", self.database.name);
        rotations.remove(0)
    }

    /// Finishes a rotation as keyward does: revokes the old key unless it was used within the quiet window.
    async fn finish_rotation(&self, admin: &Client, rotation: &Rotation) -> Result<Key, ClientError> {
        let since = self.now().minus(TimeDelta::seconds(rotation.quiet_window_s));
        admin.revoke_key(ORGANIZATION, rotation.old.id, unless_used_since(since)).await
    }
}

/// A key of a rotation, and a client that authenticates with it.
struct RotatedKey {
    key: Key,
    client: Client,
}

impl RotatedKey {
    /// Uses the key; returns whether it was accepted.
    async fn use_once(&self) -> bool {
        is_accepted(&self.client).await
    }
}

async fn create(
    client: &Client,
    name: &str,
    replaces: Option<Id>,
    header: &str,
) -> Result<CreatedKey, ClientError> {
    let body = CreateKey { name: name.into(), note: None, replaces };
    client.create_key(ORGANIZATION, body, header).await
}

async fn list_rotations(client: &Client) -> Vec<Rotation> {
    let query = RotationsQuery { limit: Some(1000), ..RotationsQuery::default() };
    client.send(CallRequest::to(ListRotations).query(query)).await.unwrap().data
}

/// Returns the details of a key's activity rows.
async fn activity_details(admin: &TestMember, key: Id, action: Action) -> Vec<String> {
    let query = ActivityQuery { key: Some(key), action: Some(action), ..ActivityQuery::default() };
    let rows = admin.client.send(CallRequest::to(ListActivity).query(query)).await.unwrap().data;
    rows.into_iter().map(|row| row.detail).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_admin_sees_the_same_phase_during_a_rotation_of_three_days() {
    for_each_database(async |database| {
        let fixture = RotationFixture::start(database).await;
        let ada = &fixture.server.ada;
        let ben = fixture.server.add_member("ben@plant.example", Role::Admin).await;
        let old = fixture.create_key("Press shop", None).await;
        assert!(old.use_once().await);

        let same = async |expected: Phase| {
            let rotation = fixture.rotation_seen_by(ada).await;
            assert_eq!(rotation.phase, expected, "{}: {}", database.name, rotation.evidence);
            assert_eq!(fixture.rotation_seen_by(&ben).await.phase, expected, "{}", database.name);
            for admin in [ada, &ben] {
                let screen = UiHarness::open(admin).await.press("4").await.screen();
                let row =
                    screen.lines().find(|line| line.contains(expected.word()) && line.contains("Press shop"));
                assert!(row.is_some(), "{} {expected}:\n{screen}", database.name);
            }
            rotation
        };

        let first = UiHarness::open(ada).await.press("2R<enter><enter>").await;
        let new = first.secret.as_deref().map(|secret| fixture.key_client(secret));
        let new = new.unwrap_or_else(|| panic!("{}", first.screen()));
        drop(first);
        assert!(fixture.rotation_seen_by(ada).await.new.name.starts_with("Press shop (20"));
        same(Phase::Switch).await;

        fixture.advance(DAY).await;
        let second = UiHarness::open(&ben).await.press("4<enter>").await;
        assert!(second.screen().contains("Rotate Press shop"), "{}", second.screen());
        drop(second);
        same(Phase::Switch).await;
        assert!(old.use_once().await && is_accepted(&new).await);
        let drain = same(Phase::Drain).await;
        assert!(
            problem_type(fixture.finish_rotation(&ada.client, &drain).await) == P::UsedSince,
            "{}",
            database.name
        );

        fixture.advance(DAY).await;
        assert!(is_accepted(&new).await);
        let third = UiHarness::open(ada).await.press("4<enter>").await;
        assert!(third.screen().contains("unless used"), "{}", third.screen());
        drop(third);
        same(Phase::Drain).await;

        fixture.advance(DAY + HOUR).await;
        same(Phase::Ready).await;
        let fourth = UiHarness::open(ada).await.press("4<enter>xy").await;
        let rotation = same(Phase::Done).await;
        drop(fourth);
        assert!(!old.use_once().await && is_accepted(&new).await, "{}", database.name);
        let log = activity_details(&ben, rotation.old.id, Action::KeyRevoked).await;
        assert!(log.len() == 1 && log[0].contains(&rotation.new.id.to_string()), "{log:?}");
        fixture.server.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_uses_the_old_key_weekly_is_not_cut_off() {
    for_each_database(async |database| {
        let fixture = RotationFixture::start(database).await;
        let ada = &fixture.server.ada;
        let old = fixture.create_key("Weekly report", None).await;
        for _ in 0..3 {
            assert!(old.use_once().await);
            fixture.advance(TimeDelta::days(7)).await;
        }
        assert!(old.use_once().await);
        let new = fixture.create_key("Weekly report, new", Some(old.key.id)).await;
        assert!(new.use_once().await);

        fixture.advance(TimeDelta::days(3)).await;
        let rotation = fixture.rotation_seen_by(ada).await;
        assert_eq!(rotation.phase, Phase::Drain, "{}: {}", database.name, rotation.evidence);
        // Uses are counted per hour, so the gap may be off by up to an hour.
        let gap = TimeDelta::seconds(rotation.raised_by_gap_s.unwrap());
        assert!(
            (TimeDelta::days(7) - HOUR..=TimeDelta::days(7) + HOUR).contains(&gap),
            "{}: {gap}",
            database.name
        );
        assert_eq!(TimeDelta::seconds(rotation.quiet_window_s), gap * 2);
        assert!(problem_type(fixture.finish_rotation(&ada.client, &rotation).await) == P::UsedSince);

        fixture.advance(TimeDelta::days(4)).await;
        assert!(old.use_once().await, "{}: the weekly job was cut off", database.name);
        assert_eq!(fixture.rotation_seen_by(ada).await.phase, Phase::Drain);

        fixture.advance(TimeDelta::days(15)).await;
        let rotation = fixture.rotation_seen_by(ada).await;
        assert_eq!(rotation.phase, Phase::Ready, "{}: {}", database.name, rotation.evidence);
        fixture.finish_rotation(&ada.client, &rotation).await.unwrap();
        assert!(!old.use_once().await && new.use_once().await, "{}", database.name);
        fixture.server.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn finishing_one_second_after_a_use_is_refused_and_the_client_is_named() {
    for_each_database(async |database| {
        let fixture = RotationFixture::start(database).await;
        let ada = &fixture.server.ada;
        let old = fixture.create_key("Old", None).await;
        let new = fixture.create_key("New", Some(old.key.id)).await;
        assert!(old.use_once().await && new.use_once().await);
        fixture.advance(TimeDelta::days(3)).await;
        let ready = fixture.rotation_seen_by(ada).await;
        assert_eq!(ready.phase, Phase::Ready, "{}", database.name);
        assert!(old.use_once().await);
        fixture.advance(SECOND).await;
        let error = fixture.finish_rotation(&ada.client, &ready).await.unwrap_err();
        let refused = error.problem().unwrap();
        assert_eq!(refused.kind, P::UsedSince);
        let (time_and_agent, address) = (" s ago by keyward/", " from 127.0.0.1");
        assert!(
            refused.detail.contains(time_and_agent) && refused.detail.contains(address),
            "{}",
            refused.detail
        );
        let now = refused.key.as_ref().unwrap();
        assert!(now.revoked_at.is_none() && now.last_used_at > ready.old.last_used_at);
        assert_eq!(fixture.rotation_seen_by(ada).await.phase, Phase::Drain, "{}", database.name);
        assert_eq!(activity_details(ada, old.key.id, Action::KeyRevokeRefused).await.len(), 1);
        assert!(old.use_once().await);
        fixture.server.stop().await;
    })
    .await;
}

/// If the use was accepted, the key is not revoked; if the key is revoked, the use was refused.
#[tokio::test(flavor = "multi_thread")]
async fn a_use_that_races_finishing_either_prevents_it_or_is_refused() {
    for_each_database(async |database| {
        let fixture = RotationFixture::start(database).await;
        let rounds = scaled(300);
        let mut old = Vec::new();
        for round in 0..rounds {
            let old_key = fixture.create_key(&format!("Old {round}"), None).await;
            let new = fixture.create_key(&format!("New {round}"), Some(old_key.key.id)).await;
            assert!(old_key.use_once().await && new.use_once().await);
            old.push(old_key);
        }
        fixture.advance(TimeDelta::days(3)).await;
        let rotations = list_rotations(&fixture.server.ada.client).await;
        for (round, old) in old.into_iter().enumerate() {
            let rotation = rotations.iter().find(|rotation| rotation.old.id == old.key.id).unwrap();
            assert_eq!(rotation.phase, Phase::Ready);
            let sent = Arc::new(AtomicBool::new(false));
            let user = {
                let sent = sent.clone();
                tokio::spawn(async move {
                    // In even rounds the finish is sent first, with a varying head start.
                    while round % 2 == 0 && !sent.load(Ordering::SeqCst) {
                        tokio::task::yield_now().await;
                    }
                    for _ in 0..round * 37 % 400 {
                        tokio::task::yield_now().await;
                    }
                    old.use_once().await
                })
            };
            sent.store(true, Ordering::SeqCst);
            let finished = fixture.finish_rotation(&fixture.server.ada.client, rotation).await;
            let answered = user.await.unwrap();
            match finished {
                Ok(_) => assert!(
                    !answered,
                    "{} round {round}: a use was accepted, and the key was revoked",
                    database.name
                ),
                Err(error) => {
                    assert!(answered && error.is_problem(P::UsedSince), "{} {error}", database.name);
                }
            }
        }
        fixture.server.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_one_of_two_admins_can_start_or_finish_the_same_rotation() {
    for_each_database(async |database| {
        let fixture = RotationFixture::start(database).await;
        let ada = &fixture.server.ada;
        let ben = fixture.server.add_member("ben@plant.example", Role::Admin).await;
        // On PostgreSQL, Ben uses a second server.
        let second_server = if database.allows_several_servers() {
            Some(fixture.server.start_second(database).await)
        } else {
            None
        };
        let bens = second_server
            .as_ref()
            .map_or_else(|| ben.client.clone(), |(_, client)| client.with_credential(ben.credential.clone()));
        for round in 0..scaled(100) {
            let old = fixture.create_key(&format!("Old {round}"), None).await;
            let header = |name| format!("{name} {round}");
            let (ada_asks, ben_asks) = (header("ada"), header("ben"));
            let both = tokio::join!(
                create(&ada.client, "by Ada", Some(old.key.id), &ada_asks),
                create(&bens, "by Ben", Some(old.key.id), &ben_asks),
            );
            let (won, lost) = match both {
                (Ok(won), lost) | (lost, Ok(won)) => (won, lost),
                (Err(error), Err(_)) => panic!("{}: neither started: {error}", database.name),
            };
            assert_eq!(problem_type(lost), P::ReplacesConflict, "{}", database.name);
            let new = fixture.rotated_key(won);
            assert!(old.use_once().await && new.use_once().await);
        }
        fixture.advance(TimeDelta::days(3)).await;
        for rotation in list_rotations(&ada.client).await {
            assert_eq!(rotation.phase, Phase::Ready, "{}", database.name);
            let both = tokio::join!(
                fixture.finish_rotation(&ada.client, &rotation),
                fixture.finish_rotation(&bens, &rotation)
            );
            let (adas, bens) = (both.0.unwrap(), both.1.unwrap());
            assert_eq!(adas, bens, "{}", database.name);
            let log = activity_details(ada, rotation.old.id, Action::KeyRevoked).await;
            assert!(log.len() == 1 && log[0].contains(&rotation.new.id.to_string()), "{log:?}");
        }
        if let Some((running, _)) = second_server {
            running.shutdown().await;
        }
        fixture.server.stop().await;
    })
    .await;
}

/// Guarantee 3: a lost create reply costs nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_lost_response_leaves_one_replacement_with_one_secret() {
    for_each_database(async |database| {
        let fixture = RotationFixture::start(database).await;
        let ada = &fixture.server.ada;
        let old = fixture.create_key("Old", None).await;
        let create_replacement = || create(&ada.client, "New", Some(old.key.id), "the same");
        let lost = fixture.rotated_key(create_replacement().await.unwrap());
        let kept = fixture.rotated_key(create_replacement().await.unwrap());
        assert_eq!(lost.key.id, kept.key.id, "{}", database.name);
        assert!(!lost.use_once().await && kept.use_once().await, "{}: two secrets are active", database.name);
        assert_eq!(fixture.rotation_seen_by(ada).await.new.id, kept.key.id);
        let third = create_replacement().await.unwrap();
        assert!(third.key.id == kept.key.id && third.secret.is_none(), "{}", database.name);
        assert!(kept.use_once().await && old.use_once().await);
        let another = create(&ada.client, "New", Some(old.key.id), "another").await;
        assert_eq!(problem_type(another), P::ReplacesConflict);
        fixture.server.stop().await;
    })
    .await;
}
