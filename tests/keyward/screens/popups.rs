//! Popups: creating, saving a secret, revoking, editing, menus, palette, help.

use insta::assert_snapshot;
use keyward::domain::member::Role;
use keyward::domain::time::{MINUTE, TimeDelta};
use keyward::tui::context::StartOptions;
use keyward::tui::msg::{RequestError, UnfinishedCreate};
use keyward::wire::keys::CreateKey;
use keyward::wire::problem::{Problem, ProblemType};

use super::driver::{Driver, ascii_mono_theme, created_secret, start_options};
use super::key_fixtures::NOW;

#[test]
fn the_create_popup_gives_warnings_and_advice() {
    let driver = Driver::new().press("n");
    assert_snapshot!(driver.screen());
    let driver = driver.press("my notebook");
    assert_snapshot!(driver.screen());
    assert_snapshot!(Driver::new().press("nBackup job").screen());
    assert_snapshot!(Driver::new().press("n<enter>").screen());
    assert_snapshot!(Driver::with_size(40, 10).press("nx").screen());
}

#[test]
fn a_new_secret_is_masked_until_revealed_and_discarded_after_closing() {
    let driver = Driver::new().press("nLine 4<enter>");
    assert_snapshot!(driver.screen());
    let shown = created_secret();
    let shown = shown.expose();
    assert!(!driver.screen().contains(shown));
    let driver = driver.press("v");
    assert!(driver.screen().contains(shown));
    let driver = driver.advance_ms(20_000);
    assert!(!driver.screen().contains(shown));
    let driver = driver.press("y");
    assert_snapshot!(driver.screen());
    assert_eq!(driver.effects, [format!("copy {shown}")]);
    let driver = driver.press("v<esc>");
    assert_snapshot!(driver.screen());
    let driver = driver.press("y");
    assert!(driver.model.popup.is_none());
    assert!(
        !format!("{:?}", driver.model).contains(shown)
            && !format!("{:?}", driver.buffer()).contains(&shown[4..20])
    );
    assert_eq!(driver.effects.last().unwrap(), "pending dropped");
    assert_eq!(driver.model.selected_key().unwrap().name, "Line 4");
}

#[test]
fn a_secret_can_be_written_to_a_file_or_piped_to_a_command() {
    let driver = Driver::new().press("nLine 4<enter>w");
    assert_snapshot!(driver.screen());
    let driver = driver.press("~/line4.key<enter>");
    assert_snapshot!(driver.screen());
    assert!(driver.effects.iter().any(|d| d.starts_with("write sk_") && d.ends_with("to ~/line4.key")));
    assert!(driver.press("<esc>").model.popup.is_none());

    let failure = RequestError::Local("`pass` exited with 1: no such store. Nothing was stored.".into());
    let mut driver = Driver::new().press("nLine 4<enter>ppass insert -m kw");
    driver.failures.push_back(failure);
    assert_snapshot!(driver.press("<enter>").screen());
}

#[test]
fn a_refused_create_keeps_what_was_typed() {
    let lost = RequestError::Unreachable("The server did not answer within 15 s. Try again.".into());
    let mut driver = Driver::new().press("nLine 4");
    driver.failures.push_back(lost);
    assert_snapshot!(driver.press("<enter>").screen());
}

#[test]
fn a_key_that_is_not_in_use_is_revoked_with_one_key_press() {
    let driver = Driver::new().press("jjx");
    assert_snapshot!(driver.screen());
    let driver = driver.press("y");
    assert_snapshot!(driver.screen());
    assert!(driver.keys.iter().any(|k| k.name == "Trial for the auditor" && k.revoked_at.is_some()));
}

#[test]
fn key_presses_before_the_popup_is_shown_revoke_nothing() {
    let driver = Driver::new().press("jj").press_in_one_frame("xy");
    assert!(driver.keys.iter().all(|k| k.name == "Old ERP" || k.revoked_at.is_none()));
    let driver = driver.press("<enter>");
    assert!(driver.model.popup.is_none());
    assert!(driver.keys.iter().all(|k| k.name == "Old ERP" || k.revoked_at.is_none()));
}

#[test]
fn revoking_a_key_in_use_requires_its_last_four_characters_and_a_reason_if_it_was_just_used() {
    let mut driver = Driver::new().press("jjjx");
    assert_snapshot!(driver.screen());
    let last_four = driver.key_named("Power BI – Sales").last_four().to_owned();
    driver.key_named("Power BI – Sales").last_used_at = Some(NOW.plus(MINUTE));
    let driver = driver.press("abcd<enter>");
    assert_snapshot!(driver.screen());
    let driver = driver
        .press("<backspace><backspace><backspace><backspace>")
        .press(&last_four)
        .press("<enter>")
        .advance_ms(61_000);
    assert_snapshot!(driver.screen());
    let driver = driver.press(&last_four).press("<tab>leaked<enter>");
    assert!(driver.keys.iter().any(|k| k.name == "Power BI – Sales" && k.revoked_at.is_some()));
    assert!(driver.model.popup.is_none());
}

#[test]
fn marked_keys_are_revoked_one_by_one_and_keys_in_use_are_kept() {
    let driver = Driver::new().press("jj  x");
    assert_snapshot!(driver.screen());
    let driver = driver.press("revoke 1<enter>");
    assert_snapshot!(driver.screen());
    assert_eq!(driver.keys.iter().filter(|k| k.revoked_at.is_some()).count(), 2);
}

