//! The Activity tab.

use insta::assert_snapshot;

use super::driver::Driver;

#[test]
fn the_activity_log_loads_older_rows_while_scrolling_and_opens_keys() {
    for (columns, rows) in [(80, 24), (120, 40), (60, 16)] {
        assert_snapshot!(Driver::with_size(columns, rows).press("6").screen());
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
fn the_filter_searches_the_whole_activity_log() {
    let driver = Driver::new().press("6/action:refused<enter>");
    assert!(driver.screen().contains("/112"), "{}", driver.screen());
}
