//! Every exit code, and the message that says what to do next.

use std::os::unix::process::ExitStatusExt as _;

use super::cli_fixture::{CliFixture, PROGRAM_PATH};

#[test]
fn usage_errors_exit_with_2() {
    let cli = CliFixture::new();
    for (args, words) in [
        (&["keys", "lst"][..], &["lst", "list"][..]),
        (&["keys", "list", "--no-such"], &["--no-such"]),
        (&["keys", "list", "--filter", "flag:nonsense"], &["orphaned"]),
        (&["keys", "create", "--name", " "], &["--name", "empty", "No key was created"]),
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
        cli.run(args).expect_exit(2, words);
    }
    cli.create_key("Grafana");
    for (field, words) in [("nmae", "masked"), ("created_by.nmae", "created_by.id"), ("id.x", "id.x")] {
        let unknown_field = format!("--json=id,{field}");
        // Field names are checked before anything is done, even if the list is empty.
        for command in
            [&["keys", "list", "--workspace"][..], &["keys", "list"], &["keys", "create", "--name", "x"]]
        {
            let ran = cli.run(&[command, &[&unknown_field]].concat()).expect_exit(2, &[field, words]);
            assert_eq!(ran.out, "");
        }
    }
    assert_eq!(cli.list_keys().len(), 1);
    cli.run(&["keys", "list", "--json", "id,name"]).expect_exit(2, &["--json=id,name"]);
    cli.run(&["keys", "edit", "Grafana", "--workspace"]).expect_exit(2, &["--name", "--note"]);
    cli.run(&["keys"]).expect_exit(2, &["Specify one of these", "revoke"]);
    cli.run(&[]).expect_exit(2, &["ssh -t", "Usage"]);
    cli.run(&["keys", "revoke", "--workspace", "Grafana"]).expect_exit(2, &["--yes"]);
    assert!(cli.list_keys()[0]["revoked_at"].is_null());
}

#[test]
fn missing_keys_and_members_exit_with_3() {
    let cli = CliFixture::new();
    cli.run(&["keys", "show", "Grafana"]).expect_exit(3, &["no personal key", "--workspace"]);
    cli.run(&["keys", "show", "--workspace", "Grafana"]).expect_exit(3, &["keys list"]);
    let nobody = "01987c4e-2b7a-7c31-9a53-0d6f3c1e8a21";
    cli.run(&["keys", "revoke", "--workspace", "--yes", nobody]).expect_exit(3, &[nobody]);
    cli.run(&["rotate", "status", nobody]).expect_exit(3, &["rotate start"]);
    cli.run(&["members", "remove", "--yes", "zed@plant.example"]).expect_exit(3, &["members list"]);
    cli.run(&["keys", "create", "--resume"]).expect_exit(3, &["interrupted"]);
    cli.run(&["review", "keep", nobody]).expect_exit(3, &[nobody]);
}

#[test]
fn commands_without_a_session_exit_with_4() {
    let cli = CliFixture::new();
    cli.run(&["--profile", "other", "keys", "list"])
        .expect_exit(4, &["other", &cli.ada_profile(), "keyward login"]);
    let token = format!("ses_{}", "0".repeat(64));
    cli.run_with_env(&[("KEYWARD_URL", &cli.url), ("KEYWARD_TOKEN", &token)], &["keys", "list"])
        .expect_exit(4, &["keyward login"]);
    cli.run_with_input(&["login", "--code-stdin", &cli.url], &format!("inv_{}", "0".repeat(64)))
        .expect_exit(4, &["code"]);
    cli.run(&["logout"]).expect_exit(0, &["Signed out"]);
    cli.run(&["keys", "list"]).expect_exit(4, &["keyward login URL", "keyward demo"]);
    assert!(cli.files_below(".local/state/keyward/sessions").is_empty());
}

