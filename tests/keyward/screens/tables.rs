//! The key tables: layout, filters, refreshes.

use insta::assert_snapshot;

use keyward::domain::key::KeyKind;
use keyward::domain::member::Role;
use keyward::domain::time::TimeDelta;
use keyward::tui::msg::RequestError;

use super::driver::{Driver, ascii_mono_theme, start_options};

#[test]
fn an_admin_starts_on_the_workspace_tab() {
    assert_snapshot!(Driver::new().screen());
    assert_snapshot!(Driver::with_size(120, 40).advance_ms(300).screen());
    assert_snapshot!(Driver::with_size(60, 16).screen());
    assert_snapshot!(Driver::with_size(140, 18).advance_ms(300).screen());
    assert_snapshot!(Driver::with_size(40, 10).screen());
}

#[test]
fn details_are_shown_beside_below_or_over_the_table() {
    assert_snapshot!(Driver::with_size(120, 40).press("jjjjj<enter>").advance_ms(300).screen());
    assert_snapshot!(Driver::with_size(80, 50).press("jjjjj<enter>").advance_ms(300).screen());
    assert_snapshot!(Driver::new().press("jjjjj<enter>").advance_ms(300).screen());
}

#[test]
fn empty_tables_say_what_to_do_next() {
    let driver = |role| Driver::with_held_replies(start_options(80, 24), role);
    assert_snapshot!(driver(Role::Admin).hold_replies().advance_ms(250).screen());
    assert_snapshot!(driver(Role::Normal).release().press("2").screen());
    let mut empty = driver(Role::Operator);
    empty.keys.clear();
    assert_snapshot!(empty.release().screen());
    let down = "The server at keys.plant.example does not answer. Check that it runs.";
    assert_snapshot!(Driver::new().fail_next(RequestError::Unreachable(down.into())).press("r").screen());
}

#[test]
fn a_slow_refresh_dims_the_rows_and_shows_a_spinner() {
    use ratatui::style::Modifier;
    let dim = |driver: &Driver| driver.buffer()[(6, 4)].modifier.contains(Modifier::DIM);
    let driver = Driver::new().hold_replies().press("r").advance_ms(150);
    assert!(!driver.screen().contains("looking") && !dim(&driver), "{}", driver.screen());
    let driver = driver.advance_ms(150);
    assert!(driver.screen().contains("checking for changes") && dim(&driver), "{}", driver.screen());
    let spinner = |driver: &Driver| driver.buffer()[(1, 2)].symbol().to_owned();
    let first = spinner(&driver);
    let driver = driver.advance_ms(250);
    assert_ne!(spinner(&driver), first);
    let driver = driver.release();
    assert!(!driver.screen().contains("looking") && !dim(&driver), "{}", driver.screen());
    // A background refresh changes nothing on the screen.
    let driver = driver.hold_replies().advance_ms(9_000);
    assert!(!driver.screen().contains("looking") && !dim(&driver), "{}", driver.screen());
}

#[test]
fn a_filter_narrows_the_table_while_typing() {
    let driver = Driver::new().press("/sa");
    assert_snapshot!(driver.screen());
    assert_snapshot!(driver.press("<esc>/owner:removed<enter>").screen());
    assert_snapshot!(Driver::new().press("/idle:soon").screen());
    assert_snapshot!(Driver::new().press("/nothing<enter>").screen());
}

#[test]
fn rows_are_distinct_without_colour_and_unicode() {
    let mut start = start_options(80, 24);
    start.theme = ascii_mono_theme();
    assert_snapshot!(Driver::with_options(start, Role::Admin).press("j ").screen());
}

#[test]
fn a_refresh_keeps_the_same_key_selected() {
    let mut driver = Driver::new().press("jjj");
    let before = driver.model.selected_key().unwrap().id;
    let newer = super::key_fixtures::key(90, KeyKind::Organization, "Newest", TimeDelta::zero(), None);
    driver.keys.insert(0, newer);
    let driver = driver.advance_ms(5_000);
    assert_eq!(driver.model.selected_key().unwrap().id, before);
    assert_eq!(driver.model.screens.workspace.list.table.selected_index(), 4);
}

#[test]
fn a_refresh_without_changes_redraws_no_cell() {
    let driver = Driver::new().press("jj");
    let before = driver.buffer().clone();
    let driver = driver.advance_ms(4_000).advance_ms(1_500);
    assert_eq!(before.diff(driver.buffer()).len(), 0);
}

#[test]
fn only_background_refreshes_may_defer_the_redraw() {
    let mut driver = Driver::new().press("jj");
    driver.deferrable.clear();
    let mut driver = driver.advance_ms(5_000);
    assert!(!driver.deferrable.is_empty() && driver.deferrable.iter().all(|waits| *waits));
    driver.deferrable.clear();
    let driver = driver.press("xy");
    assert!(
        driver.deferrable.contains(&false),
        "the reply to {:?} must be drawn at once",
        driver.requests.last()
    );
}

#[test]
fn pasting_into_the_table_triggers_nothing() {
    let mut driver = Driver::new().paste("xy").press_in_one_frame("jj").resize(120, 40);
    driver.key_named("Backup job").name = "Backup job, nightly".to_owned();
    assert!(driver.effects.is_empty());
}
