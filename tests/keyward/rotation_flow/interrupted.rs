//! Interrupted rotations: a lost secret, a conflict of two admins, a leaked key. At most one secret of a key is ever active.

use keyward::domain::activity::Action;
use keyward::domain::member::Role;
use keyward::domain::rotation::Phase;
use keyward::domain::time::TimeDelta;

use super::{RotationFixture, activity_details, list_rotations};
use crate::support::for_each_database;
use crate::support::keys::is_accepted;
use crate::support::ui_harness::UiHarness;

/// Key presses for the choices that the next start offers for an unfinished create.
const SECRET_IS_STORED: &str = "1<enter>";
const REISSUE: &str = "2<enter>";
const REVOKE: &str = "3<enter>";

#[tokio::test(flavor = "multi_thread")]
async fn an_unfinished_replacement_can_be_kept_reissued_or_revoked_at_the_next_start() {
    for_each_database(async |database| {
        let fixture = RotationFixture::start(database).await;
        let ada = &fixture.server.ada;
        for (name, choice) in [("kept", SECRET_IS_STORED), ("anew", REISSUE), ("gone", REVOKE)] {
            // The run crashes before the reply arrives, or ends while the secret is on the screen.
            for (end, crash_at) in [("cut", Some(2)), ("shown", None)] {
                let at = format!("{} {choice} {crash_at:?}", database.name);
                let name = format!("{name}-{end}");
                let old = fixture.create_key(&name, None).await;
                assert!(old.use_once().await);
                let rotation_of_old_key = |mut rotations: Vec<keyward::wire::keys::Rotation>| {
                    rotations.retain(|rotation| rotation.old.id == old.key.id);
                    assert_eq!(rotations.len(), 1, "{at}");
                    rotations.remove(0)
                };
                let mut screens = UiHarness::open(ada).await.press(&format!("2/{name}<enter>R")).await;
                screens.crash_at = crash_at;
                let screens = screens.press("<enter><enter>").await;
                let first = screens.secret.clone().unwrap();
                assert_eq!(screens.saved_files().unfinished_creates(), 1, "{at}: {}", screens.screen());
                let first = fixture.key_client(&first);

                let next = UiHarness::resume(ada, screens.into_saved_files()).await;
                assert!(next.screen().contains("Unfinished key creation"), "{at}: {}", next.screen());
                assert!(next.screen().contains(&old.key.masked), "{at}: {}", next.screen());
                let next = next.press(choice).await;
                let second = next.secret.as_deref().map(|secret| fixture.key_client(secret));
                match choice {
                    SECRET_IS_STORED => {
                        assert!(
                            is_accepted(&first).await && next.saved_files().unfinished_creates() == 0,
                            "{at}"
                        );
                        assert_eq!(
                            rotation_of_old_key(list_rotations(&ada.client).await).phase,
                            Phase::Drain,
                            "{at}"
                        );
                    }
                    REISSUE => {
                        assert!(!is_accepted(&first).await, "{at}: two secrets are active");
                        assert_eq!(
                            rotation_of_old_key(list_rotations(&ada.client).await).phase,
                            Phase::Switch,
                            "{at}"
                        );
                        assert!(is_accepted(&second.unwrap()).await, "{at}");
                        let next = next.press("sy").await;
                        assert_eq!(next.saved_files().unfinished_creates(), 0, "{at}: {}", next.screen());
                    }
                    _ => {
                        assert!(
                            !is_accepted(&first).await && next.saved_files().unfinished_creates() == 0,
                            "{at}"
                        );
                        if let Some(second) = second {
                            assert!(!is_accepted(&second).await, "{at}");
                        }
                        assert_eq!(
                            rotation_of_old_key(list_rotations(&ada.client).await).phase,
                            Phase::Abandoned,
                            "{at}"
                        );
                        // The abandoned rotation can be started again from the old key.
                        let again =
                            UiHarness::open(ada).await.press(&format!("4/{name}<enter>R<enter>")).await;
                        let third = fixture.key_client(again.secret.as_deref().unwrap());
                        assert!(!is_accepted(&first).await && is_accepted(&third).await, "{at}");
                        assert_eq!(
                            rotation_of_old_key(list_rotations(&ada.client).await).phase,
                            Phase::Drain,
                            "{at}"
                        );
                    }
                }
                assert!(old.use_once().await, "{at}: the old key was cut off");
            }
        }
        fixture.server.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replacement_whose_secret_was_lost_is_replaced() {
    for_each_database(async |database| {
        let fixture = RotationFixture::start(database).await;
        let ada = &fixture.server.ada;
        let old = fixture.create_key("Press shop", None).await;
        assert!(old.use_once().await);
        let lost = UiHarness::open(ada).await.press("2R<enter><enter>sy").await;
        let lost = fixture.key_client(lost.secret.as_deref().unwrap());
        let next = UiHarness::open(ada).await.press("4<enter>R<enter>").await;
        let next = fixture.key_client(next.secret.as_deref().unwrap_or_else(|| panic!("{}", next.screen())));
        assert!(!is_accepted(&lost).await, "{}: two secrets are active", database.name);
        assert_eq!(fixture.rotation_seen_by(ada).await.phase, Phase::Switch);
        assert!(is_accepted(&next).await && old.use_once().await, "{}", database.name);
        assert_eq!(fixture.rotation_seen_by(ada).await.phase, Phase::Drain);

        // The new key is used while the popup is open, so some client has its secret.
        let again = fixture.create_key("Paint shop", None).await;
        let kept = UiHarness::open(ada).await.press("2/paint<enter>R<enter><enter>sy").await;
        let kept = fixture.key_client(kept.secret.as_deref().unwrap());
        let popup = UiHarness::open(ada).await.press("4/phase:switch<enter><enter>R").await;
        assert!(popup.screen().contains("New replacement for"), "{}", popup.screen());
        assert!(is_accepted(&kept).await);
        let popup = popup.press("<enter>").await;
        assert!(popup.screen().contains("someone has its secret"), "{}", popup.screen());
        assert!(popup.secret.is_none() && is_accepted(&kept).await, "{}", database.name);
        drop(again);
        fixture.server.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leaked_key_is_revoked_and_replaced_after_a_crash_at_any_point() {
    for_each_database(async |database| {
        let fixture = RotationFixture::start(database).await;
        let ada = &fixture.server.ada;
        for crash_at in 1.. {
            let at = format!("{} dies at {crash_at}", database.name);
            let name = format!("leak-{}", char::from(b'a' + u8::try_from(crash_at).unwrap()));
            let old = fixture.create_key(&name, None).await;
            assert!(old.use_once().await);
            let mut screens = UiHarness::open(ada).await.press(&format!("2/{name}<enter>RL")).await;
            screens.crash_at = Some(crash_at);
            let last_four = old.key.last_four().to_owned();
            let crashed = screens.press(&last_four).await.press("<enter>").await;
            let survived = !crashed.has_crashed();
            assert_eq!(crashed.saved_files().unfinished_creates(), 1, "{at}");
            // Wherever the run crashed, the next start issues one secret and revokes the leaked key.
            let next = UiHarness::resume(ada, crashed.into_saved_files()).await.press(REISSUE).await;
            let next = fixture
                .key_client(next.secret.as_deref().unwrap_or_else(|| panic!("{at}: {}", next.screen())));
            assert!(is_accepted(&next).await && !old.use_once().await, "{at}");
            let mut all = list_rotations(&ada.client).await;
            all.retain(|rotation| rotation.old.id == old.key.id);
            assert!(all.len() == 1 && all[0].phase == Phase::Done, "{at}: {all:?}");
            assert_eq!(all[0].old.revoke_reason.as_deref(), Some("suspected leak"), "{at}");
            assert_eq!(activity_details(ada, old.key.id, Action::KeyRevoked).await.len(), 1, "{at}");
            if survived {
                assert!(crash_at > 4, "{at}: too few crash points");
                break;
            }
        }
        fixture.server.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn when_two_admins_rotate_the_same_key_one_succeeds_and_the_other_sees_who_did_it() {
    for_each_database(async |database| {
        let fixture = RotationFixture::start(database).await;
        let ada = &fixture.server.ada;
        let ben = fixture.server.add_member("ben@plant.example", Role::Admin).await;
        let old = fixture.create_key("Press shop", None).await;
        assert!(old.use_once().await);
        // Both admins have the popup open that creates the replacement.
        let adas = UiHarness::open(ada).await.press("2R<enter>").await;
        let bens = UiHarness::open(&ben).await.press("2R<enter>").await;
        let (adas, bens) = (adas.press("<enter>").await, bens.press("<enter>").await);
        let new = fixture.key_client(adas.secret.as_deref().unwrap());
        assert!(
            bens.secret.is_none() && bens.screen().contains("already being replaced"),
            "{}",
            bens.screen()
        );
        assert!(is_accepted(&new).await);
        fixture.advance(TimeDelta::days(3)).await;
        // Both admins have the popup open that revokes the old key.
        let adas = UiHarness::open(ada).await.press("4<enter>x").await;
        let bens = UiHarness::open(&ben).await.press("4<enter>x").await;
        let (adas, bens) = (adas.press("y").await, bens.press("y").await);
        assert!(adas.screen().contains("requests with it now get 401"), "{}", adas.screen());
        assert!(bens.screen().contains("was already revoked by ada@plant.example"), "{}", bens.screen());
        assert_eq!(fixture.rotation_seen_by(&ben).await.phase, Phase::Done);
        assert_eq!(activity_details(ada, old.key.id, Action::KeyRevoked).await.len(), 1);
        fixture.server.stop().await;
    })
    .await;
}