#[test]
fn an_edit_conflict_is_shown() {
    let mut driver = Driver::new().press("e");
    assert_snapshot!(driver.screen());
    let mut now = driver.key_named("Backup job").clone();
    now.version += 1;
    now.name = "Backups".to_owned();
    let problem = Problem::new(ProblemType::VersionMismatch, "It was changed.").with_key(now);
    driver.failures.push_back(RequestError::Refused(Box::new(problem)));
    assert_snapshot!(driver.press("!<enter>").screen());
}

#[test]
fn the_menus_palette_help_and_messages_are_shown() {
    assert_snapshot!(Driver::new().press("s").screen());
    assert_snapshot!(Driver::new().press("ss").screen());
    assert_snapshot!(Driver::new().press("s1").screen());
    assert_snapshot!(Driver::new().press("jy").screen());
    assert_snapshot!(Driver::new().press("c").screen());
    assert_snapshot!(Driver::new().press(":rev").screen());
    assert_snapshot!(Driver::new().press("?").screen());
    assert_snapshot!(Driver::new().press("?mark").screen());
    assert_snapshot!(Driver::new().press("y1:messages<enter>").screen());
    let mut ascii = start_options(60, 16);
    ascii.theme = ascii_mono_theme();
    assert_snapshot!(Driver::with_options(ascii, Role::Admin).press("jjx").screen());
}

#[test]
fn popups_explain_why_nothing_is_written_in_restricted_mode() {
    let restricted =
        || Driver::with_options(StartOptions { restricted: true, ..start_options(80, 24) }, Role::Admin);
    for keys in ["3SAy<esc>E<enter>", "nLine 4<enter>w", "nLine 4<enter>p"] {
        let driver = restricted().press(keys);
        assert!(driver.screen().contains("disabled by --restricted"), "{}", driver.screen());
        assert!(
            !driver.effects.iter().any(|effect| effect.starts_with("write") || effect.starts_with("pipe"))
        );
    }
}

#[test]
fn the_command_palette_searches_fuzzily() {
    assert!(
        Driver::new().press("jj:rvkcnfrm<enter>").screen().contains("Requests with this key will get 401")
    );
    let driver = Driver::new().press("<ctrl-p>exct<enter>");
    assert!(driver.screen().contains("2026-11-06"), "{}", driver.screen());
}

#[test]
fn an_unfinished_create_can_be_resumed_at_the_next_start() {
    let mut start = start_options(80, 24);
    start.unfinished_creates = vec![UnfinishedCreate {
        idempotency_key: "tui-before".into(),
        kind: keyward::domain::key::KeyKind::Organization,
        body: CreateKey { name: "Line 4".into(), note: None, replaces: None },
        at: NOW.minus(TimeDelta::minutes(20)),
        member: super::key_fixtures::ada().id,
        key_id: None,
        leaked: None,
    }];
    let driver = Driver::with_options(start, Role::Admin);
    assert_snapshot!(driver.screen());
    assert_snapshot!(driver.press("2<enter>").screen());
}

#[test]
fn signing_in_again_after_the_session_ended_keeps_the_open_work() {
    let ended =
        RequestError::Refused(Box::new(Problem::new(ProblemType::SessionEnded, "The session has ended.")));
    let driver = Driver::new().press("jj").fail_next(ended).press("r");
    assert_snapshot!(driver.screen());
    let driver = driver.press(":sign<enter>");
    assert_snapshot!(driver.screen());
    let code = format!("inv_{}", "0f".repeat(32));
    let driver = driver.paste(&code);
    assert!(!driver.screen().contains("0f0f"));
    let driver = driver.press("<enter>");
    assert_eq!(driver.model.screens.workspace.list.table.selected_index(), 2);
    assert_snapshot!(driver.screen());
}

#[test]
fn form_input_survives_the_end_of_a_session() {
    let ended =
        || RequestError::Refused(Box::new(Problem::new(ProblemType::SessionEnded, "The session has ended.")));
    let code = format!("inv_{}", "0f".repeat(32));
    for (open, typed) in
        [("nLine 4", "Line 4"), ("eyz", "Backup jobyz"), ("5ieva@plant.example", "eva@plant.example")]
    {
        let signed_out = || Driver::new().press(open).fail_next(ended()).press("<enter>");
        assert!(signed_out().screen().contains("Sign in again"), "{}", signed_out().screen());
        assert!(
            signed_out().press("<esc>").screen().contains(typed),
            "{}",
            signed_out().press("<esc>").screen()
        );
        let driver = signed_out().paste(&code).press("<enter>");
        assert!(driver.screen().contains(typed), "{}", driver.screen());
        let driver = driver.press("<enter>");
        assert!(!driver.screen().contains("Sign in again"), "{}", driver.screen());
    }
    let driver = Driver::new().press("nLine 4").fail_next(ended()).press("<enter>").paste(&code);
    let driver = driver.press("<enter><enter>");
    assert!(driver.screen().contains("Save your key"), "{}", driver.screen());
}

#[test]
fn ctrl_z_suspends_except_in_text_fields() {
    // Suspends from a table, a prompt, a menu, the popup of a new secret, a wizard and a member's details.
    for keys in ["", "j<enter>", "x", "s", "y", "nLine 4<enter>", "4<enter>", "5<enter>"] {
        let driver = Driver::new().press(keys);
        let open = driver.model.popup.is_some();
        let driver = driver.press("<ctrl-z>");
        assert_eq!(driver.effects, ["Suspend"], "{keys}");
        assert_eq!(driver.model.popup.is_some(), open, "{keys}");
    }
    for keys in ["/", "n", "e", ":", "?", "nLine 4<enter>w", "4/"] {
        assert!(Driver::new().press(keys).press("<ctrl-z>").effects.is_empty(), "{keys}");
    }
}
