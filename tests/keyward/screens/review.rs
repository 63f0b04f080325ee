//! The Review tab: deciding, applying, and the drafts that survive a restart.

use insta::assert_snapshot;
use keyward::domain::key::{Key, KeyKind};
use keyward::domain::member::Role;
use keyward::domain::time::TimeDelta;
use keyward::tui::msg::RequestError;
use keyward::wire::problem::{Problem, ProblemType};

use super::driver::{Driver, start_options};
use super::key_fixtures::{NOW, key};

fn stale_keys(count: u16) -> Vec<Key> {
    (0..count)
        .map(|n| {
            key(
                100 + n,
                KeyKind::Organization,
                &format!("Stale {n:02}"),
                TimeDelta::days(300),
                Some((TimeDelta::days(i64::from(100 + n)), "curl/8.5.0")),
            )
        })
        .collect()
}

fn review_of(keys: Vec<Key>) -> Driver {
    let mut driver = Driver::with_held_replies(start_options(80, 24), Role::Admin);
    driver.keys = keys;
    driver.release()
}

/// Returns the content of the drafts file after the effects of the driver.
fn saved_drafts(driver: &Driver) -> String {
    let mut saved = String::new();
    for effect in &driver.effects {
        let text = |name| {
            Some(serde_json::from_str::<String>(effect.strip_prefix(name)?.strip_suffix(')')?).unwrap())
        };
        if let Some(whole) = text("SaveDrafts(") {
            saved = whole;
        }
        saved.extend(text("AppendDrafts("));
    }
    saved
}

#[test]
fn the_queue_lists_the_riskiest_keys_first_with_their_reasons() {
    for (columns, rows) in [(80, 24), (120, 40), (60, 16)] {
        assert_snapshot!(Driver::with_size(columns, rows).press("3").screen());
    }
}

#[test]
fn decisions_are_shown_in_the_row_of_the_key() {
    assert_snapshot!(Driver::new().press("3xSRK").screen());
    assert_snapshot!(Driver::new().press("3xSRKstill needed<enter>").screen());
    assert_snapshot!(Driver::new().press("3xSRKstill needed<enter>A").screen());
}

#[test]
fn twenty_keys_are_reviewed_with_at_most_45_key_presses() {
    let mut presses = 0;
    let mut press = |driver: Driver, keys: &str| {
        presses += keys.replace("<enter>", "E").chars().count();
        driver.press(keys)
    };
    let mut driver = press(review_of(stale_keys(20)), "3");
    driver = press(driver, &"x".repeat(15));
    for _ in 0..3 {
        // The text of notes is not counted.
        driver = press(driver, "K").press("asked, still needed");
        driver = press(driver, "<enter>");
    }
    driver = press(driver, "RSA").press("revoke 15");
    driver = press(driver, "<enter>");
    driver = press(driver, "q");
    assert_eq!(driver.reviews.len(), 20);
    assert_eq!(driver.keys.iter().filter(|key| key.revoked_at.is_some()).count(), 15);
    assert!(presses <= 45, "{presses} presses");
}

#[test]
fn revoking_one_unused_key_is_confirmed_with_a_letter_and_several_with_their_count() {
    let driver = review_of(stale_keys(3)).press("3xAy");
    assert_eq!(driver.reviews.len(), 1);
    let driver = review_of(stale_keys(3)).press("3axArevoke 2<enter>");
    assert_eq!(driver.reviews.len(), 0);
    assert!(driver.screen().contains("Type revoke 3 to continue"), "{}", driver.screen());
    let driver = driver.press("<backspace>3<enter>");
    assert_eq!(driver.reviews.len(), 3);
    assert_snapshot!(driver.screen());
}

#[test]
fn pasted_text_revokes_nothing() {
    let driver = review_of(stale_keys(3)).press("3").press_in_one_frame("xAy");
    assert_eq!(driver.reviews.len(), 0);
}