#[test]
fn commands_without_permission_exit_with_5() {
    let cli = CliFixture::new();
    cli.add_member("bo@plant.example", "normal");
    cli.add_member("cy@plant.example", "operator");
    cli.run(&["--profile", "normal", "keys", "list", "--workspace"]).expect_exit(5, &["normal", "admins"]);
    cli.run(&["--profile", "normal", "members", "list"]).expect_exit(5, &["admins"]);
    cli.run(&["--profile", "normal", "review", "list"]).expect_exit(5, &[]);
    let nobody = "01987c4e-2b7a-7c31-9a53-0d6f3c1e8a21";
    cli.run(&["--profile", "normal", "rotate", "start", nobody]).expect_exit(3, &[nobody]);
    cli.run(&["--profile", "operator", "keys", "create", "--name", "x"]).expect_exit(5, &["operator"]);
    cli.run(&["--profile", "normal", "keys", "create", "--name", "x"]).expect_exit(0, &["Created"]);
}

#[test]
fn refused_changes_exit_with_6() {
    let cli = CliFixture::new();
    let secret = cli.create_key("Grafana");
    cli.create_key("Twin");
    cli.create_key("Twin");
    let twins = cli.run(&["keys", "show", "--workspace", "Twin"]).expect_exit(6, &["2 keys", "Use the id"]);
    for key in cli.list_keys().iter().filter(|k| k["name"] == "Twin") {
        assert!(twins.err.contains(key["id"].as_str().unwrap()));
    }
    assert_eq!(cli.use_key(&secret), 200);
    let refused = cli.run(&["keys", "revoke", "--workspace", "Grafana"]);
    refused.expect_exit(6, &["used", "by keyward/", "from 127.0.0.1", "--even-if-used"]);
    assert_eq!(cli.use_key(&secret), 200, "the key was not revoked");
    cli.run(&["keys", "revoke", "--workspace", "--max", "1", "--yes", "Twin", "Grafana"])
        .expect_exit(6, &["--max"]);
    let id = cli.key_id("Grafana");
    cli.run(&["rotate", "start", &id]).expect_exit(0, &["Created"]);
    cli.run(&["rotate", "start", &id]).expect_exit(6, &["being replaced"]);
    cli.run(&["rotate", "finish", "--yes", &id]).expect_exit(6, &["never used"]);
    cli.run(&["members", "remove", "--yes", "ada@plant.example"]).expect_exit(6, &["admin"]);
    cli.run(&["keys", "revoke", "--workspace", "--even-if-used", "--reason", "test", "--yes", &id])
        .expect_exit(0, &["Revoked"]);
    assert_eq!(cli.use_key(&secret), 401);
}

#[test]
fn an_unreachable_server_exits_with_7_and_a_foreign_server_with_1() {
    let mut cli = CliFixture::new();
    cli.stop_server();
    cli.run(&["keys", "list"]).expect_exit(7, &[&cli.ada_profile(), &cli.url, "connection refused"]);
    cli.run_with_input(&["verify"], "sk_x").expect_exit(7, &["connection refused"]);
    cli.run(&["doctor"]).expect_exit(1, &[]);
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
    cli.run_with_env(&strange, &["keys", "list"]).expect_exit(1, &["a web page (text/html)"]);
}

#[test]
fn partially_applied_batches_exit_with_8() {
    let cli = CliFixture::new();
    let live = cli.create_key("Live");
    cli.create_key("Silent");
    cli.use_key(&live);
    let batch = ["keys", "revoke", "--workspace", "--json", "--yes", "Live", "Silent", "Missing"];
    let ran = cli.run(&batch).expect_exit(8, &["2 of 3"]);
    let results: Vec<_> = ran.json().as_array().unwrap().iter().map(|r| r["result"].clone()).collect();
    assert_eq!(results, ["refused", "revoked", "not_found"]);
    assert_eq!(cli.use_key(&live), 200);
    let again = cli.run(&["keys", "revoke", "--workspace", "--json", "Silent"]).expect_exit(0, &[]);
    assert_eq!(again.json()[0]["result"], "already_revoked");
}

