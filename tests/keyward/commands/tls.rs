//! Signing in over TLS, and the messages for certificate problems.

use std::path::{Path, PathBuf};

use super::cli_fixture::CliFixture;

fn pem_path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/keyward/support/tls").join(name)
}

#[test]
fn signing_in_works_over_tls_with_a_private_certificate_authority() {
    let cli = CliFixture::with_tls(&pem_path("localhost.pem"), &pem_path("localhost.key"));
    let ca = pem_path("ca.pem");
    let ca = ca.to_str().unwrap();
    let code = cli.create_admin_code("ada@plant.example", "init");
    let url = cli.url.replace("127.0.0.1", "localhost");
    assert!(url.starts_with("https://localhost:"), "{url}");
    cli.run_with_input(&["login", "--code-stdin", &url, "--ca-cert", ca], &code)
        .expect_exit(0, &["Signed in"]);
    // The CA certificate from the flag, the environment and the profile.
    cli.run(&["whoami", "--ca-cert", ca]).expect_exit(0, &[]);
    cli.run_with_env(&[("KEYWARD_CA_CERT", ca)], &["keys", "list"]).expect_exit(0, &[]);
    let config = cli.path(".config/keyward");
    std::fs::create_dir_all(&config).unwrap();
    let profile = url.trim_start_matches("https://").replace(':', "-");
    std::fs::write(config.join("keyward.toml"), format!("[profiles.{profile}]\nca_cert = \"{ca}\"\n"))
        .unwrap();
    cli.run(&["keys", "create", "--name", "Grafana", "--write-to", "key.txt"]).expect_exit(0, &["Created"]);
    let key = std::fs::read_to_string(cli.path("key.txt")).unwrap();
    let verdict = cli.run_with_input(&["verify"], &key).expect_exit(0, &[]);
    assert!(verdict.out.contains("valid"), "{verdict:?}");
    let doctor = cli.run(&["doctor", "--json=check,health"]).expect_exit(0, &[]);
    assert!(doctor.out.contains("{\"check\":\"session\",\"health\":\"ok\"}"), "{doctor:?}");
}

#[test]
fn each_certificate_problem_has_its_own_message() {
    let cases = [
        ("localhost.pem", None, "an authority that this machine does not trust", "--ca-cert"),
        ("localhost.pem", Some("other-ca.pem"), "an authority that this machine does not trust", "--ca-cert"),
        ("expired.pem", Some("ca.pem"), "expired on 2021-01-01", "Renew"),
        ("early.pem", Some("ca.pem"), "not valid before 2100-01-01", "clock"),
        (
            "elsewhere.pem",
            Some("ca.pem"),
            "is valid for keys.plant.example, but not for this address",
            "Use an address",
        ),
    ];
    for (certificate, ca, cause, fix) in cases {
        let cli = CliFixture::with_tls(&pem_path(certificate), &pem_path("localhost.key"));
        let ca = ca.map(pem_path);
        let mut args = vec!["login", "--code-stdin", &cli.url];
        if let Some(ca) = &ca {
            args.extend(["--ca-cert", ca.to_str().unwrap()]);
        }
        let ran = cli.run_with_input(&args, "inv_0").expect_exit(7, &[cause, fix, &cli.url]);
        assert_eq!(ran.err.trim().lines().count(), 1, "{ran:?}");
        args.splice(..2, ["keys", "list", "--url"]);
        cli.run_with_env(&[("KEYWARD_TOKEN", "ses_0123456789abcdef")], &args).expect_exit(7, &[cause, fix]);
    }
}

#[test]
fn errors_report_a_file_without_certificates_and_a_wrong_scheme() {
    let cli = CliFixture::with_tls(&pem_path("localhost.pem"), &pem_path("localhost.key"));
    std::fs::write(cli.path("empty.pem"), "nothing").unwrap();
    let login =
        |url: &str, ca: &str| cli.run_with_input(&["login", "--code-stdin", url, "--ca-cert", ca], "inv_0");
    login(&cli.url, "empty.pem").expect_exit(2, &["no readable certificate", "BEGIN CERTIFICATE"]);
    login(&cli.url, "no-such.pem").expect_exit(2, &["no-such.pem", "No such file"]);
    let plain = cli.url.replace("https", "http");
    login(&plain, "empty.pem").expect_exit(7, &[&plain]);
    let honest = CliFixture::new();
    let tls = honest.url.replace("http", "https");
    login(&tls, pem_path("ca.pem").to_str().unwrap()).expect_exit(7, &["does not speak TLS", "http://"]);
}