#[test]
fn a_key_used_since_the_decision_is_kept_and_its_client_is_named() {
    let mut driver = review_of(stale_keys(2)).press("3xxA");
    let used = driver.key_named("Stale 01");
    used.last_used_at = Some(NOW.plus(TimeDelta::minutes(4)));
    let driver = driver.press("revoke 2<enter>");
    assert_eq!(driver.reviews.len(), 1);
    assert_snapshot!(driver.screen());
    assert_snapshot!(driver.press("<esc>").screen());
}

#[test]
fn keys_in_use_are_not_revoked() {
    let mut keys = stale_keys(2);
    keys[0].last_used_at = Some(NOW.minus(TimeDelta::minutes(12)));
    keys[0].created_at = NOW.minus(TimeDelta::days(400));
    let driver = review_of(keys).press("3xxA");
    assert!(driver.screen().contains("1 key will not be changed"), "{}", driver.screen());
    assert_eq!(driver.press("y").reviews.len(), 1);
}

#[test]
fn a_key_revoked_by_another_admin_needs_no_decision() {
    let mut driver = review_of(stale_keys(2)).press("3x");
    driver.key_named("Stale 01").revoked_at = Some(NOW);
    driver.key_named("Stale 01").version = 2;
    let driver = driver.advance_ms(6_000).press("A");
    assert!(driver.screen().contains("1 key already revoked"), "{}", driver.screen());
    let driver = driver.press("y");
    assert!(driver.reviews.is_empty() && !driver.screen().contains("Decided:"), "{}", driver.screen());
}

#[test]
fn undo_reverts_one_step() {
    let driver = review_of(stale_keys(3)).press("3ax");
    assert!(driver.screen().contains("revoke 3"), "{}", driver.screen());
    let driver = driver.press("u");
    assert!(!driver.screen().contains("Decided:"), "{}", driver.screen());
}

#[test]
fn drafts_survive_a_restart_and_no_decision_is_applied_twice() {
    let driver = review_of(stale_keys(3)).press("3xKbecause<enter>");
    let (drafts, keys) = (saved_drafts(&driver), driver.keys.clone());
    let restart = |reviews| {
        let mut driver = Driver::with_held_replies(
            keyward::tui::context::StartOptions { drafts: drafts.clone(), ..start_options(80, 24) },
            Role::Admin,
        );
        driver.keys.clone_from(&keys);
        driver.reviews = reviews;
        driver.release().press("3")
    };
    let resumed = restart(Vec::new());
    assert!(resumed.screen().contains("Decided: revoke 1, keep 1"), "{}", resumed.screen());
    let applied = resumed.press("Ay");
    assert_eq!(applied.reviews.len(), 2);
    // If keyward is killed after the server applied the decisions but before it saved the replies, the server's records clear the drafts.
    let killed = restart(applied.reviews.clone());
    assert!(!killed.screen().contains("Decided:"), "{}", killed.screen());
}

#[test]
fn decisions_that_were_not_applied_stay_drafts_after_a_lost_connection() {
    let lost = RequestError::Unreachable("The server did not answer.".into());
    let driver = review_of(stale_keys(12)).press("3axArevoke 12").fail_next(lost).press("<enter>");
    assert!(driver.reviews.len() < 12);
    let done = driver.reviews.len();
    let driver = driver.press("<esc>");
    assert!(driver.screen().contains(&format!("Decided: revoke {}", 12 - done)), "{}", driver.screen());
}

#[test]
fn the_preview_opens_once_earlier_decisions_are_loaded() {
    let mut driver = Driver::with_held_replies(start_options(80, 24), Role::Admin);
    driver.keys = stale_keys(3);
    // Releases the account and the keys, but not the earlier decisions.
    let driver = driver.hold_replies().release_batch().release_batch().press("3xA");
    assert!(driver.screen().contains("the preview will open when that is done"), "{}", driver.screen());
    assert!(driver.model.popup.is_none());
    let driver = driver.release();
    assert!(driver.screen().contains("1 key will be revoked"), "{}", driver.screen());
}

