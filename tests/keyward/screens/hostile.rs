//! Hostile names, random key presses and every window size: no panic, no control characters on the screen, no secret left behind.

use insta::assert_snapshot;
use keyward::domain::key::KeyKind;
use keyward::domain::member::Role;
use keyward::domain::text::first_unsafe_char;
use keyward::domain::time::TimeDelta;
use keyward::tui::msg::RequestError;
use proptest::prelude::*;

use super::driver::{Driver, created_secret, start_options};
use super::key_fixtures;

const HOSTILE_NAMES: [&str; 14] = [
    "\u{1b}[2Jcleared",
    "\u{1b}]52;c;aGk=\u{7}copied",
    "\u{9b}31m\u{9d}0;title\u{9c}",
    "two\r\nlines\tand a tab",
    "\u{202e}gnp.exe\u{2066}x\u{2069}",
    "adm\u{200b}in\u{feff}\u{ad}",
    "\u{e0061}\u{e0062}tags",
    "a\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}",
    "\u{3164}\u{2800}\u{2028}",
    "=HYPERLINK(\"http://evil.example\")",
    "工場の鍵、第三製造ライン、品質管理システム連携用",
    "👩‍🔧🏭 maintenance 🇩🇪",
    "",
    "x",
];

fn driver_with_hostile_names() -> Driver {
    let mut driver = Driver::new();
    driver.keys = HOSTILE_NAMES
        .iter()
        .zip(0u16..)
        .map(|(name, n)| {
            let mut key = key_fixtures::key(
                n,
                KeyKind::Organization,
                name,
                TimeDelta::seconds(i64::from(n)),
                Some((TimeDelta::zero(), name)),
            );
            key.masked = format!("sk_…{name}");
            key.note = Some((*name).to_owned());
            key
        })
        .collect();
    driver.keys[13].name = "y".repeat(10_000);
    for (member, text) in driver.members.iter_mut().zip(HOSTILE_NAMES) {
        (member.name, member.email) = (text.to_owned(), text.to_owned());
    }
    for (row, text) in driver.log.iter_mut().zip(HOSTILE_NAMES) {
        (row.detail, row.key_name, row.address) =
            (text.to_owned(), Some(text.to_owned()), Some(text.to_owned()));
        if let Some(actor) = &mut row.actor {
            (actor.name, actor.email) = (text.to_owned(), text.to_owned());
        }
    }
    driver.press("r")
}

fn assert_no_control_characters(driver: &Driver) {
    for cell in driver.buffer().content() {
        let symbol = cell.symbol().replace(keyward::domain::text::REPLACEMENT, "");
        assert_eq!(first_unsafe_char(&symbol), None, "{symbol:?}");
    }
}

/// Guarantee 22: stored text cannot act on a terminal or a spreadsheet.
#[test]
fn hostile_names_are_shown_harmlessly_on_every_screen() {
    let driver = driver_with_hostile_names();
    assert_snapshot!(driver.screen());
    assert_no_control_characters(&driver);
    for keys in ["<enter>", "x", "e", "y", "c", "jx", "axj", "n"] {
        for row in 0..14 {
            let driver = driver_with_hostile_names().press(&"j".repeat(row)).press(keys);
            assert_no_control_characters(&driver);
        }
    }
    for keys in ["3", "4", "4<enter>", "5", "5x", "5S", "6"] {
        for row in 0..8 {
            assert_no_control_characters(&driver_with_hostile_names().press(keys).press(&"j".repeat(row)));
        }
    }
    let failure = RequestError::Unreachable("\u{1b}[31mred \u{202e}alert".into());
    assert_no_control_characters(&Driver::new().fail_next(failure).press("r"));
    assert_no_control_characters(&Driver::new().press("n").paste("a\u{1b}[2Jb"));
}

