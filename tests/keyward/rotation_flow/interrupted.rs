//! Interrupted rotations: a lost secret, a conflict of two admins, a leaked key. At most one secret of a key is ever active.

use keyward::domain::activity::Action;
use keyward::domain::member::Role;
use keyward::domain::rotation::Phase;
use keyward::domain::time::TimeDelta;

use super::{Days, accepted, logged, rotations};
use crate::support::for_each_database;
use crate::support::ui_harness::UiHarness;

/// Choices that the next start offers for an unfinished create.
const HAVE_IT: &str = "1<enter>";
const ANEW: &str = "2<enter>";
const REVOKE: &str = "3<enter>";

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_lost_in_a_rotation_is_kept_reissued_or_revoked_at_the_next_start() {
    for_each_database(async |database| {
        let days = Days::begin(database).await;
        let ada = &days.server.ada;
        for (name, choice) in [("kept", HAVE_IT), ("anew", ANEW), ("gone", REVOKE)] {
            // The program crashes before the reply arrives, or ends while the secret is on the screen.
            for (how, crash_at) in [("cut", Some(2)), ("shown", None)] {
                let at = format!("{} {choice} {crash_at:?}", database.name);
                let name = format!("{name}-{how}");
                let old = days.create(&name, None).await;
                assert!(old.used().await);
                let of = |mut all: Vec<keyward::wire::keys::Rotation>| {
                    all.retain(|rotation| rotation.old.id == old.key.id);
                    assert_eq!(all.len(), 1, "{at}");
                    all.remove(0)
                };
                let mut screens = UiHarness::open(ada).await.press(&format!("2/{name}<enter>R")).await;
                screens.crash_at = crash_at;
                let screens = screens.press("<enter><enter>").await;
                let first = screens.secret.clone().unwrap();
                assert_eq!(screens.state().unfinished_creates(), 1, "{at}: {}", screens.screen());
                let first = days.holder(&first);

                let next = UiHarness::resume(ada, screens.end()).await;
                assert!(next.screen().contains("An unfinished create"), "{at}: {}", next.screen());
                assert!(next.screen().contains(&old.key.masked), "{at}: {}", next.screen());
                let next = next.press(choice).await;
                let second = next.secret.as_deref().map(|secret| days.holder(secret));
                match choice {
                    HAVE_IT => {
                        assert!(accepted(&first).await && next.state().unfinished_creates() == 0, "{at}");
                        assert_eq!(of(rotations(&ada.client).await).phase, Phase::Drain, "{at}");
                    }
                    ANEW => {
                        assert!(!accepted(&first).await, "{at}: two secrets live");
                        assert_eq!(of(rotations(&ada.client).await).phase, Phase::Switch, "{at}");
                        assert!(accepted(&second.unwrap()).await, "{at}");
                        let next = next.press("sy").await;
                        assert_eq!(next.state().unfinished_creates(), 0, "{at}: {}", next.screen());
                    }
                    _ => {
                        assert!(!accepted(&first).await && next.state().unfinished_creates() == 0, "{at}");
                        if let Some(second) = second {
                            assert!(!accepted(&second).await, "{at}");
                        }
                        assert_eq!(of(rotations(&ada.client).await).phase, Phase::Abandoned, "{at}");
                        // The rotation is started again from the old key.
                        let again =
                            UiHarness::open(ada).await.press(&format!("4/{name}<enter>R<enter>")).await;
                        let third = days.holder(again.secret.as_deref().unwrap());
                        assert!(!accepted(&first).await && accepted(&third).await, "{at}");
                        assert_eq!(of(rotations(&ada.client).await).phase, Phase::Drain, "{at}");
                    }
                }
                assert!(old.used().await, "{at}: the old key was cut off");
            }
        }
        days.server.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replacement_with_a_lost_secret_is_replaced() {
    for_each_database(async |database| {
        let days = Days::begin(database).await;
        let ada = &days.server.ada;
        let old = days.create("Press shop", None).await;
        assert!(old.used().await);
        let lost = UiHarness::open(ada).await.press("2R<enter><enter>sy").await;
        let lost = days.holder(lost.secret.as_deref().unwrap());
        let next = UiHarness::open(ada).await.press("4<enter>R<enter>").await;
        let next = days.holder(next.secret.as_deref().unwrap_or_else(|| panic!("{}", next.screen())));
        assert!(!accepted(&lost).await, "{}: two secrets live", database.name);
        assert_eq!(days.seen_by(ada).await.phase, Phase::Switch);
        assert!(accepted(&next).await && old.used().await, "{}", database.name);
        assert_eq!(days.seen_by(ada).await.phase, Phase::Drain);

        // Used while the popup was open, so some client has the secret.
        let again = days.create("Paint shop", None).await;
        let kept = UiHarness::open(ada).await.press("2/paint<enter>R<enter><enter>sy").await;
        let kept = days.holder(kept.secret.as_deref().unwrap());
        let popup = UiHarness::open(ada).await.press("4/phase:switch<enter><enter>R").await;
        assert!(popup.screen().contains("Replace the replacement"), "{}", popup.screen());
        assert!(accepted(&kept).await);
        let popup = popup.press("<enter>").await;
        assert!(popup.screen().contains("someone has its secret"), "{}", popup.screen());
        assert!(popup.secret.is_none() && accepted(&kept).await, "{}", database.name);
        drop(again);
        days.server.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leaked_key_is_revoked_and_replaced_wherever_the_program_crashes() {
    for_each_database(async |database| {
        let days = Days::begin(database).await;
        let ada = &days.server.ada;
        for crash_at in 1.. {
            let at = format!("{} dies at {crash_at}", database.name);
            let name = format!("leak-{}", char::from(b'a' + u8::try_from(crash_at).unwrap()));
            let old = days.create(&name, None).await;
            assert!(old.used().await);
            let mut screens = UiHarness::open(ada).await.press(&format!("2/{name}<enter>RL")).await;
            screens.crash_at = Some(crash_at);
            let four = old.key.last_four().to_owned();
            let crashed = screens.press(&four).await.press("<enter>").await;
            let survived = !crashed.has_crashed();
            assert_eq!(crashed.state().unfinished_creates(), 1, "{at}");
            // Whatever was done before, the next start issues one secret and revokes the leaked key.
            let next = UiHarness::resume(ada, crashed.end()).await.press(ANEW).await;
            let next =
                days.holder(next.secret.as_deref().unwrap_or_else(|| panic!("{at}: {}", next.screen())));
            assert!(accepted(&next).await && !old.used().await, "{at}");
            let mut all = rotations(&ada.client).await;
            all.retain(|rotation| rotation.old.id == old.key.id);
            assert!(all.len() == 1 && all[0].phase == Phase::Done, "{at}: {all:?}");
            assert_eq!(all[0].old.revoke_reason.as_deref(), Some("suspected leak"), "{at}");
            assert_eq!(logged(ada, old.key.id, Action::KeyRevoked).await.len(), 1, "{at}");
            if survived {
                assert!(crash_at > 4, "{at}: so few moments");
                break;
            }
        }
        days.server.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_admins_at_their_screens_one_succeeds_and_the_other_sees_who() {
    for_each_database(async |database| {
        let days = Days::begin(database).await;
        let ada = &days.server.ada;
        let ben = days.server.add_member("ben@plant.example", Role::Admin).await;
        let old = days.create("Press shop", None).await;
        assert!(old.used().await);
        // Both have the popup open that creates the replacement.
        let adas = UiHarness::open(ada).await.press("2R<enter>").await;
        let bens = UiHarness::open(&ben).await.press("2R<enter>").await;
        let (adas, bens) = (adas.press("<enter>").await, bens.press("<enter>").await);
        let new = days.holder(adas.secret.as_deref().unwrap());
        assert!(
            bens.secret.is_none() && bens.screen().contains("already being replaced"),
            "{}",
            bens.screen()
        );
        assert!(accepted(&new).await);
        days.pass(TimeDelta::days(3)).await;
        // Both have the popup open that revokes the old key.
        let adas = UiHarness::open(ada).await.press("4<enter>x").await;
        let bens = UiHarness::open(&ben).await.press("4<enter>x").await;
        let (adas, bens) = (adas.press("y").await, bens.press("y").await);
        assert!(adas.screen().contains("its next request gets 401"), "{}", adas.screen());
        assert!(bens.screen().contains("was already revoked by ada@plant.example"), "{}", bens.screen());
        assert_eq!(days.seen_by(&ben).await.phase, Phase::Done);
        assert_eq!(logged(ada, old.key.id, Action::KeyRevoked).await.len(), 1);
        days.server.stop().await;
    })
    .await;
}
