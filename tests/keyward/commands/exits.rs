//! Each exit code, reached on the way a script reaches it, each with a sentence that says what to do.

use std::os::unix::process::ExitStatusExt as _;

use super::world::{KEYWARD, World};

#[test]
fn two_usage() {
    let world = World::new();
    for (args, words) in [
        (&["keys", "lst"][..], &["lst", "list"][..]),
        (&["keys", "list", "--no-such"], &["--no-such"]),
        (&["keys", "list", "--filter", "flag:nonsense"], &["orphaned"]),
        (&["keys", "create", "--name", " "], &["--name", "empty", "no key was created"]),
        (&["keys", "create", "--name", "a\u{202e}b"], &["U+202E"]),
        (&["keys", "list", "--workspace", "--output", "xml"], &["table"]),
        (&["keys", "revoke", "--workspace", "--unless-used-since", "soon", "x"], &["soon", "90d"]),
        (&["--token", "ses_x", "whoami"], &["ps", "--token-stdin"]),
        (&["login", "keys.plant.example"], &["https://"]),
        (&["rotate", "start", "Grafana"], &["not an id", "keys list"]),
        (&["sessions", "end", "abc"], &["not an id", "sessions list"]),
        (&["review", "keep", "x", "--until", "90d"], &["2027-11-24"]),
        (&["--profile", "a/b", "whoami"], &["letters"]),
        (&["--url", "https://a:b@plant.example", "whoami"], &["password"]),
    ] {
        world.run(args).ends(2, words);
    }
    world.key("Grafana");
    for (field, words) in [("nmae", "masked"), ("created_by.nmae", "created_by.id"), ("id.x", "id.x")] {
        let wrong = format!("--json=id,{field}");
        // Also where there is nothing to list, and before anything is done.
        for command in
            [&["keys", "list", "--workspace"][..], &["keys", "list"], &["keys", "create", "--name", "x"]]
        {
            let ran = world.run(&[command, &[&wrong]].concat()).ends(2, &[field, words]);
            assert_eq!(ran.out, "");
        }
    }
    assert_eq!(world.keys().len(), 1);
    world.run(&["keys", "list", "--json", "id,name"]).ends(2, &["--json=id,name"]);
    world.run(&["keys", "edit", "Grafana", "--workspace"]).ends(2, &["--name", "--note"]);
    world.run(&["keys"]).ends(2, &["say which", "revoke"]);
    world.run(&[]).ends(2, &["ssh -t", "Usage"]);
    world.run(&["keys", "revoke", "--workspace", "Grafana"]).ends(2, &["--yes"]);
    assert!(world.keys()[0]["revoked_at"].is_null());
}

#[test]
fn three_not_found() {
    let world = World::new();
    world.run(&["keys", "show", "Grafana"]).ends(3, &["no personal key", "--workspace"]);
    world.run(&["keys", "show", "--workspace", "Grafana"]).ends(3, &["keys list"]);
    let nobody = "01987c4e-2b7a-7c31-9a53-0d6f3c1e8a21";
    world.run(&["keys", "revoke", "--workspace", "--yes", nobody]).ends(3, &[nobody]);
    world.run(&["rotate", "status", nobody]).ends(3, &["rotate start"]);
    world.run(&["members", "remove", "--yes", "zed@plant.example"]).ends(3, &["members list"]);
    world.run(&["keys", "create", "--resume"]).ends(3, &["interrupted"]);
    world.run(&["review", "keep", nobody]).ends(3, &[nobody]);
}

#[test]
fn four_not_signed_in() {
    let world = World::new();
    world.run(&["--profile", "other", "keys", "list"]).ends(4, &["other", &world.profile(), "keyward login"]);
    let token = format!("ses_{}", "0".repeat(64));
    world
        .run_in(&[("KEYWARD_URL", &world.url), ("KEYWARD_TOKEN", &token)], &["keys", "list"])
        .ends(4, &["keyward login"]);
    world
        .run_with(&["login", "--code-stdin", &world.url], &format!("inv_{}", "0".repeat(64)))
        .ends(4, &["code"]);
    world.run(&["logout"]).ends(0, &["Signed out"]);
    world.run(&["keys", "list"]).ends(4, &["keyward login URL", "keyward demo"]);
    assert!(world.files(".local/state/keyward/sessions").is_empty());
}

