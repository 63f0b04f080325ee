//! What is asked on a terminal, and only there.

use super::world::{KEYWARD, World};
use crate::support::pty::{Pty, keyward, program};

fn at_a_terminal(world: &World, args: &[&str]) -> Pty {
    Pty::start(keyward(world.folder.path(), args), 100, 30)
}

#[test]
fn a_revoke_asks_first_and_names_what_it_will_do() {
    let world = World::new();
    world.key("Silent");
    let revoke = ["keys", "revoke", "--workspace", "Silent"];
    for answer in ["\r", "n\r", "yes\r", "\x04"] {
        let mut pty = at_a_terminal(&world, &revoke);
        pty.until_text("Revoke it? Type y:");
        pty.look(|seen| {
            assert!(
                seen.text().contains("never used") && seen.text().contains(&world.url),
                "{}",
                seen.text()
            );
        });
        pty.press(answer);
        pty.until_text("cancelled: nothing was done");
        assert_eq!(pty.wait(), 1);
    }
    let mut pty = at_a_terminal(&world, &revoke);
    pty.until_text("Type y:");
    pty.press("\x03");
    assert_eq!(pty.wait(), 1, "ended by the signal");
    assert!(world.keys()[0]["revoked_at"].is_null());
    let mut pty = at_a_terminal(&world, &revoke);
    pty.until_text("Type y:");
    pty.press("y\r");
    pty.until_text("Revoked \"Silent\"");
    assert_eq!(pty.wait(), 0);
}

#[test]
fn a_live_key_takes_its_last_four_and_many_take_their_number() {
    let world = World::new();
    let secret = world.key("Live");
    world.use_key(&secret);
    let live = ["keys", "revoke", "-w", "Live", "--even-if-used", "--reason", "a leak"];
    for (answer, code) in [("live", 1), (&secret[39..], 0)] {
        let mut pty = at_a_terminal(&world, &live);
        pty.until_text("last four characters");
        pty.press(&format!("{answer}\r"));
        assert_eq!(pty.wait(), code);
    }
    world.key("One");
    world.key("Two");
    let mut pty = at_a_terminal(&world, &["keys", "revoke", "-w", "One", "Two"]);
    pty.until_text("Type `revoke 2`:");
    pty.press("revoke 2\r");
    assert_eq!(pty.wait(), 0);
    assert!(world.keys().iter().all(|key| !key["revoked_at"].is_null()));
}

#[test]
fn a_secret_is_typed_unseen_and_shown_only_when_asked_for() {
    let world = World::new();
    let secret = world.key("Grafana");
    let mut pty = at_a_terminal(&world, &["verify"]);
    let before = pty.before.clone();
    pty.until_text("(a use of it):");
    pty.look(|seen| assert!(seen.text().contains(&world.profile()), "{}", seen.text()));
    pty.press(&format!("{secret}\r"));
    pty.until_text("and it is accepted.");
    assert_eq!(pty.wait(), 0);
    assert_eq!(pty.modes(), before);
    pty.look(|seen| {
        assert!(!String::from_utf8_lossy(&seen.bytes).contains(&secret[..8]));
        assert!(!seen.text().contains("line break"), "Enter is no part of it: {}", seen.text());
    });
    let mut pty = at_a_terminal(&world, &["verify"]);
    pty.until_text("API key");
    pty.press("\x03");
    assert_ne!(pty.wait(), 0);
    assert_eq!(pty.modes(), before, "Ctrl-C gives the echo back");

    let create = ["keys", "create", "--name", "notebook"];
    let mut pty = at_a_terminal(&world, &create);
    pty.until_text("no key was created");
    assert_eq!(pty.wait(), 2);
    let mut pty = at_a_terminal(&world, &[&create[..], &["--reveal"]].concat());
    pty.until_text("Created the personal key");
    pty.until_text("sk_");
    assert_eq!(pty.wait(), 0);
}

#[test]
fn tables_fit_the_terminal_and_are_whole_in_a_pipe() {
    let world = World::new();
    for name in ["工場ライン三号機のダッシュボード用キー監視", "Power BI – Sales and logistics of all plants"]
    {
        world.key(name);
    }
    for columns in [20, 40, 80, 120, 200] {
        for lists in [&["keys", "list", "-w"][..], &["members", "list"], &["activity"], &["profiles"]] {
            let mut pty = Pty::start(keyward(world.folder.path(), lists), columns, 30);
            // No line ran over into the next.
            let piped = world.run(lists).out.lines().count();
            pty.until(&format!("{piped} lines of {lists:?} in {columns} columns"), |seen| {
                (seen.text().lines().count() == piped).then_some(())
            });
            assert_eq!(pty.wait(), 0);
        }
    }
    let script = format!("{KEYWARD} keys list -w | cat");
    let mut pty = Pty::start(program(world.folder.path(), &["sh", "-c", &script]), 40, 30);
    pty.until("the whole name", |seen| {
        seen.text().replace('\n', "").contains("logistics of all plants").then_some(())
    });
    assert_eq!(pty.wait(), 0);
}
