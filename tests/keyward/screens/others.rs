//! Rotations, members and the activity log.

use insta::assert_snapshot;

use keyward::domain::member::Role;
use keyward::tui::context::StartOptions;
use keyward::tui::keymap::Keymap;

use super::driver::{Driver, start};

#[test]
fn rotations_say_where_they_stand() {
    for (columns, rows) in [(80, 24), (120, 40), (60, 16)] {
        assert_snapshot!(Driver::at(columns, rows).press("4").screen());
    }
}

#[test]
fn rotations_are_filtered() {
    let driver = Driver::new().press("4/phase:ready mes<enter>");
    assert!(
        driver.screen().contains("1/1") && driver.screen().contains("MES gateway line 1"),
        "{}",
        driver.screen()
    );
    assert!(driver.press("<esc>").screen().contains("1/5"));
}

#[test]
fn the_wizard_shows_each_phase() {
    for down in 0..5 {
        assert_snapshot!(Driver::at(80, 24).press("4").press(&"j".repeat(down)).press("<enter>").screen());
    }
    assert_snapshot!(Driver::at(120, 40).press("4jj<enter>").screen());
    assert_snapshot!(Driver::at(60, 16).press("4jj<enter>").screen());
}

#[test]
fn the_old_key_goes_by_one_letter_when_ready_and_by_four_letters_before() {
    assert_snapshot!(Driver::at(80, 24).press("4x").screen());
    assert_snapshot!(Driver::at(80, 24).press("4jjx").screen());
}

#[test]
fn a_rotation_begins_on_a_key() {
    assert_snapshot!(Driver::at(80, 24).press("R").screen());
    assert_snapshot!(Driver::at(80, 24).press("R<enter>").screen());
}

#[test]
fn members_with_what_hangs_on_them() {
    for (columns, rows) in [(80, 24), (120, 40), (60, 16)] {
        assert_snapshot!(Driver::at(columns, rows).press("5").screen());
    }
    assert_snapshot!(Driver::new().press("5<enter>").screen());
    assert_snapshot!(Driver::new().press("5/status:removed").screen());
}

#[test]
fn an_invitation_shows_its_code_once() {
    assert_snapshot!(Driver::new().press("5ifay@plant.example").screen());
    let driver = Driver::new().press("5ifay@plant.example<enter>");
    assert!(!driver.screen().contains("inv_0123456789"));
    let driver = driver.press("v");
    assert_snapshot!(driver.screen());
    let driver = driver.wait(21_000);
    assert!(!driver.screen().contains("inv_0123456789"));
    assert!(driver.press("y").done.iter().any(|done| done == "copy inv_0123456789"));
}

#[test]
fn a_role_is_changed_after_its_consequences_were_shown() {
    assert_snapshot!(Driver::new().press("5je<down>").screen());
    let driver = Driver::new().press("5je<down><enter>");
    assert!(driver.screen().contains("Ben Bar is operator now"), "{}", driver.screen());
}

#[test]
fn removing_a_member_shows_what_dies_and_leads_into_the_review() {
    let driver = Driver::new().press("5jjjx");
    assert_snapshot!(driver.screen());
    let driver = driver.press("y<enter>");
    assert!(driver.screen().contains("Type remove 2 to go on"), "{}", driver.screen());
    let driver = driver.press("<backspace>remove 2<enter>");
    assert_snapshot!(driver.screen());
    let driver = driver.press("<enter>");
    assert!(driver.screen().contains("Backup job"), "{}", driver.screen());
    assert!(driver.screen().contains("owner:\"dan@plant.example\""), "{}", driver.screen());
}

#[test]
fn members_are_sorted_by_the_same_menu_as_keys() {
    let driver = Driver::new().press("5s");
    assert_snapshot!(driver.screen());
    let first = |driver: &Driver| driver.screen().lines().nth(4).unwrap().to_owned();
    let driver = driver.press("2");
    assert!(
        first(&driver).contains("ada@plant.example") || first(&driver).contains("Ada Ampere"),
        "{}",
        driver.screen()
    );
    let driver = driver.press("ss");
    assert!(first(&driver).contains("eve@plant.example"), "{}", driver.screen());
}

#[test]
fn removing_takes_the_key_that_is_bound_to_yes() {
    let removed = |driver: &Driver| driver.screen().contains("Removed eve");
    let at_eve = |keymap: &[(&str, &str)]| {
        let own = keymap.iter().map(|&(action, key)| (action.to_owned(), vec![key.to_owned()])).collect();
        let start = StartOptions { keymap: Keymap::new(&own).unwrap(), ..start(80, 24) };
        Driver::with(start, Role::Admin).press("5/eve<enter>x")
    };
    assert!(removed(&at_eve(&[]).press("y")));
    let driver = at_eve(&[("yes", "Z")]).press("y");
    assert!(!removed(&driver) && driver.screen().contains("Z remove"), "{}", driver.screen());
    assert!(removed(&driver.press("Z")));
    // The focus is on Cancel.
    assert!(at_eve(&[]).press("<enter>").model.popup.is_none());
}

#[test]
fn the_log_loads_older_rows_as_one_scrolls_and_leads_to_the_key() {
    for (columns, rows) in [(80, 24), (120, 40), (60, 16)] {
        assert_snapshot!(Driver::at(columns, rows).press("6").screen());
    }
    let driver = Driver::new().press("6");
    assert!(driver.screen().contains("1/200"), "{}", driver.screen());
    let driver = driver.press("GGG");
    assert!(driver.screen().contains("450/450"), "{}", driver.screen());
    let driver = driver.press("gg<enter>");
    assert!(
        driver.screen().lines().any(|line| line.starts_with('▶') && line.contains("Backup job")),
        "{}",
        driver.screen()
    );
}

#[test]
fn the_log_is_filtered_to_its_end() {
    let driver = Driver::new().press("6/action:refused<enter>");
    assert!(driver.screen().contains("/112"), "{}", driver.screen());
}
