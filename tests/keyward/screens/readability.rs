//! Important text is never truncated, covered or outdated: messages, choices, key bindings in the footer, the state of a key.

use keyward::domain::key::KeyKind;
use keyward::domain::member::Role;
use keyward::domain::text;
use keyward::domain::time::TimeDelta;
use keyward::tui::context::StartOptions;
use keyward::tui::msg::RequestError;

use super::driver::{Driver, start_options};
use super::key_fixtures::{NOW, ada, key};

/// Returns a driver with an additional organization key, which is selected.
fn with_key(name: &str, columns: u16, rows: u16) -> Driver {
    let mut driver = Driver::with_size(columns, rows);
    driver.keys.insert(0, key(400, KeyKind::Organization, name, TimeDelta::zero(), None));
    driver.press("rgg")
}

#[test]
fn a_long_message_wraps_and_the_history_shows_all_of_it() {
    let message = "The disk of the server is full, so that nothing can be written. Keys are still verified. Free space there, then press r";
    let driver = Driver::new().fail_next(RequestError::Local(message.into())).press("y1");
    let screen = driver.screen();
    assert!(screen.contains("Free space there") && screen.contains("press r"), "{screen}");
    assert!(driver.drawn.scroll.is_none());
    let driver = driver.press(":messages<enter>");
    assert!(driver.screen().contains("press r"), "{}", driver.screen());
}

#[test]
fn the_result_of_a_revoke_is_visible_for_any_key_name() {
    for name in ["x".repeat(100), "\u{5de5}".repeat(100)] {
        let screen = with_key(&name, 40, 10).press("xy").screen();
        let words = screen.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words.contains("requests with it now get 401"), "{screen}");
    }
}

#[test]
fn the_key_binding_for_help_is_shown_at_every_window_size() {
    for (columns, rows) in [(40, 10), (60, 16), (80, 24), (120, 40)] {
        for keys in ["1", "2", "3", "4", "5", "6", "jjj ", "3K<enter>"] {
            let screen = Driver::with_size(columns, rows).press(keys).screen();
            assert!(screen.lines().last().unwrap().contains("? help"), "{columns}x{rows} {keys}: {screen}");
        }
    }
}

#[test]
fn wide_characters_do_not_break_the_border_of_a_popup() {
    for columns in 60..100 {
        let mut driver = Driver::with_size(columns, 24);
        driver.keys.iter_mut().for_each(|key| key.name = "\u{5de5}".repeat(40));
        let frame = driver.press("rs").screen();
        assert!(frame.lines().any(|line| line.matches('│').count() == 2), "{columns}: {frame}");
        assert!(frame.lines().all(|line| line.matches('│').count() != 1), "{columns}: {frame}");
    }
}

#[test]
fn a_key_that_someone_else_revoked_cannot_be_revoked_again() {
    for (keys, name, confirm) in
        [("jjx", "Trial for the auditor", "y"), ("jjjx", "Power BI – Sales", "<enter>")]
    {
        let mut driver = Driver::new().press(keys);
        let key = driver.key_named(name);
        (key.revoked_at, key.revoked_by) = (Some(NOW), Some(ada()));
        let driver = driver.advance_ms(6_000);
        let screen = driver.screen();
        assert!(screen.contains("by Ada Ampere while"), "{screen}");
        assert!(
            !screen.contains("y revoke") && !screen.contains("Enter revoke") && !screen.contains("y yes")
        );
        let driver = driver.press(confirm);
        assert!(
            !driver.requests.iter().any(|request| request.starts_with("Revoke")),
            "{:?}",
            driver.requests
        );
        assert!(driver.press("<esc>").model.popup.is_none());
    }
}

#[test]
fn one_marked_key_is_revoked_like_a_selected_key() {
    let screen = Driver::new().press("jjj k kx").screen();
    assert!(screen.contains("Revoke") && screen.contains("Type ") && !screen.contains("1 keys"), "{screen}");
}

#[test]
fn the_table_says_that_a_filter_matches_only_revoked_keys() {
    let driver = Driver::new().press("/old erp<enter>");
    assert!(driver.screen().contains("Only revoked keys match the filter"), "{}", driver.screen());
    assert!(driver.press(".").screen().contains("Old ERP"));
    assert!(Driver::new().press("/nonsense<enter>").screen().contains("No keys match the filter"));
}

#[test]
fn a_response_clears_the_outage_notice_at_once() {
    let lost = RequestError::Unreachable("Nothing answers.".into());
    let driver = Driver::new().press("nLine 4").fail_next(lost).press("<enter>");
    assert!(driver.screen().contains("no answer"));
    let driver = driver.press("<enter>");
    assert!(driver.screen().contains("Save your key") && !driver.screen().contains("no answer"));
}

#[test]
fn the_copied_command_names_the_profile_and_quotes_the_key_name() {
    let start = StartOptions { profile: "plant 2".into(), ..start_options(120, 40) };
    let mut driver = Driver::with_options(start, Role::Admin);
    driver.keys.insert(0, key(400, KeyKind::Organization, "it's $(id)", TimeDelta::zero(), None));
    let copied = |driver: Driver, digit: &str| driver.press("c").press(digit).effects.last().unwrap().clone();
    let id = driver.keys[0].id;
    let driver = driver.press("rgg");
    let edit = copied(driver, "4");
    assert_eq!(
        edit,
        format!(r"copy keyward --profile 'plant 2' keys edit {id} --workspace --name='it'\''s $(id)'")
    );
    // The new key of a running rotation.
    let mut driver = Driver::new();
    let mut new = key(400, KeyKind::Organization, "The next one", TimeDelta::zero(), None);
    new.replaces = Some(driver.key_named("Backup job").id);
    driver.keys.insert(0, new);
    let twin = copied(driver.press("rgg"), "3");
    assert!(twin.starts_with("copy keyward rotate status "), "{twin}");
    let keep = copied(Driver::new().press("3"), "2");
    assert!(keep.starts_with("copy keyward review keep "), "{keep}");
}

