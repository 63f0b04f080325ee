//! `keyward doctor`: each finding and its fix.

use super::cli_fixture::CliFixture;
use crate::support::pty::{Pty, keyward};

fn finding(cli: &CliFixture, environment: &[(&str, &str)], check: &str) -> String {
    let ran = cli.run_with_env(environment, &["doctor", "--json=check,health,found,fix"]);
    let checks = ran.json();
    let check = checks.as_array().unwrap().iter().find(|c| c["check"] == check);
    check.unwrap_or_else(|| panic!("{check:?}: {ran:?}")).to_string()
}

#[test]
fn doctor_reports_colours_locale_tmux_and_clipboard() {
    let cli = CliFixture::new();
    for (environment, words) in [
        (&[("TERM", "xterm-256color")][..], "256 colours: TERM=xterm-256color"),
        (&[("TERM", "xterm"), ("COLORTERM", "truecolor")], "true colour: TERM=xterm, COLORTERM=truecolor"),
        (&[("TERM", "xterm"), ("NO_COLOR", "1")], "no colours"),
        (&[("TERM", "dumb")], "ssh -t HOST keyward"),
    ] {
        let check = finding(&cli, environment, "terminal");
        assert!(check.contains(words), "{check}");
    }
    assert!(finding(&cli, &[("LC_ALL", "C")], "locale").contains("C.UTF-8"));
    let inside = [("TMUX", "/tmp/x,1,0")];
    for (version, set, words) in [
        ("tmux 3.4", "external", "\"health\":\"ok\""),
        ("tmux 3.4", "off", "set-clipboard external"),
        ("tmux 2.9a", "on", "3.2 or newer"),
    ] {
        cli.install_stub("tmux", &format!("if [ \"$1\" = -V ]; then echo {version}; else echo {set}; fi"));
        let check = finding(&cli, &inside, "tmux");
        assert!(check.contains(words), "{check}");
    }
    assert!(finding(&cli, &inside, "clipboard").contains("load-buffer"));
    std::fs::create_dir_all(cli.path(".config/keyward")).unwrap();
    let settings = "[ui]\nclipboard = \"command\"\nclipboard_command = \"no-such-copier\"\n";
    std::fs::write(cli.path(".config/keyward/keyward.toml"), settings).unwrap();
    assert!(finding(&cli, &[], "clipboard").contains("`no-such-copier` was not found"));
}

#[test]
fn the_clipboard_check_requires_a_terminal() {
    let cli = CliFixture::new();
    cli.run(&["doctor", "--clipboard"]).expect_exit(2, &["needs a terminal"]);
    std::fs::create_dir_all(cli.path(".config/keyward")).unwrap();
    let settings = "[ui]\nclipboard = \"command\"\nclipboard_command = \"tee copied\"\n";
    std::fs::write(cli.path(".config/keyward/keyward.toml"), settings).unwrap();
    for (arrives, words) in [(true, "arrived in your clipboard"), (false, "did not arrive")] {
        let mut pty = Pty::start(keyward(cli.folder.path(), &["doctor", "--clipboard"]), 100, 40);
        pty.wait_for_text("Paste it here");
        if arrives {
            pty.press(&std::fs::read_to_string(cli.path("copied")).unwrap());
        }
        pty.press("\r");
        pty.wait_for_text(words);
        assert_eq!(pty.wait(), 0);
    }
}
