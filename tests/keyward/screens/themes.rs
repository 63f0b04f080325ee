//! Rows in use, stale, orphaned and selected rows are distinct in every theme, not only by colour.

use keyward::domain::key::KeyKind;
use keyward::domain::member::Role;
use keyward::domain::time::{HOUR, TimeDelta};
use keyward::tui::context::StartOptions;
use keyward::tui::theme::{ColorScheme, Theme};
use ratatui::style::Modifier;

use super::driver::{Driver, start_options};
use super::key_fixtures;

const KEY_NAMES: [&str; 6] = ["selected", "live", "stale", "orphaned", "orphaned, live", "plain"];

/// Returns a driver with one key for each name in [`KEY_NAMES`], in this order, with the first row selected.
fn driver_with_each_kind(theme: Theme, columns: u16) -> Driver {
    let mut driver =
        Driver::with_held_replies(StartOptions { theme, ..start_options(columns, 24) }, Role::Admin);
    let removed_member = key_fixtures::member(9, "Gone Gauss", Some(3));
    let used = |ago: TimeDelta| Some((ago, "Grafana/11.4.0"));
    let quiet = used(TimeDelta::days(9));
    driver.keys = KEY_NAMES
        .iter()
        .zip(40_u16..)
        .map(|(name, n)| {
            let used = match *name {
                "live" | "orphaned, live" => used(HOUR),
                "stale" => used(TimeDelta::days(200)),
                _ => quiet,
            };
            let mut key = key_fixtures::key(
                n,
                KeyKind::Organization,
                name,
                TimeDelta::days(210) + TimeDelta::milliseconds(i64::from(n)),
                used,
            );
            // The rows differ only in their names and markers.
            "sk_…AAAA".clone_into(&mut key.masked);
            if name.starts_with("orphaned") {
                key.created_by = removed_member.clone();
            }
            key
        })
        .collect();
    driver.release()
}

/// Returns the markers before the name of a row, with their modifiers but without colours.
fn markers(driver: &Driver, name: &str) -> Vec<(String, Modifier)> {
    let buf = driver.buffer();
    let row = |y: u16| (0..buf.area.width).map(|x| buf[(x, y)].symbol()).collect::<String>();
    // The masked secret appears only in table rows.
    let is_row = |y: u16| row(y).contains("AAAA") && row(y).contains(&format!(" {name}  "));
    let y = (0..buf.area.height).find(|&y| is_row(y)).unwrap_or_else(|| panic!("{}", driver.screen()));
    let name_at = row(y).char_indices().position(|(at, _)| row(y)[at..].starts_with(name)).unwrap();
    (0..u16::try_from(name_at).unwrap())
        .map(|x| (buf[(x, y)].symbol().to_owned(), buf[(x, y)].modifier))
        .collect()
}

#[test]
fn rows_have_distinct_markers_in_every_theme_and_width() {
    for color_scheme in [ColorScheme::Ansi, ColorScheme::HighContrast, ColorScheme::Mono] {
        for ascii in [false, true] {
            for columns in [40, 60, 80, 140] {
                let driver = driver_with_each_kind(Theme { color_scheme, ascii }, columns);
                let all: Vec<_> = KEY_NAMES.iter().map(|name| markers(&driver, name)).collect();
                for (index, first) in all.iter().enumerate() {
                    for (other, name) in all[index + 1..].iter().zip(&KEY_NAMES[index + 1..]) {
                        assert_ne!(
                            first, other,
                            "{} and {name}, {color_scheme:?}, {columns} columns",
                            KEY_NAMES[index]
                        );
                    }
                }
                // The selected row has both a marker and reverse video.
                assert!(!all[1..].iter().any(|signs| signs[0].0 == all[0][0].0), "{color_scheme:?}");
                assert!(all[0][0].1.contains(Modifier::REVERSED), "{color_scheme:?}");
            }
        }
    }
}

/// The default theme uses only the 16 colours of the terminal that are readable on both white and black, and never sets a
/// background.
#[test]
fn the_default_theme_is_readable_on_light_and_dark_backgrounds() {
    use keyward::tui::theme::StyleRole as Part;
    use ratatui::style::Color;
    let theme = Theme::default();
    for part in [
        Part::Plain,
        Part::Strong,
        Part::Muted,
        Part::Accent,
        Part::Selected,
        Part::Marked,
        Part::InUse,
        Part::Stale,
        Part::Orphaned,
        Part::Revoked,
        Part::Danger,
        Part::Production,
        Part::Key,
    ] {
        let style = theme.style(part);
        assert!(style.bg.is_none(), "{part:?}");
        let unreadable =
            [Color::Yellow, Color::Blue, Color::White, Color::Black, Color::Gray, Color::DarkGray];
        assert!(style.fg.is_none_or(|fg| !unreadable.contains(&fg)), "{part:?}");
    }
}