#[test]
fn the_selected_choice_is_fully_shown_and_the_popup_keeps_its_size() {
    let mut driver = Driver::with_size(60, 20).press("c");
    let keys = |driver: &Driver| driver.screen().lines().position(|line| line.contains("Enter copy"));
    let before = keys(&driver);
    for _ in 0..4 {
        driver = driver.press("j");
        assert_eq!(keys(&driver), before, "{}", driver.screen());
    }
    let screen = driver.press("kkk").screen();
    assert!(screen.split_whitespace().any(|word| word == "--workspace"), "{screen}");
}

#[test]
fn columns_stay_aligned_for_any_name() {
    let mut driver = Driver::new();
    for (at, key) in driver.keys.iter_mut().enumerate() {
        key.name =
            ["\u{5de5}".repeat(at % 30 + 1), "e\u{301}".repeat(at + 1), "plain".to_owned()][at % 3].clone();
    }
    let screen = driver.press("r5<enter>").screen();
    let places: Vec<usize> = screen
        .lines()
        .filter_map(|line| line.split_once("sk_").map(|(before, _)| text::display_width(before)))
        .collect();
    assert!(places.len() > 3 && places.iter().all(|&place| place == places[0]), "{places:?}\n{screen}");
}

#[test]
fn scrolling_past_the_end_needs_no_extra_presses_to_return() {
    for (open, far, back) in [("<enter><tab>", "G", "k"), ("<enter><tab>", "jjjjjjjjjjjjjjjjjjjjjjjjjj", "k")]
    {
        let driver = Driver::with_size(60, 16).press("jjj").press(open).press(far);
        let end = driver.screen();
        assert_ne!(driver.press(back).screen(), end, "{end}");
    }
    let driver = Driver::with_size(60, 12).press("5<enter>jjjjjjjjjjjjjjjjjjjjjjjj");
    let end = driver.screen();
    assert_ne!(driver.press("k").screen(), end, "{end}");
}

#[test]
fn an_admin_is_warned_about_changing_their_own_account() {
    for keys in ["5x", "5E", "5e<down>"] {
        let screen = Driver::new().press(keys).screen();
        assert!(screen.contains("This is you"), "{screen}");
        let screen = Driver::new().press("5j").press(&keys[1..]).screen();
        assert!(!screen.contains("This is you"), "{screen}");
    }
}

#[test]
fn choices_are_distinct_without_colour_and_the_footer_lists_only_usable_key_bindings() {
    let screen = Driver::new().press("5i").screen();
    assert!(screen.contains("(●) normal   ( ) operator   ( ) admin"), "{screen}");
    let screen = Driver::new().press("5icarl@plant.example<enter>").screen();
    assert!(screen.contains("Sign-in code") && screen.contains("UTC"), "{screen}");
    assert!(!screen.contains("to a file") && !screen.contains("into a command"), "{screen}");
}

#[test]
fn truncated_content_is_indicated() {
    let mut driver = Driver::new();
    let more_keys =
        (0..60).map(|n| key(600 + n, KeyKind::Organization, &format!("Sensor {n}"), TimeDelta::zero(), None));
    driver.keys.extend(more_keys);
    let screen = driver.press("rax").screen();
    assert!(screen.contains(" more below"), "{screen}");
    for (columns, keys) in [(60, "4"), (60, "6"), (80, "4"), (80, "6")] {
        let mut driver = Driver::with_size(columns, 24);
        for row in &mut driver.log {
            row.detail = "unless used since 2026-11-18T14:53:20Z, as seen on the screen of the administrator who decided. "
                .repeat(4);
        }
        let screen = driver.press("r").press(keys).screen();
        let last = screen.lines().rev().nth(1).unwrap();
        assert!(last.ends_with('…') || last.ends_with('.') || last.chars().count() < 50, "{screen}");
    }
}

#[test]
fn the_review_says_that_a_filter_hides_the_queue() {
    let screen = Driver::new().press("3/zzz<enter>").screen();
    assert!(
        screen.contains("The filter hides every key in the queue (5)") && !screen.contains("No keys need"),
        "{screen}"
    );
}

#[test]
fn the_confirmation_input_is_visible_at_every_window_size() {
    for (columns, rows) in [(40, 10), (60, 16), (80, 24)] {
        let screen = Driver::with_size(columns, rows).press("3xxAxyz").screen();
        assert!(screen.contains("Type revoke 2") && screen.contains(": xyz"), "{screen}");
    }
}

#[test]
fn every_choice_is_reachable_in_the_smallest_window() {
    let mut driver = Driver::with_size(40, 10).press("c");
    for label in ["1 Details", "2 Revoke", "3 Rotate", "4 Edit", "5 List"] {
        let screen = driver.screen();
        let chosen = screen.lines().find(|line| line.contains("▶ ")).unwrap_or_default();
        assert!(chosen.contains(label) && screen.contains("Enter copy"), "{screen}");
        driver = driver.press("j");
    }
    let words = Driver::with_size(40, 10).press("n").screen().replace(['│', '\n'], " ");
    let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("Like a password,") && words.contains("Enter create"), "{words}");
}