#[test]
fn five_not_permitted() {
    let world = World::new();
    world.member("bo@plant.example", "normal");
    world.member("cy@plant.example", "operator");
    world.run(&["--profile", "normal", "keys", "list", "--workspace"]).ends(5, &["normal", "admins"]);
    world.run(&["--profile", "normal", "members", "list"]).ends(5, &["admins"]);
    world.run(&["--profile", "normal", "review", "list"]).ends(5, &[]);
    let nobody = "01987c4e-2b7a-7c31-9a53-0d6f3c1e8a21";
    world.run(&["--profile", "normal", "rotate", "start", nobody]).ends(3, &[nobody]);
    world.run(&["--profile", "operator", "keys", "create", "--name", "x"]).ends(5, &["operator"]);
    world.run(&["--profile", "normal", "keys", "create", "--name", "x"]).ends(0, &["Created"]);
}

#[test]
fn six_refused() {
    let world = World::new();
    let secret = world.key("Grafana");
    world.key("Twin");
    world.key("Twin");
    let twins = world.run(&["keys", "show", "--workspace", "Twin"]).ends(6, &["2 keys", "by its id"]);
    for key in world.keys().iter().filter(|k| k["name"] == "Twin") {
        assert!(twins.err.contains(key["id"].as_str().unwrap()));
    }
    assert_eq!(world.use_key(&secret), 200);
    let refused = world.run(&["keys", "revoke", "--workspace", "Grafana"]);
    refused.ends(6, &["used", "by keyward/", "from 127.0.0.1", "--even-if-used"]);
    assert_eq!(world.use_key(&secret), 200, "it was not revoked");
    world
        .run(&["keys", "revoke", "--workspace", "--max", "1", "--yes", "Twin", "Grafana"])
        .ends(6, &["--max"]);
    let id = world.id("Grafana");
    world.run(&["rotate", "start", &id]).ends(0, &["Created"]);
    world.run(&["rotate", "start", &id]).ends(6, &["being replaced"]);
    world.run(&["rotate", "finish", "--yes", &id]).ends(6, &["never used"]);
    world.run(&["members", "remove", "--yes", "ada@plant.example"]).ends(6, &["admin"]);
    world
        .run(&["keys", "revoke", "--workspace", "--even-if-used", "--reason", "test", "--yes", &id])
        .ends(0, &["Revoked"]);
    assert_eq!(world.use_key(&secret), 401);
}

#[test]
fn seven_unreachable_and_one_for_strangers() {
    let mut world = World::new();
    world.stop();
    world.run(&["keys", "list"]).ends(7, &[&world.profile(), &world.url, "connection refused"]);
    world.run_with(&["verify"], "sk_x").ends(7, &["connection refused"]);
    world.run(&["doctor"]).ends(1, &[]);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        use std::io::{Read as _, Write as _};
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 6\r\nConnection: close\r\n\r\n<html>");
        }
    });
    let strange = [("KEYWARD_URL", url.as_str()), ("KEYWARD_TOKEN", "ses_x")];
    world.run_in(&strange, &["keys", "list"]).ends(1, &["a web page (text/html)"]);
}

#[test]
fn eight_some_of_a_batch() {
    let world = World::new();
    let live = world.key("Live");
    world.key("Silent");
    world.use_key(&live);
    let batch = ["keys", "revoke", "--workspace", "--json", "--yes", "Live", "Silent", "Missing"];
    let ran = world.run(&batch).ends(8, &["2 of 3"]);
    let results: Vec<_> = ran.json().as_array().unwrap().iter().map(|r| r["result"].clone()).collect();
    assert_eq!(results, ["refused", "revoked", "not_found"]);
    assert_eq!(world.use_key(&live), 200);
    let again = world.run(&["keys", "revoke", "--workspace", "--json", "Silent"]).ends(0, &[]);
    assert_eq!(again.json()[0]["result"], "already_revoked");
}