#[test]
fn every_window_size_down_to_one_cell_is_drawn() {
    let screens = [
        "",
        "j<enter>",
        "x",
        "jx",
        "e",
        "n",
        "nLine<enter>",
        "nLine<enter>w",
        "s",
        "y",
        "c",
        ":",
        "?",
        "ajx",
    ];
    let sizes = [
        (1, 1),
        (2, 30),
        (300, 1),
        (39, 10),
        (40, 9),
        (40, 10),
        (41, 11),
        (60, 16),
        (80, 24),
        (110, 30),
        (300, 100),
    ];
    for keys in screens {
        for (columns, rows) in sizes {
            let driver = Driver::new().press(keys).resize(columns, rows).advance_ms(500).press("jk");
            assert_eq!(driver.buffer().area.width, columns);
        }
    }
    assert_snapshot!(Driver::new().resize(30, 5).screen());
}

/// The keys of a rotation need not be in any table.
#[test]
fn a_rotation_can_be_finished_when_its_keys_are_not_listed() {
    for (columns, rows) in [(1, 1), (80, 24)] {
        let mut driver = Driver::new().resize(columns, rows).press("5[x");
        let old = driver.model.screens.rotations.selected(&driver.model.context).unwrap().old.id;
        driver = driver.press("y");
        assert!(driver.find_key(old).unwrap().revoked_at.is_some());
    }
}

/// The activity log requests older pages while the user scrolls, up to a memory limit.
#[test]
fn an_endless_activity_log_is_kept_within_a_memory_limit() {
    let mut driver = Driver::new();
    for row in &mut driver.log[..200] {
        row.detail = "x".repeat(200_000);
    }
    let driver = driver.press("6").press("G");
    assert!(
        driver.screen().contains("the log has more rows, but only the newest 200 are loaded"),
        "{}",
        driver.screen()
    );
    let screen = driver.press("/nowhere").screen();
    assert!(screen.contains("None of the newest 200 entries match the filter."), "{screen}");
}

#[test]
fn contradictory_responses_cause_no_request_loop() {
    let mut driver = Driver::new();
    driver.deny_key_lists = true;
    let before = driver.requests.len();
    let driver = driver.advance_ms(10_000).press("r");
    assert!(driver.requests.len() < before + 12, "{:?}", driver.requests);
}

/// Returns a strategy that generates one key press.
fn key_press() -> impl Strategy<Value = String> {
    let keys = "abcdeghijknrstuvwxyzAEGKRSU0123456./:?<> []!".chars().map(|c| c.to_string());
    let named = [
        "<enter>",
        "<esc>",
        "<tab>",
        "<backspace>",
        "<pagedown>",
        "<pageup>",
        "<left>",
        "<ctrl-u>",
        "<ctrl-c>",
    ];
    let all: Vec<String> = keys.filter(|k| k != "<" && k != ">").chain(named.map(str::to_owned)).collect();
    prop::sample::select(all)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn random_key_presses_and_window_sizes_cause_no_panic_and_leave_no_secret(
        keys in prop::collection::vec(key_press(), 1..60),
        sizes in prop::collection::vec((1u16..130, 1u16..50), 1..4),
        role in prop::sample::select(vec![Role::Admin, Role::Normal, Role::Operator]),
    ) {
        let mut driver = Driver::with_options(start_options(80, 24), role);
        for (at, key) in keys.iter().enumerate() {
            driver = driver.press(key);
            if at % 20 == 19 {
                let (columns, rows) = sizes[at / 20 % sizes.len()];
                driver = driver.resize(columns, rows).advance_ms(700);
            }
        }
        assert_no_control_characters(&driver);
        // Closes everything; the popup of a new secret by confirming that it is stored.
        for _ in 0..8 {
            driver = driver.press("<esc>y");
        }
        driver = driver.press("<esc><esc><esc>").resize(80, 24);
        let secret = created_secret();
        let middle = &secret.expose()[4..30];
        let screen: String = driver.screen();
        prop_assert!(!screen.contains(middle));
        let model = format!("{:?}", driver.model);
        prop_assert!(!model.contains(middle));
    }
}
