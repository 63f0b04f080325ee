//! The first start on a terminal: the welcome screen leads to the tables or into the demo.

use super::cli_fixture::CliFixture;
use crate::support::pty::{Pty, keyward};

#[test]
fn signing_in_on_the_welcome_screen_opens_the_tables() {
    let cli = CliFixture::without_session();
    let code = cli.create_admin_code("ada@plant.example", "init");
    let start = || Pty::start(keyward(cli.folder.path(), &[]), 100, 30);
    let mut pty = start();
    pty.wait_for_text("You are not signed in yet");
    let before = pty.initial_modes.clone();
    pty.press("http://127.0.0.1:1\r");
    pty.press(code.trim());
    pty.press("\r");
    pty.wait_for_text("connection refused");
    // Corrects the address; the code is kept.
    pty.press("\x15");
    pty.press(&cli.url);
    pty.press("\t\r");
    pty.wait_for_text("Workspace");
    pty.wait_for_text("ada@plant.example");
    assert!(!pty.inspect(|output| String::from_utf8_lossy(&output.bytes).contains("inv_")));
    pty.press("q");
    assert_eq!(pty.wait(), 0);
    assert_eq!(pty.modes(), before);
    assert_eq!(cli.files_below(".local/state/keyward/sessions").len(), 1);
    cli.run(&["keys", "list"]).expect_exit(0, &[]);
    let mut again = start();
    again.wait_for_text("Workspace");
    again.press("q");
    assert_eq!(again.wait(), 0);
}

#[test]
fn the_welcome_screen_starts_the_demo_or_quits() {
    let home = tempfile::tempdir().unwrap();
    let mut pty = Pty::start(keyward(home.path(), &[]), 100, 30);
    pty.wait_for_text("Try the demo");
    pty.press("\t\t\t\r");
    pty.wait_for_text("Workspace");
    pty.press("q");
    assert_eq!(pty.wait(), 0);
    let mut pty = Pty::start(keyward(home.path(), &[]), 40, 10);
    pty.wait_for_text("[Leave]");
    pty.press("\x03");
    assert_eq!(pty.wait(), 0);
}