#[test]
fn the_preview_opens_once_the_keys_are_loaded() {
    let first = review_of(stale_keys(3)).press("3x");
    let start = keyward::tui::context::StartOptions { drafts: saved_drafts(&first), ..start_options(80, 24) };
    let mut driver = Driver::with_held_replies(start, Role::Admin);
    driver.keys = stale_keys(3);
    // The tab is opened before the keys have arrived, and the earlier decisions arrive before the keys.
    let driver = driver.hold_replies().release_batch().press("3").release_only("List(Reviews").press("A");
    assert!(driver.screen().contains("the preview will open when that is done"), "{}", driver.screen());
    let driver = driver.release();
    assert!(driver.screen().contains("1 key will be revoked"), "{}", driver.screen());
}

#[test]
fn kept_keys_leave_the_queue() {
    let driver = review_of(stale_keys(3)).press("3K<enter>Ay<esc>");
    assert!(driver.screen().contains("2 to review"), "{}", driver.screen());
}

#[test]
fn an_invalid_filter_points_at_the_mistake() {
    let driver = review_of(stale_keys(3)).press("3/idle:>9q");
    assert_snapshot!(driver.screen().lines().nth(8).unwrap());
}

#[test]
fn the_export_is_written_and_recorded() {
    let driver = review_of(stale_keys(3)).press("3xAy<esc>E");
    assert_snapshot!(driver.screen());
    let driver = driver.press("<enter>");
    let written =
        driver.effects.iter().find(|effect| effect.starts_with("write # Review of API keys")).unwrap();
    assert!(written.ends_with("to keyward-review-2026-11-18.md"));
    assert!(driver.screen().contains("Recorded 1"), "{}", driver.screen());
}

#[test]
fn only_failed_decisions_are_retried() {
    let busy =
        || RequestError::Refused(Box::new(Problem::new(ProblemType::OutcomeUnknown, "The server is busy.")));
    let mut driver = review_of(stale_keys(4)).press("3axArevoke 4");
    driver.failures.extend([busy(), busy()]);
    driver.requests.clear();
    let mut driver = driver.press("<enter>");
    assert_snapshot!(driver.screen());
    let first: Vec<String> = std::mem::take(&mut driver.requests);
    assert_eq!((first.len(), driver.reviews.len()), (4, 2));
    let driver = driver.press("<enter>");
    assert_eq!(driver.reviews.len(), 4);
    // The retry sends the same two requests with the same idempotency keys, so that nothing is applied twice.
    assert_eq!(driver.requests, first[..2]);
    assert!(!driver.press("<esc>").screen().contains("Decided:"));
}

#[test]
fn a_decision_appends_one_line_to_the_drafts() {
    let mut driver = review_of(stale_keys(3_000)).press("3ax");
    let new_effects = |driver: &mut Driver| -> Vec<String> {
        std::mem::take(&mut driver.effects).into_iter().filter(|effect| effect.contains("Drafts(")).collect()
    };
    assert!(new_effects(&mut driver)[0].starts_with("SaveDrafts("));
    let mut driver = driver.press("SuS");
    let lines = new_effects(&mut driver);
    assert_eq!(lines.len(), 3);
    assert!(lines.iter().all(|line| line.starts_with("AppendDrafts(") && line.len() < 300), "{lines:?}");
}

#[test]
fn a_truncated_draft_file_loses_only_its_last_line() {
    let driver = review_of(stale_keys(4)).press("3xxS");
    let whole = saved_drafts(&driver);
    let torn = &whole[..whole.len() - 9];
    let resume = |drafts: &str| {
        let start =
            keyward::tui::context::StartOptions { drafts: drafts.to_owned(), ..start_options(80, 24) };
        let mut driver = Driver::with_held_replies(start, Role::Admin);
        driver.keys.clone_from(&review_of(stale_keys(4)).keys);
        driver.release().press("3")
    };
    let resumed = resume(torn);
    assert!(resumed.screen().contains("Decided: revoke 2."), "{}", resumed.screen());
    // A line appended to a truncated one would be lost with it, so the next change rewrites the file.
    let again = resume(&saved_drafts(&resumed.press("S")));
    assert!(again.screen().contains("Decided: revoke 2, skip 1."), "{}", again.screen());
}
