//! `verify` and `whoami`: every cause told apart in words.

use super::world::World;

#[test]
fn each_cause_is_told_apart() {
    let world = World::new();
    let key = world.key("Grafana");
    let verify = |pasted: &str, code: i32, words: &[&str]| {
        let ran = world.run_with(&["verify"], pasted);
        assert_eq!(ran.code, code, "{ran:?}");
        for word in words {
            assert!(ran.out.contains(word), "`{word}` is missing: {ran:?}");
        }
        assert!(!ran.out.contains(&key[4..12]) && !ran.err.contains(&key[4..12]), "repeats the key: {ran:?}");
    };
    verify(&key, 0, &["good", "counted as a use", "\"Grafana\""]);
    verify(&format!("{key}\n"), 0, &["good"]);
    verify(&format!("Authorization: Bearer {key}"), 0, &["good"]);
    verify(&format!("{key}\n"), 0, &["line break follows"]);
    verify(&format!("Authorization: {key}"), 0, &["good", "`Bearer` is missing"]);
    verify(&format!("KEY={key}"), 1, &["A whole key is in there", "before it"]);
    verify(&format!("\u{feff}{key}"), 1, &["before it, U+FEFF"]);
    verify(&key[..40], 1, &["key-malformed", "truncated", "3 characters are missing"]);
    verify(&key.replace('_', "-"), 1, &["underscore", "dash"]);
    verify(&key.replace('_', "–"), 1, &["underscore", "dash"]);
    verify(&format!("{} {}", &key[..10], &key[10..]), 1, &["cannot be sent", "wrapped"]);
    verify(&format!("Authorization: {}", &key[..42]), 1, &["`Bearer` is missing", "1 character is missing"]);
    verify("ses_abc", 1, &["a session, not a key"]);
    let other = keyward::domain::secret::Secret::generate(|| [5; 64]);
    verify(other.expose(), 1, &["key-invalid", "revoked", "another server"]);
    let revoke =
        ["keys", "revoke", "--workspace", "--even-if-used", "--reason", "a leak", "--yes", "Grafana"];
    world.run(&revoke).ends(0, &["Revoked"]);
    verify(&key, 1, &["key-invalid", "revoked", "by ada@plant.example", "a leak"]);
    let json = world.run_with(&["verify", "--json"], &key).json();
    assert_eq!((json["valid"].clone(), json["cause"].clone()), (false.into(), "key-invalid".into()));
}

#[test]
fn whose_key_is_it_without_using_it() {
    let world = World::new();
    let key = world.key("Grafana");
    let ran = world.run_with(&["whoami"], &key).ends(0, &[]);
    assert!(ran.out.contains("organization key \"Grafana\""), "{ran:?}");
    assert!(world.keys()[0]["last_used_at"].is_null(), "no use");
    world.run_with(&["whoami"], &key[..40]).ends(3, &["3 characters are missing"]);
    let ran = world.run(&["whoami"]).ends(0, &[]);
    assert!(ran.out.contains("ada@plant.example"), "{ran:?}");
}

#[test]
fn any_server_can_be_asked() {
    use std::io::{Read as _, Write as _};
    let world = World::new();
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
    let ask = || world.run_with(&["--url", &url, "verify"], "sk_whatever");
    assert!(ask().ends(1, &[]).out.contains("truncated"));
    assert!(ask().ends(0, &[]).out.contains("good"));
    ask().ends(3, &["/api/v2/sites"]);
}