#[test]
fn findings_exit_with_10() {
    let cli = CliFixture::new();
    let secret = cli.create_key("Grafana");
    cli.run(&["review", "list", "--exit-code"]).expect_exit(0, &[]);
    std::fs::write(cli.path("leak.txt"), format!("KEY={secret}\n")).unwrap();
    let found = cli.run(&["scan", "--exit-code", "leak.txt", "data"]).expect_exit(10, &[]);
    assert!(found.out.contains("leak.txt") && !found.out.contains(&secret), "{found:?}");
    cli.run(&["scan", "leak.txt"]).expect_exit(0, &[]);
    cli.run(&["scan", "--exit-code", "data"]).expect_exit(0, &[]);
    // A named file is read even if it is a link or a device. Control characters in file names are escaped.
    std::os::unix::fs::symlink("leak.txt", cli.path("link")).unwrap();
    cli.run(&["scan", "--exit-code", "link"]).expect_exit(10, &[]);
    for stdin in ["-", "/dev/stdin"] {
        assert_eq!(cli.run_with_input(&["scan", "--exit-code", stdin], &secret).code, 10, "{stdin}");
    }
    std::fs::create_dir(cli.path("deep")).unwrap();
    std::fs::write(cli.path("deep/a\n\u{1b}[2J"), [b"\0\xff\0", secret.as_bytes(), b"\0"].concat()).unwrap();
    for form in ["table", "id", "csv", "json"] {
        let found = cli.run(&["scan", "--exit-code", "-o", form, "deep"]).expect_exit(10, &[]);
        assert_eq!(found.out.lines().find_map(keyward::domain::text::first_unsafe_char), None, "{form}");
    }
    cli.run(&["scan", "no-such-file"]).expect_exit(1, &["no-such-file"]);
    cli.run(&["scan", "no-such-file", "leak.txt"]).expect_exit(8, &["One file"]);
}

#[test]
fn commands_ended_by_a_signal_exit_with_129_130_or_143() {
    use rustix::process::{Pid, Signal, kill_process};
    let cli = CliFixture::new();
    // A shell reports these as 129, 130 and 143.
    for signal in [Signal::HUP, Signal::INT, Signal::TERM] {
        let mut child =
            cli.command(PROGRAM_PATH).args(["verify"]).stdin(std::process::Stdio::piped()).spawn().unwrap();
        kill_process(Pid::from_child(&child), signal).unwrap();
        let status = child.wait().unwrap();
        assert_eq!(status.signal(), Some(signal.as_raw()), "{status:?}");
    }
}

#[test]
fn other_failures_exit_with_1() {
    let cli = CliFixture::new();
    cli.run(&["keys", "create", "--name", "x", "--write-to", "no/such/x"])
        .expect_exit(1, &["No key was created"]);
    cli.run(&["keys", "create", "--name", "x", "--write-to", "data"]).expect_exit(6, &["is a folder"]);
    cli.run_with_input(&["verify"], "sk_short").expect_exit(1, &[]);
    cli.shell("keyward keys list --csv > /dev/full").expect_exit(1, &["cannot be written"]);
    let full = cli.shell("keyward keys create --name x > /dev/full");
    full.expect_exit(1, &["was created", "was not delivered", "--resume=", "keys revoke"]);
}

#[test]
fn rotation_and_review_commands_set_exit_codes_in_the_demo() {
    let cli = CliFixture::new();
    let demo = |command: &[&str]| {
        let args = [&["demo", "--", PROGRAM_PATH], command].concat();
        cli.run(&args)
    };
    demo(&["review", "list", "--exit-code", "-o", "id"]).expect_exit(10, &[]);
    demo(&["rotate", "status", "--exit-code", "-o", "id"]).expect_exit(10, &[]);
    let script = "ready() { keyward rotate status --json=phase,old.id,new.id | grep \"\\\"$1\\\"\" | grep -o '[0-9a-f]*-[0-9a-f-]*' | head -n 1; }
        keyward rotate finish $(ready drain) --yes 2>/dev/null; test $? = 6 || exit 101
        keyward rotate finish $(ready ready) --yes || exit 102
        keyward rotate cancel $(ready switch) --yes || exit 103
        key=$(keyward review list -o id | head -n 1)
        keyward review keep $key --until 2999-01-01 --note 'until then' || exit 104
        keyward review list -o id | grep $key && exit 105
        keyward review export --csv | grep 'until then' || exit 106
        keyward activity --action review.exported --csv | grep -c review.exported";
    let ran = cli.run(&["demo", "--", "sh", "-c", script]).expect_exit(0, &["Revoked", "Kept"]);
    assert!(ran.out.ends_with("1\n"), "{ran:?}");
}
