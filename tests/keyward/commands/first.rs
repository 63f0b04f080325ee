//! The first start on a terminal: from nothing to the tables, or into the demo.

use super::world::World;
use crate::support::pty::{Pty, keyward};

#[test]
fn from_the_first_screen_into_the_tables() {
    let world = World::unattended();
    let code = world.admin_code("ada@plant.example", "init");
    let start = || Pty::start(keyward(world.folder.path(), &[]), 100, 30);
    let mut pty = start();
    pty.until_text("Nobody is signed in here yet");
    let before = pty.before.clone();
    pty.press("http://127.0.0.1:1\r");
    pty.press(code.trim());
    pty.press("\r");
    pty.until_text("connection refused");
    // The address is mended; the code is still there.
    pty.press("\x15");
    pty.press(&world.url);
    pty.press("\t\r");
    pty.until_text("Workspace");
    pty.until_text("ada@plant.example");
    assert!(!pty.look(|seen| String::from_utf8_lossy(&seen.bytes).contains("inv_")));
    pty.press("q");
    assert_eq!(pty.wait(), 0);
    assert_eq!(pty.modes(), before);
    assert_eq!(world.files(".local/state/keyward/sessions").len(), 1);
    world.run(&["keys", "list"]).ends(0, &[]);
    let mut again = start();
    again.until_text("Workspace");
    again.press("q");
    assert_eq!(again.wait(), 0);
}

#[test]
fn from_the_first_screen_into_the_demo_or_away() {
    let home = tempfile::tempdir().unwrap();
    let mut pty = Pty::start(keyward(home.path(), &[]), 100, 30);
    pty.until_text("Look at a demo");
    pty.press("\t\t\t\r");
    pty.until_text("Workspace");
    pty.press("q");
    assert_eq!(pty.wait(), 0);
    let mut pty = Pty::start(keyward(home.path(), &[]), 40, 10);
    pty.until_text("[Leave]");
    pty.press("\x03");
    assert_eq!(pty.wait(), 0);
}