#[test]
fn ten_found() {
    let world = World::new();
    let secret = world.key("Grafana");
    world.run(&["review", "list", "--exit-code"]).ends(0, &[]);
    std::fs::write(world.path("leak.txt"), format!("KEY={secret}\n")).unwrap();
    let found = world.run(&["scan", "--exit-code", "leak.txt", "data"]).ends(10, &[]);
    assert!(found.out.contains("leak.txt") && !found.out.contains(&secret), "{found:?}");
    world.run(&["scan", "leak.txt"]).ends(0, &[]);
    world.run(&["scan", "--exit-code", "data"]).ends(0, &[]);
    // What is named is read, whatever it is; odd names act on nobody's terminal.
    std::os::unix::fs::symlink("leak.txt", world.path("link")).unwrap();
    world.run(&["scan", "--exit-code", "link"]).ends(10, &[]);
    for stdin in ["-", "/dev/stdin"] {
        assert_eq!(world.run_with(&["scan", "--exit-code", stdin], &secret).code, 10, "{stdin}");
    }
    std::fs::create_dir(world.path("deep")).unwrap();
    std::fs::write(world.path("deep/a\n\u{1b}[2J"), [b"\0\xff\0", secret.as_bytes(), b"\0"].concat())
        .unwrap();
    for form in ["table", "id", "csv", "json"] {
        let found = world.run(&["scan", "--exit-code", "-o", form, "deep"]).ends(10, &[]);
        assert_eq!(found.out.lines().find_map(keyward::domain::text::first_unshowable), None, "{form}");
    }
    world.run(&["scan", "no-such-file"]).ends(1, &["no-such-file"]);
    world.run(&["scan", "no-such-file", "leak.txt"]).ends(8, &["one file"]);
}

#[test]
fn one_hundred_and_twenty_nine_thirty_and_forty_three_by_signal() {
    use rustix::process::{Pid, Signal, kill_process};
    let world = World::new();
    // What a shell calls 129, 130 and 143.
    for signal in [Signal::HUP, Signal::INT, Signal::TERM] {
        let mut child =
            world.command(KEYWARD).args(["verify"]).stdin(std::process::Stdio::piped()).spawn().unwrap();
        kill_process(Pid::from_child(&child), signal).unwrap();
        let status = child.wait().unwrap();
        assert_eq!(status.signal(), Some(signal.as_raw()), "{status:?}");
    }
}

#[test]
fn one_failed() {
    let world = World::new();
    world.run(&["keys", "create", "--name", "x", "--write-to", "no/such/x"]).ends(1, &["no key was created"]);
    world.run(&["keys", "create", "--name", "x", "--write-to", "data"]).ends(6, &["is a folder"]);
    world.run_with(&["verify"], "sk_short").ends(1, &[]);
    world.shell("keyward keys list --csv > /dev/full").ends(1, &["cannot be written"]);
    let full = world.shell("keyward keys create --name x > /dev/full");
    full.ends(1, &["was created", "did not arrive", "--resume=", "keys revoke"]);
}

#[test]
fn rotations_and_reviews_of_the_demo_end_as_they_should() {
    let world = World::new();
    let demo = |command: &[&str]| {
        let args = [&["demo", "--", KEYWARD], command].concat();
        world.run(&args)
    };
    demo(&["review", "list", "--exit-code", "-o", "id"]).ends(10, &[]);
    demo(&["rotate", "status", "--exit-code", "-o", "id"]).ends(10, &[]);
    let script = "ready() { keyward rotate status --json=phase,old.id,new.id | grep \"\\\"$1\\\"\" | grep -o '[0-9a-f]*-[0-9a-f-]*' | head -n 1; }
        keyward rotate finish $(ready drain) --yes 2>/dev/null; test $? = 6 || exit 101
        keyward rotate finish $(ready ready) --yes || exit 102
        keyward rotate cancel $(ready switch) --yes || exit 103
        key=$(keyward review list -o id | head -n 1)
        keyward review keep $key --until 2999-01-01 --note 'until then' || exit 104
        keyward review list -o id | grep $key && exit 105
        keyward review export --csv | grep 'until then' || exit 106
        keyward activity --action review.exported --csv | grep -c review.exported";
    let ran = world.run(&["demo", "--", "sh", "-c", script]).ends(0, &["Revoked", "Kept"]);
    assert!(ran.out.ends_with("1\n"), "{ran:?}");
}
