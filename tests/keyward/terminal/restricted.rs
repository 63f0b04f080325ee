//! `--restricted`, for users who may run nothing but keyward: files, pipes and other programs are refused with an explanation. The review's
//! export is tested with the popups.

use super::super::ssh::create_and_reveal;
use super::super::support::pty::{Pty, keyward};
use super::{ROW_TEXT, start_and_wait};

const RESTRICTION_NOTICE: &str = "--restricted";

/// Asserts that writing files, piping to commands and starting programs are refused on every screen.
pub fn assert_restricted(pty: &mut Pty) {
    let secret = create_and_reveal(pty);
    pty.press("v");
    for key in ["w", "p"] {
        pty.press(key);
        pty.wait_for_text(RESTRICTION_NOTICE);
    }
    // Copying through the terminal stays possible.
    pty.take_bytes();
    pty.press("y");
    pty.wait_until("the copy", |output| {
        String::from_utf8_lossy(&output.bytes).contains("\x1b]52;c;").then_some(())
    });
    pty.wait_for_text("sent to your terminal");
    pty.press("s");
    pty.wait_for_text("y it is stored");
    pty.press("y");
    pty.wait_until("the table", |output| (!output.text().contains("Save your key")).then_some(()));
    assert!(!pty.inspect(|output| output.text().contains(&secret)));
}

#[test]
fn restricted_mode_blocks_files_pipes_and_programs() {
    let home = tempfile::tempdir().unwrap();
    let mut command = keyward(home.path(), &["--restricted", "demo"]);
    command.args(["--keys", "60"]);
    let mut demo = start_and_wait(command, home);
    assert_restricted(&mut demo.pty);
    demo.pty.press("qqq");
    assert_eq!(demo.pty.wait(), 0);
    demo.assert_restored();
}

/// Inside tmux, a copy needs another program.
#[test]
fn restricted_mode_refuses_a_copy_that_needs_a_program() {
    let home = tempfile::tempdir().unwrap();
    let mut command = keyward(home.path(), &["--restricted", "demo"]);
    command.env("TMUX", "/nowhere,1,0");
    let mut demo = start_and_wait(command, home);
    demo.pty.wait_for_text(ROW_TEXT);
    demo.pty.press("y1");
    demo.pty.wait_for_text(RESTRICTION_NOTICE);
}
