//! `verify` and `whoami`, with a message for every cause.

use super::cli_fixture::CliFixture;

#[test]
fn verify_reports_why_a_key_is_refused() {
    let cli = CliFixture::new();
    let key = cli.create_key("Grafana");
    let verify = |pasted: &str, code: i32, words: &[&str]| {
        let ran = cli.run_with_input(&["verify"], pasted);
        assert_eq!(ran.code, code, "{ran:?}");
        for word in words {
            assert!(ran.out.contains(word), "`{word}` is missing: {ran:?}");
        }
        assert!(
            !ran.out.contains(&key[4..12]) && !ran.err.contains(&key[4..12]),
            "the key is in the output: {ran:?}"
        );
    };
    verify(&key, 0, &["valid", "counted as a use", "\"Grafana\""]);
    verify(&format!("{key}\n"), 0, &["valid"]);
    verify(&format!("Authorization: Bearer {key}"), 0, &["valid"]);
    verify(&format!("{key}\n"), 0, &["line break follows"]);
    verify(&format!("Authorization: {key}"), 0, &["valid", "`Bearer` is missing"]);
    verify(&format!("KEY={key}"), 1, &["contains a complete key", "before it"]);
    verify(&format!("\u{feff}{key}"), 1, &["before it, ending with U+FEFF"]);
    verify(&key[..40], 1, &["key-malformed", "truncated", "3 characters are missing"]);
    verify(&key.replace('_', "-"), 1, &["underscore", "dash"]);
    verify(&key.replace('_', "–"), 1, &["underscore", "dash"]);
    verify(&format!("{} {}", &key[..10], &key[10..]), 1, &["cannot be sent", "wrapped"]);
    verify(&format!("Authorization: {}", &key[..42]), 1, &["`Bearer` is missing", "1 character is missing"]);
    verify("ses_abc", 1, &["a session token, not a key"]);
    let other = keyward::domain::secret::Secret::generate(|| [5; 64]);
    verify(other.expose(), 1, &["key-invalid", "revoked", "another server"]);
    let revoke =
        ["keys", "revoke", "--workspace", "--even-if-used", "--reason", "a leak", "--yes", "Grafana"];
    cli.run(&revoke).expect_exit(0, &["Revoked"]);
    verify(&key, 1, &["key-invalid", "revoked", "by ada@plant.example", "a leak"]);
    let json = cli.run_with_input(&["verify", "--json"], &key).json();
    assert_eq!((json["valid"].clone(), json["cause"].clone()), (false.into(), "key-invalid".into()));
}

#[test]
fn whoami_identifies_a_key_without_using_it() {
    let cli = CliFixture::new();
    let key = cli.create_key("Grafana");
    let ran = cli.run_with_input(&["whoami"], &key).expect_exit(0, &[]);
    assert!(ran.out.contains("organization key \"Grafana\""), "{ran:?}");
    assert!(cli.list_keys()[0]["last_used_at"].is_null(), "no use");
    cli.run_with_input(&["whoami"], &key[..40]).expect_exit(3, &["3 characters are missing"]);
    let ran = cli.run(&["whoami"]).expect_exit(0, &[]);
    assert!(ran.out.contains("ada@plant.example"), "{ran:?}");
}

#[test]
fn verify_works_against_a_foreign_server() {
    use std::io::{Read as _, Write as _};
    let cli = CliFixture::new();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let answers = [
            ("401 Unauthorized", "{\"message\":\"Unauthorized\"}"),
            ("200 OK", "{\"data\":[]}"),
            ("404 Not Found", "{}"),
        ];
        for (stream, (status, body)) in listener.incoming().zip(answers) {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 4096]);
            let answer = format!(
                "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
                body.len()
            );
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    let verify = || cli.run_with_input(&["--url", &url, "verify"], "sk_whatever");
    assert!(verify().expect_exit(1, &[]).out.contains("truncated"));
    assert!(verify().expect_exit(0, &[]).out.contains("valid"));
    verify().expect_exit(3, &["/api/v2/sites"]);
}
