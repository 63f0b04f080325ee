//! The tables of keys.

use insta::assert_snapshot;

use keyward::domain::key::Kind;
use keyward::domain::member::Role;
use keyward::tui::msg::RequestError;

use super::driver::{Driver, plain, start};

#[test]
fn an_admin_opens_on_the_workspace() {
    assert_snapshot!(Driver::new().screen());
    assert_snapshot!(Driver::at(120, 40).wait(300).screen());
    assert_snapshot!(Driver::at(60, 16).screen());
    assert_snapshot!(Driver::at(140, 18).wait(300).screen());
    assert_snapshot!(Driver::at(40, 10).screen());
}

#[test]
fn the_details_stand_beside_below_or_over_the_table() {
    assert_snapshot!(Driver::at(120, 40).press("jjjjj<enter>").wait(300).screen());
    assert_snapshot!(Driver::at(80, 50).press("jjjjj<enter>").wait(300).screen());
    assert_snapshot!(Driver::new().press("jjjjj<enter>").wait(300).screen());
}

#[test]
fn loading_empty_failed_and_not_permitted_say_what_to_do_next() {
    let driver = |role| Driver::prepare(start(80, 24), role);
    assert_snapshot!(driver(Role::Admin).holding().wait(250).screen());
    assert_snapshot!(driver(Role::Normal).go().press("2").screen());
    let mut empty = driver(Role::Operator);
    empty.keys.clear();
    assert_snapshot!(empty.go().screen());
    let down = "The server at keys.plant.example does not answer. Check that it runs.";
    assert_snapshot!(Driver::new().failing(RequestError::Unreachable(down.into())).press("r").screen());
}

#[test]
fn while_a_refresh_lets_one_wait_the_rows_are_dimmed_and_a_spinner_turns() {
    use ratatui::style::Modifier;
    let dim = |driver: &Driver| driver.buffer()[(6, 4)].modifier.contains(Modifier::DIM);
    let driver = Driver::new().holding().press("r").wait(150);
    assert!(!driver.screen().contains("looking") && !dim(&driver), "{}", driver.screen());
    let driver = driver.wait(150);
    assert!(driver.screen().contains("looking for changes") && dim(&driver), "{}", driver.screen());
    let spinner = |driver: &Driver| driver.buffer()[(1, 2)].symbol().to_owned();
    let first = spinner(&driver);
    let driver = driver.wait(250);
    assert_ne!(spinner(&driver), first);
    let driver = driver.go();
    assert!(!driver.screen().contains("looking") && !dim(&driver), "{}", driver.screen());
    // A look for changes that nobody asked for disturbs nobody.
    let driver = driver.holding().wait(9_000);
    assert!(!driver.screen().contains("looking") && !dim(&driver), "{}", driver.screen());
}

#[test]
fn a_filter_narrows_as_one_types() {
    let driver = Driver::new().press("/sa");
    assert_snapshot!(driver.screen());
    assert_snapshot!(driver.press("<esc>/owner:removed<enter>").screen());
    assert_snapshot!(Driver::new().press("/idle:soon").screen());
    assert_snapshot!(Driver::new().press("/nothing<enter>").screen());
}

#[test]
fn without_colour_and_unicode_everything_is_still_told_apart() {
    let mut start = start(80, 24);
    start.theme = plain();
    assert_snapshot!(Driver::with(start, Role::Admin).press("j ").screen());
}

#[test]
fn a_refresh_keeps_the_selection_on_its_key() {
    let mut driver = Driver::new().press("jjj");
    let before = driver.model.selected().unwrap().id;
    let newer = super::fleet::key(90, Kind::Organization, "Newest", 0, None);
    driver.keys.insert(0, newer);
    let driver = driver.wait(5_000);
    assert_eq!(driver.model.selected().unwrap().id, before);
    assert_eq!(driver.model.table().unwrap().table.selected_index(), 4);
}

#[test]
fn a_refresh_without_news_changes_no_cell() {
    let driver = Driver::new().press("jj");
    let before = driver.buffer().clone();
    let driver = driver.wait(4_000).wait(1_500);
    assert_eq!(before.diff(driver.buffer()).len(), 0);
}

#[test]
fn only_news_that_nobody_asked_for_wait_for_the_next_frame() {
    let mut driver = Driver::new().press("jj");
    driver.could_wait.clear();
    let mut driver = driver.wait(5_000);
    assert!(!driver.could_wait.is_empty() && driver.could_wait.iter().all(|waits| *waits));
    driver.could_wait.clear();
    let driver = driver.press("xy");
    assert!(
        driver.could_wait.contains(&false),
        "somebody waits for what {:?} is answered",
        driver.asked.last()
    );
}

#[test]
fn pasting_into_the_table_presses_nothing() {
    let mut driver = Driver::new().paste("xy").press_at_once("jj").resize(120, 40);
    driver.named("Backup job").name = "Backup job, nightly".to_owned();
    assert!(driver.done.is_empty());
}
