//! Replacing a leaked key, or a replacement whose secret is lost: never two active secrets, and the old key is always revoked.

use insta::assert_snapshot;
use keyward::domain::key::KeyKind;
use keyward::domain::member::Role;
use keyward::domain::time::TimeDelta;
use keyward::tui::msg::{RequestError, UnfinishedCreate};
use keyward::wire::keys::CreateKey;
use keyward::wire::problem::{Problem, ProblemType};

use super::driver::{Driver, start_options};
use super::key_fixtures::NOW;

const LEAKED_KEY_NAME: &str = "Werk München Leitstand";

/// Returns a driver with the popup for replacing a leaked key open and filled in.
fn filled_in_popup() -> Driver {
    let mut driver = Driver::with_size(80, 24).press("jRL");
    let last_four = driver.key_named(LEAKED_KEY_NAME).last_four().to_owned();
    driver.press(&last_four)
}

/// Returns the names of the requests that change data on the server.
fn changes_requested(driver: &Driver) -> Vec<&str> {
    let word = |request: &'_ String| request.split([' ', '(']).next().unwrap().len();
    let first_words = driver.requests.iter().map(|request| &request[..word(request)]);
    first_words.filter(|word| ["Create", "Revoke", "Confirm"].contains(word)).collect()
}

fn refusal(kind: ProblemType, detail: &str) -> RequestError {
    RequestError::Refused(Box::new(Problem::new(kind, detail)))
}

#[test]
fn a_leaked_key_is_replaced_and_revoked_in_one_popup() {
    assert_snapshot!(Driver::with_size(80, 24).press("jRL").screen());
    let mut driver = filled_in_popup().press("<enter>");
    assert_snapshot!(driver.screen());
    assert_eq!(changes_requested(&driver), ["Create", "Revoke"]);
    let old = driver.key_named(LEAKED_KEY_NAME).clone();
    assert_eq!(old.revoke_reason.as_deref(), Some("suspected leak"));
    let new = driver.key_named(&format!("{LEAKED_KEY_NAME} (2026-11)"));
    assert_eq!((new.replaces, new.revoked_at), (Some(old.id), None));
    let driver = driver.press("sy");
    assert!(driver.model.popup.is_none());
    assert_eq!(driver.effects.last().unwrap(), "pending dropped");
}

#[test]
fn the_last_four_characters_and_a_reason_are_required() {
    let driver = Driver::with_size(80, 24).press("jRL<enter>");
    assert!(driver.screen().contains("Type the last four"), "{}", driver.screen());
    let driver = filled_in_popup().press("<tab><ctrl-u><enter>");
    assert!(driver.screen().contains("Type a reason"), "{}", driver.screen());
    // The characters were typed before the popup was shown, so they are not accepted.
    let mut driver = Driver::with_size(80, 24).press("jR");
    let last_four = driver.key_named(LEAKED_KEY_NAME).last_four().to_owned();
    let driver = driver.press_in_one_frame(&format!("L{last_four}")).press("<enter>");
    assert!(driver.screen().contains("Type the last four"), "{}", driver.screen());
    assert!(changes_requested(&driver).is_empty());
}

#[test]
fn a_failed_revoke_is_reported_next_to_the_new_secret_and_retried() {
    let lost = RequestError::Unreachable("The server did not answer.".into());
    let driver =
        filled_in_popup().hold_replies().press("<enter>").release_batch().fail_next(lost.clone()).release();
    assert_snapshot!(driver.screen());
    // The secret is stored but the leaked key is still active, so the record stays for the next start.
    let driver = driver.press("wnew.key<enter>");
    assert!(driver.screen().contains("NOT revoked"), "{}", driver.screen());
    assert!(!driver.effects.iter().any(|effect| effect == "pending dropped"));
    let mut driver = driver.press("x");
    assert!(driver.screen().contains("The leaked key is revoked"), "{}", driver.screen());
    assert!(driver.key_named(LEAKED_KEY_NAME).revoked_at.is_some());
    assert!(driver.effects.iter().any(|effect| effect == "pending dropped"));
    assert_eq!(changes_requested(&driver), ["Create", "Revoke", "Confirm", "Revoke"]);
}

#[test]
fn a_leaked_key_can_be_revoked_even_if_its_replacement_is_refused() {
    let taken = refusal(ProblemType::ReplacesConflict, "The key is being replaced already.");
    let driver = filled_in_popup().fail_next(taken).press("<enter>");
    assert_snapshot!(driver.screen());
    let mut driver = driver.press("<enter>");
    assert!(driver.key_named(LEAKED_KEY_NAME).revoked_at.is_some());
    assert_eq!(changes_requested(&driver), ["Create", "Revoke"]);
    assert!(driver.model.popup.is_none());
}

#[test]
fn a_create_whose_response_was_lost_is_retried_with_the_same_idempotency_key() {
    let lost = RequestError::Unreachable("The server did not answer.".into());
    let mut driver = filled_in_popup().fail_next(lost).press("<enter>");
    assert!(driver.screen().contains("NOT revoked yet"), "{}", driver.screen());
    driver = driver.press("<enter>");
    assert!(driver.key_named(LEAKED_KEY_NAME).revoked_at.is_some());
    let creates: Vec<&String> =
        driver.requests.iter().filter(|request| request.starts_with("Create ")).collect();
    assert!(creates.len() == 2 && creates[0] == creates[1], "{creates:?}");
}

#[test]
fn an_interrupted_replacement_is_finished_at_the_next_start() {
    for (choice, expected) in [("1", ["Confirm", "Revoke"]), ("2", ["Create", "Revoke"])] {
        let mut start = start_options(80, 24);
        let old = super::key_fixtures::id(9);
        start.unfinished_creates = vec![UnfinishedCreate {
            idempotency_key: "tui-before".into(),
            kind: KeyKind::Organization,
            body: CreateKey { name: format!("{LEAKED_KEY_NAME} (2026-11)"), note: None, replaces: Some(old) },
            at: NOW.minus(TimeDelta::minutes(20)),
            member: super::key_fixtures::ada().id,
            key_id: Some(super::key_fixtures::id(10)),
            leaked: Some("found in a public repository".into()),
        }];
        let driver = Driver::with_options(start, Role::Admin);
        if choice == "1" {
            assert_snapshot!(driver.screen());
        }
        let mut driver = driver.press(choice).press("<enter>");
        assert_eq!(changes_requested(&driver), expected);
        let reason = driver.key_named(LEAKED_KEY_NAME).revoke_reason.clone();
        assert_eq!(reason.as_deref(), Some("found in a public repository"));
    }
}

/// Returns a driver with the wizard of the rotation whose new key was never used.
fn wizard_in_switch_phase() -> Driver {
    Driver::with_size(80, 24).press("4/phase:switch<enter><enter>")
}

#[test]
fn a_replacement_whose_secret_was_lost_is_replaced_in_one_popup() {
    let driver = wizard_in_switch_phase().press("R");
    assert_snapshot!(driver.screen());
    let driver = driver.press("<enter>");
    assert!(driver.screen().contains("Save your key"), "{}", driver.screen());
    assert_eq!(changes_requested(&driver), ["Revoke", "Create"]);
    assert!(
        driver
            .requests
            .iter()
            .any(|request| request.starts_with("Revoke ") && request.contains("unless_used_since: Some"))
    );
}

#[test]
fn a_replacement_that_was_used_in_the_meantime_is_kept() {
    let driver = wizard_in_switch_phase().press("R");
    let used = refusal(ProblemType::UsedSince, "The key was used since you looked.");
    let driver = driver.fail_next(used).press("<enter>");
    assert!(driver.screen().contains("someone has its secret"), "{}", driver.screen());
    assert_eq!(changes_requested(&driver), ["Revoke"]);
}
