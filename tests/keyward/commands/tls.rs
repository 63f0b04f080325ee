//! Signing in over TLS, and what is said where that does not work.

use std::path::{Path, PathBuf};

use super::world::World;

fn pem(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/keyward/support/tls").join(name)
}

#[test]
fn signing_in_over_tls_with_a_certificate_of_ones_own_authority() {
    let world = World::behind_tls(&pem("localhost.pem"), &pem("localhost.key"));
    let ca = pem("ca.pem");
    let ca = ca.to_str().unwrap();
    let code = world.admin_code("ada@plant.example", "init");
    let url = world.url.replace("127.0.0.1", "localhost");
    assert!(url.starts_with("https://localhost:"), "{url}");
    world.run_with(&["login", "--code-stdin", &url, "--ca-cert", ca], &code).ends(0, &["Signed in"]);
    // From the flag, from the environment, from the profile.
    world.run(&["whoami", "--ca-cert", ca]).ends(0, &[]);
    world.run_in(&[("KEYWARD_CA_CERT", ca)], &["keys", "list"]).ends(0, &[]);
    let config = world.path(".config/keyward");
    std::fs::create_dir_all(&config).unwrap();
    let profile = url.trim_start_matches("https://").replace(':', "-");
    std::fs::write(config.join("keyward.toml"), format!("[profiles.{profile}]\nca_cert = \"{ca}\"\n"))
        .unwrap();
    world.run(&["keys", "create", "--name", "Grafana", "--write-to", "key.txt"]).ends(0, &["Created"]);
    let key = std::fs::read_to_string(world.path("key.txt")).unwrap();
    let verdict = world.run_with(&["verify"], &key).ends(0, &[]);
    assert!(verdict.out.contains("good"), "{verdict:?}");
    let doctor = world.run(&["doctor", "--json=check,health"]).ends(0, &[]);
    assert!(doctor.out.contains("{\"check\":\"session\",\"health\":\"ok\"}"), "{doctor:?}");
}

#[test]
fn each_trouble_with_a_certificate_has_its_sentence() {
    let cases = [
        ("localhost.pem", None, "an authority that is not trusted here", "--ca-cert"),
        ("localhost.pem", Some("other-ca.pem"), "an authority that is not trusted here", "--ca-cert"),
        ("expired.pem", Some("ca.pem"), "expired on 2021-01-01", "Renew"),
        ("early.pem", Some("ca.pem"), "good from 2100-01-01", "clock"),
        ("elsewhere.pem", Some("ca.pem"), "is for keys.plant.example, not for this address", "Use a name"),
    ];
    for (certificate, ca, cause, fix) in cases {
        let world = World::behind_tls(&pem(certificate), &pem("localhost.key"));
        let ca = ca.map(pem);
        let mut args = vec!["login", "--code-stdin", &world.url];
        if let Some(ca) = &ca {
            args.extend(["--ca-cert", ca.to_str().unwrap()]);
        }
        let ran = world.run_with(&args, "inv_0").ends(7, &[cause, fix, &world.url]);
        assert_eq!(ran.err.trim().lines().count(), 1, "{ran:?}");
        args.splice(..2, ["keys", "list", "--url"]);
        world.run_in(&[("KEYWARD_TOKEN", "ses_0123456789abcdef")], &args).ends(7, &[cause, fix]);
    }
}

#[test]
fn a_file_without_certificates_and_the_wrong_scheme_are_named() {
    let world = World::behind_tls(&pem("localhost.pem"), &pem("localhost.key"));
    std::fs::write(world.path("empty.pem"), "nothing").unwrap();
    let login =
        |url: &str, ca: &str| world.run_with(&["login", "--code-stdin", url, "--ca-cert", ca], "inv_0");
    login(&world.url, "empty.pem").ends(2, &["no certificate", "BEGIN CERTIFICATE"]);
    login(&world.url, "no-such.pem").ends(2, &["no-such.pem", "No such file"]);
    let plain = world.url.replace("https", "http");
    login(&plain, "empty.pem").ends(7, &[&plain]);
    let honest = World::new();
    let tls = honest.url.replace("http", "https");
    login(&tls, pem("ca.pem").to_str().unwrap()).ends(7, &["does not speak TLS", "http://"]);
}
