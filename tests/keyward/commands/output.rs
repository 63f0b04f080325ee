//! Output formats: table, JSON, CSV and ids.

use std::io::{Read as _, Write as _};

use super::cli_fixture::CliFixture;

#[test]
fn a_list_is_printed_in_every_format() {
    let cli = CliFixture::new();
    cli.create_key("Power BI – Sales");
    cli.create_key("=SUM(1,2)");
    let list =
        |more: &[&str]| cli.run(&[&["keys", "list", "--workspace"], more].concat()).expect_exit(0, &[]).out;
    let table = list(&[]);
    let mut lines = table.lines();
    assert!(lines.next().unwrap().starts_with("Name              Secret key"), "{table}");
    assert!(lines.next().unwrap().starts_with("=SUM(1,2)         sk_…"), "newest first: {table}");
    assert!(lines.next().unwrap().contains("Never"), "{table}");
    assert_eq!(list(&["--no-header"]).lines().count(), 2);
    assert_eq!(list(&["-o", "id"]).lines().next(), Some(cli.key_id("=SUM(1,2)").as_str()));
    let csv = list(&["--csv"]);
    assert!(csv.starts_with("name,masked,last_used_at,created_at,revoked_at,flags,created_by,"), "{csv}");
    assert!(csv.contains("\"'=SUM(1,2)\","), "defused: {csv}");
    let picked = list(&["--json=name,created_by.email", "--sort", "name", "-n", "1"]);
    assert_eq!(picked, "[\n{\"name\":\"=SUM(1,2)\",\"created_by.email\":\"ada@plant.example\"}\n]\n");
    assert_eq!(list(&["--filter", "bi sales", "-o", "id"]).trim(), cli.key_id("Power BI – Sales"));
    assert_eq!(list(&["--filter", "flag:orphaned", "--json"]), "[\n]\n");
    let none =
        cli.run(&["keys", "list", "--workspace", "--filter", "flag:orphaned"]).expect_exit(0, &["No key"]);
    assert_eq!(none.out, "");
    assert_eq!(list(&["--filter", "flag:orphaned", "--csv"]).lines().count(), 1);
    assert_eq!(list(&["--filter", "is:live", "-o", "id"]), "");
}

#[test]
fn keys_rotations_reviews_and_activity_are_printed_as_json() {
    let cli = CliFixture::new();
    let secret = cli.create_key("Grafana");
    cli.use_key(&secret);
    let key = &cli.list_keys()[0];
    let fields: Vec<&str> = key.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(
        fields,
        [
            "created_at",
            "created_by",
            "id",
            "kind",
            "last_used_at",
            "last_used_by",
            "masked",
            "name",
            "note",
            "replaced_by",
            "replaces",
            "revoke_reason",
            "revoked_at",
            "revoked_by",
            "use_count",
            "version"
        ]
    );
    assert_eq!(key["last_used_by"]["address"], "127.0.0.1");
    let shown = cli.run(&["keys", "show", "--workspace", "Grafana", "--json"]).expect_exit(0, &[]).json();
    assert_eq!(shown["id"], key["id"]);
    let id = cli.key_id("Grafana");
    cli.run(&["rotate", "start", &id]).expect_exit(0, &[]);
    let rotation = &cli.run(&["rotate", "status", "--json"]).expect_exit(0, &[]).json()[0];
    assert_eq!(rotation["phase"], "switch");
    for field in ["old", "new", "quiet_window_s", "quiet_since", "ready_at", "evidence"] {
        assert!(rotation.get(field).is_some(), "{field}: {rotation}");
    }
    let one = cli.run(&["rotate", "status", &id, "--exit-code"]).expect_exit(0, &[]);
    assert!(one.out.contains("switch") && one.out.contains("Quiet window"), "{}", one.out);
    assert_eq!(cli.run(&["review", "list", "--json"]).expect_exit(0, &[]).out, "[\n]\n");
    let activity = cli.run(&["activity", "--action", "key.created", "--json"]).expect_exit(0, &[]).json();
    assert_eq!(activity.as_array().unwrap().len(), 2);
}

/// Guarantee 22: stored text cannot act on a terminal or a spreadsheet.
#[test]
fn text_from_other_clients_never_controls_the_terminal() {
    let cli = CliFixture::new();
    let secret = cli.create_key("Grafana");
    let address = cli.url.trim_start_matches("http://");
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    let agent = "evil\u{9b}2J\u{202e}\u{200b} =x";
    let request = format!(
        "GET /api/v2/sites HTTP/1.1\r\nHost: {address}\r\nUser-Agent: {agent}\r\nAuthorization: Bearer {secret}\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    for args in
        [&["keys", "list", "--workspace"][..], &["keys", "show", "--workspace", "Grafana"], &["activity"]]
    {
        for form in ["table", "json", "csv"] {
            let ran = cli.run(&[args, &["-o", form]].concat()).expect_exit(0, &[]);
            let odd = ran
                .out
                .lines()
                .find_map(keyward::domain::text::first_unsafe_char)
                .filter(|c| *c != '\u{fffd}');
            assert_eq!(odd, None, "{form}: {}", ran.out);
        }
    }
}

#[test]
fn a_closed_pipe_is_not_an_error() {
    let cli = CliFixture::new();
    for n in 0..3 {
        cli.create_key(&format!("Key {n}"));
    }
    let ran =
        cli.shell("keyward keys list --workspace | true; keyward completions bash | head -n 1 > /dev/null");
    ran.expect_exit(0, &[]);
    let ran = cli.shell("keyward completions bash 2>err.txt | head -n 1 > /dev/null; cat err.txt");
    assert_eq!((ran.code, ran.out.as_str()), (0, ""));
}

#[test]
fn shell_completions_and_man_pages_cover_the_commands() {
    let cli = CliFixture::new();
    for shell in ["bash", "zsh", "fish"] {
        let script = cli.run(&["completions", shell]).expect_exit(0, &[]).out;
        assert!(script.contains("rotate") && script.contains("revoke"), "{shell}");
    }
    std::fs::write(cli.path("keyward.bash"), cli.run(&["completions", "bash"]).out).unwrap();
    for (words, expected) in
        [("keyward ro", "rotate"), ("keyward keys re", "revoke"), ("keyward keys list --wo", "--workspace")]
    {
        let script = format!(
            ". ./keyward.bash; COMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); \
             _keyward keyward \"${{COMP_WORDS[-1]}}\" \"${{COMP_WORDS[-2]}}\"; echo \"${{COMPREPLY[@]}}\""
        );
        let output = cli.command("bash").args(["-c", &script]).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), expected, "{words}: {output:?}");
    }
    assert!(cli.run(&["man"]).expect_exit(0, &[]).out.starts_with(".ie"));
    std::fs::create_dir(cli.path("man")).unwrap();
    cli.run(&["man", "--to", "man"]).expect_exit(0, &[]);
    assert!(cli.path("man/keyward-keys-revoke.1").exists());
}
