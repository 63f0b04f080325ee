//! Prompts, which appear only on a terminal.

use super::cli_fixture::{CliFixture, PROGRAM_PATH};
use crate::support::pty::{Pty, keyward, program};

fn start_in_terminal(cli: &CliFixture, args: &[&str]) -> Pty {
    Pty::start(keyward(cli.folder.path(), args), 100, 30)
}

#[test]
fn the_revoke_prompt_names_the_key_and_the_server() {
    let cli = CliFixture::new();
    cli.create_key("Silent");
    let revoke = ["keys", "revoke", "--workspace", "Silent"];
    for answer in ["\r", "n\r", "yes\r", "\x04"] {
        let mut pty = start_in_terminal(&cli, &revoke);
        pty.wait_for_text("Revoke the key? Type y:");
        pty.inspect(|output| {
            assert!(
                output.text().contains("never used") && output.text().contains(&cli.url),
                "{}",
                output.text()
            );
        });
        pty.press(answer);
        pty.wait_for_text("Cancelled: nothing was done");
        assert_eq!(pty.wait(), 1);
    }
    let mut pty = start_in_terminal(&cli, &revoke);
    pty.wait_for_text("Type y:");
    pty.press("\x03");
    assert_eq!(pty.wait(), 1, "ended by the signal");
    assert!(cli.list_keys()[0]["revoked_at"].is_null());
    let mut pty = start_in_terminal(&cli, &revoke);
    pty.wait_for_text("Type y:");
    pty.press("y\r");
    pty.wait_for_text("Revoked \"Silent\"");
    assert_eq!(pty.wait(), 0);
}

#[test]
fn revoking_requires_the_last_four_characters_of_a_key_in_use_or_the_count_of_several_keys() {
    let cli = CliFixture::new();
    let secret = cli.create_key("Live");
    cli.use_key(&secret);
    let live = ["keys", "revoke", "-w", "Live", "--even-if-used", "--reason", "a leak"];
    for (answer, code) in [("live", 1), (&secret[39..], 0)] {
        let mut pty = start_in_terminal(&cli, &live);
        pty.wait_for_text("last four characters");
        pty.press(&format!("{answer}\r"));
        assert_eq!(pty.wait(), code);
    }
    cli.create_key("One");
    cli.create_key("Two");
    let mut pty = start_in_terminal(&cli, &["keys", "revoke", "-w", "One", "Two"]);
    pty.wait_for_text("Type `revoke 2`:");
    pty.press("revoke 2\r");
    assert_eq!(pty.wait(), 0);
    assert!(cli.list_keys().iter().all(|key| !key["revoked_at"].is_null()));
}

#[test]
fn secrets_are_typed_without_echo_and_shown_only_with_reveal() {
    let cli = CliFixture::new();
    let secret = cli.create_key("Grafana");
    let mut pty = start_in_terminal(&cli, &["verify"]);
    let before = pty.initial_modes.clone();
    pty.wait_for_text("(counts as a use):");
    pty.inspect(|output| assert!(output.text().contains(&cli.ada_profile()), "{}", output.text()));
    pty.press(&format!("{secret}\r"));
    pty.wait_for_text("and it is active.");
    assert_eq!(pty.wait(), 0);
    assert_eq!(pty.modes(), before);
    pty.inspect(|output| {
        assert!(!String::from_utf8_lossy(&output.bytes).contains(&secret[..8]));
        assert!(!output.text().contains("line break"), "Enter is no part of it: {}", output.text());
    });
    let mut pty = start_in_terminal(&cli, &["verify"]);
    pty.wait_for_text("API key");
    pty.press("\x03");
    assert_ne!(pty.wait(), 0);
    assert_eq!(pty.modes(), before, "Ctrl-C restores the echo");

    let create = ["keys", "create", "--name", "notebook"];
    let mut pty = start_in_terminal(&cli, &create);
    pty.wait_for_text("No key was created");
    assert_eq!(pty.wait(), 2);
    let mut pty = start_in_terminal(&cli, &[&create[..], &["--reveal"]].concat());
    pty.wait_for_text("Created the personal key");
    pty.wait_for_text("sk_");
    assert_eq!(pty.wait(), 0);
}

#[test]
fn tables_fit_the_terminal_and_are_not_truncated_in_a_pipe() {
    let cli = CliFixture::new();
    for name in ["工場ライン三号機のダッシュボード用キー監視", "Power BI – Sales and logistics of all plants"]
    {
        cli.create_key(name);
    }
    for columns in [20, 40, 80, 120, 200] {
        for lists in [&["keys", "list", "-w"][..], &["members", "list"], &["activity"], &["profiles"]] {
            let mut pty = Pty::start(keyward(cli.folder.path(), lists), columns, 30);
            // A wrapped line would appear as an additional line.
            let piped = cli.run(lists).out.lines().count();
            pty.wait_until(&format!("{piped} lines of {lists:?} in {columns} columns"), |output| {
                (output.text().lines().count() == piped).then_some(())
            });
            assert_eq!(pty.wait(), 0);
        }
    }
    let script = format!("{PROGRAM_PATH} keys list -w | cat");
    let mut pty = Pty::start(program(cli.folder.path(), &["sh", "-c", &script]), 40, 30);
    pty.wait_until("the whole name", |output| {
        output.text().replace('\n', "").contains("logistics of all plants").then_some(())
    });
    assert_eq!(pty.wait(), 0);
}
