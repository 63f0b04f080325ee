//! The Rotations tab, its wizard, and starting a rotation.

use insta::assert_snapshot;

use super::driver::Driver;

#[test]
fn rotations_are_listed_with_their_phases() {
    for (columns, rows) in [(80, 24), (120, 40), (60, 16)] {
        assert_snapshot!(Driver::with_size(columns, rows).press("4").screen());
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
        assert_snapshot!(
            Driver::with_size(80, 24).press("4").press(&"j".repeat(down)).press("<enter>").screen()
        );
    }
    assert_snapshot!(Driver::with_size(120, 40).press("4jj<enter>").screen());
    assert_snapshot!(Driver::with_size(60, 16).press("4jj<enter>").screen());
}

#[test]
fn a_ready_rotation_is_finished_with_one_letter_and_others_with_the_last_four_characters() {
    assert_snapshot!(Driver::with_size(80, 24).press("4x").screen());
    assert_snapshot!(Driver::with_size(80, 24).press("4jjx").screen());
}

#[test]
fn a_rotation_is_started_from_a_key() {
    assert_snapshot!(Driver::with_size(80, 24).press("R").screen());
    assert_snapshot!(Driver::with_size(80, 24).press("R<enter>").screen());
}
