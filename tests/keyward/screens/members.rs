//! The Members tab: inviting, changing roles, removing.

use insta::assert_snapshot;

use keyward::domain::member::Role;
use keyward::tui::context::StartOptions;
use keyward::tui::keymap::Keymap;

use super::driver::{Driver, start_options};

#[test]
fn members_are_listed_with_their_keys() {
    for (columns, rows) in [(80, 24), (120, 40), (60, 16)] {
        assert_snapshot!(Driver::with_size(columns, rows).press("5").screen());
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
    let driver = driver.advance_ms(21_000);
    assert!(!driver.screen().contains("inv_0123456789"));
    assert!(driver.press("y").effects.iter().any(|effect| effect == "copy inv_0123456789"));
}

#[test]
fn a_role_change_shows_its_consequences_first() {
    assert_snapshot!(Driver::new().press("5je<down>").screen());
    let driver = Driver::new().press("5je<down><enter>");
    assert!(driver.screen().contains("Ben Bar is now operator"), "{}", driver.screen());
}

#[test]
fn removing_a_member_lists_the_revoked_keys_and_leads_to_the_review() {
    let driver = Driver::new().press("5jjjx");
    assert_snapshot!(driver.screen());
    let driver = driver.press("y<enter>");
    assert!(driver.screen().contains("Type remove 2 to continue"), "{}", driver.screen());
    let driver = driver.press("<backspace>remove 2<enter>");
    assert_snapshot!(driver.screen());
    let driver = driver.press("<enter>");
    assert!(driver.screen().contains("Backup job"), "{}", driver.screen());
    assert!(driver.screen().contains("owner:\"dan@plant.example\""), "{}", driver.screen());
}

#[test]
fn members_are_sorted_with_the_sort_menu() {
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
fn removing_a_member_is_confirmed_with_the_key_bound_to_yes() {
    let removed = |driver: &Driver| driver.screen().contains("Removed eve");
    let at_eve = |keymap: &[(&str, &str)]| {
        let own = keymap.iter().map(|&(action, key)| (action.to_owned(), vec![key.to_owned()])).collect();
        let start = StartOptions { keymap: Keymap::new(&own).unwrap(), ..start_options(80, 24) };
        Driver::with_options(start, Role::Admin).press("5/eve<enter>x")
    };
    assert!(removed(&at_eve(&[]).press("y")));
    let driver = at_eve(&[("yes", "Z")]).press("y");
    assert!(!removed(&driver) && driver.screen().contains("Z remove"), "{}", driver.screen());
    assert!(removed(&driver.press("Z")));
    // Enter presses Cancel, which has the focus.
    assert!(at_eve(&[]).press("<enter>").model.popup.is_none());
}
