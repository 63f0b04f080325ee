//! The server is unreachable for a while: rows stay on the screen, and everything recovers without a key press.

use keyward::domain::member::Role;
use keyward::tui::msg::RequestError;
use keyward::wire::problem::{Problem, ProblemType};

use super::driver::{Driver, start_options};

fn unreachable_error() -> RequestError {
    RequestError::Unreachable("keys.plant.example refused the connection".to_owned())
}

/// Fails the next `times` requests.
fn fail_requests(driver: Driver, times: usize) -> Driver {
    (0..times).fold(driver, |driver, _| driver.fail_next(unreachable_error()))
}

#[test]
fn the_account_and_the_keys_are_reloaded_after_an_outage() {
    use super::driver::start_options;
    use keyward::domain::member::Role;
    let driver = fail_requests(Driver::with_held_replies(start_options(80, 24), Role::Admin), 2).release();
    assert!(driver.screen().contains("refused the connection"));
    let driver = driver.advance_ms(11_000);
    assert!(driver.model.selected_key().is_some(), "{}", driver.screen());
    // The account loads, but the first key list fails.
    let driver = Driver::with_held_replies(start_options(80, 24), Role::Admin).hold_replies().release_batch();
    let driver = fail_requests(driver, 2).release();
    assert!(driver.model.selected_key().is_none());
    assert!(driver.screen().contains("refused the connection"), "{}", driver.screen());
    let driver = driver.advance_ms(11_000);
    assert!(driver.model.selected_key().is_some(), "{}", driver.screen());
    assert!(!driver.screen().contains("refused the connection"), "{}", driver.screen());
}

#[test]
fn every_other_tab_is_reloaded_after_an_outage() {
    for tab in ["4", "5", "6"] {
        let whole = Driver::new().press(tab).screen();
        let driver = fail_requests(Driver::new(), 1).press(tab);
        assert_ne!(driver.screen(), whole);
        assert!(driver.screen().contains("refused the connection"), "{}", driver.screen());
        let driver = fail_requests(driver, 1).advance_ms(15_500);
        assert!(!driver.screen().contains("refused the connection"), "{tab}: {}", driver.screen());
        let screen = driver.model.screens.get(driver.model.tab);
        assert!(screen.table().position().shown > 0, "{tab}: {}", driver.screen());
    }
}

#[test]
fn rows_stay_visible_while_the_server_is_unreachable() {
    let driver = Driver::new();
    let before = driver.model.selected_key().unwrap().id;
    let driver = fail_requests(driver, 3).advance_ms(11_000);
    assert_eq!(driver.model.selected_key().unwrap().id, before);
    assert!(driver.screen().contains("refused the connection"), "{}", driver.screen());
    assert!(!driver.advance_ms(20_000).screen().contains("refused the connection"));
}

#[test]
fn a_changed_role_is_noticed_on_the_next_request() {
    let mut driver = Driver::with_options(start_options(80, 24), Role::Normal).press("2");
    assert!(driver.screen().contains("may not see organization keys"), "{}", driver.screen());
    driver.role = Role::Admin;
    let driver = driver.press("12");
    assert!(
        driver.screen().contains("(admin)") && driver.screen().contains("Backup job"),
        "{}",
        driver.screen()
    );
    let mut driver = driver.press("5");
    driver.role = Role::Normal;
    let denied =
        RequestError::Refused(Box::new(Problem::new(ProblemType::NotPermitted, "Your role may not.")));
    let driver = driver.fail_next(denied).press("ieva@plant.example<enter>");
    assert!(driver.screen().contains("(normal)"), "{}", driver.screen());
}
