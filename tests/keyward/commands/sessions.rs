//! Signing in, profiles, and the sources that a session token can be read from.

use std::os::unix::fs::PermissionsExt as _;

use super::cli_fixture::CliFixture;

#[test]
fn flags_override_the_environment_and_the_environment_overrides_the_file() {
    let cli = CliFixture::new();
    cli.add_member("bo@plant.example", "normal");
    cli.run(&["whoami"]).expect_exit(2, &["several profiles", "normal", "--profile"]);
    let ada = cli.ada_profile();
    let signed_in_email = |set: &[(&str, &str)], args: &[&str]| {
        cli.run_with_env(set, &[args, &["whoami", "--json=member.email"]].concat()).expect_exit(0, &[]).json()
            ["member.email"]
            .clone()
    };
    assert_eq!(signed_in_email(&[("KEYWARD_PROFILE", "normal")], &[]), "bo@plant.example");
    assert_eq!(signed_in_email(&[("KEYWARD_PROFILE", "normal")], &["--profile", &ada]), "ada@plant.example");
    std::fs::create_dir_all(cli.path(".config/keyward")).unwrap();
    std::fs::write(cli.path(".config/keyward/keyward.toml"), "profile = \"normal\"\n").unwrap();
    assert_eq!(signed_in_email(&[], &[]), "bo@plant.example");
    assert_eq!(signed_in_email(&[("KEYWARD_PROFILE", &ada)], &[]), "ada@plant.example");
    // A flag overrides the environment.
    let elsewhere = [("KEYWARD_URL", "http://127.0.0.1:1"), ("KEYWARD_TOKEN", "ses_other")];
    assert_eq!(signed_in_email(&elsewhere, &["--profile", &ada]), "ada@plant.example");
    cli.run_with_env(&elsewhere, &["whoami"]).expect_exit(7, &["127.0.0.1:1"]);
    // The session of one server is never sent to another server.
    assert_eq!(signed_in_email(&elsewhere, &["--url", &cli.url]), signed_in_email(&[], &["--url", &cli.url]));
    let environment = [("KEYWARD_URL", cli.url.as_str()), ("KEYWARD_TOKEN", "ses_other")];
    cli.run_with_env(&environment, &["--url", &cli.url, "whoami"]).expect_exit(4, &["session"]);
    let saved = std::fs::read(cli.path(".local/state/keyward/sessions/normal.json")).unwrap();
    let saved: serde_json::Value = serde_json::from_slice(&saved).unwrap();
    let token = cli.path("token");
    std::fs::write(&token, saved["token"].as_str().unwrap()).unwrap();
    std::fs::set_permissions(&token, std::fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(
        signed_in_email(&elsewhere, &["--url", &cli.url, "--token-file", "token"]),
        "bo@plant.example"
    );
    let other = cli.path("other.toml");
    std::fs::write(&other, format!("profile = \"{ada}\"\n")).unwrap();
    let other = other.to_str().unwrap();
    assert_eq!(signed_in_email(&[("KEYWARD_CONFIG", other)], &[]), "ada@plant.example");
    assert_eq!(signed_in_email(&[("KEYWARD_CONFIG", "/no/such")], &["--config", other]), "ada@plant.example");
    let listed = cli.run(&["profiles", "--json"]).expect_exit(0, &[]).json();
    assert_eq!(listed.as_array().unwrap().len(), 2);
    std::fs::write(cli.path(".config/keyward/keyward.toml"), "nonsense = 1\n").unwrap();
    cli.run(&["whoami"]).expect_exit(2, &["keyward.toml", "line 1", "nonsense"]);
}

#[test]
fn the_session_is_read_from_the_environment_a_file_standard_input_or_a_command() {
    let cli = CliFixture::new();
    let (_, saved) = cli.files_below(".local/state/keyward/sessions").remove(0);
    let saved: serde_json::Value = serde_json::from_slice(&saved).unwrap();
    let token = saved["token"].as_str().unwrap();
    let set =
        [("KEYWARD_URL", cli.url.as_str()), ("KEYWARD_TOKEN", token), ("XDG_STATE_HOME", "/nonexistent")];
    cli.run_with_env(&set, &["whoami"]).expect_exit(0, &[]);
    let file = cli.path("token");
    std::fs::write(&file, format!("{token}\n")).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    let from_file = ["--url", &cli.url, "--token-file", "token", "keys", "list"];
    cli.run(&from_file).expect_exit(6, &["chmod 600"]);
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    cli.run(&from_file).expect_exit(0, &[]);
    cli.run_with_input(&["--url", &cli.url, "--token-stdin", "keys", "list"], token).expect_exit(0, &[]);
    std::fs::create_dir_all(cli.path(".config/keyward")).unwrap();
    let config = |command: &str| {
        let text = format!("[profiles.pass]\nurl = \"{}\"\ncredential_command = \"{command}\"\n", cli.url);
        std::fs::write(cli.path(".config/keyward/keyward.toml"), text).unwrap();
    };
    cli.install_stub("store", "env > env.txt; cat token");
    config("store");
    cli.run_with_env(&[("KEYWARD_TOKEN", "ses_other")], &["--profile", "pass", "keys", "list"])
        .expect_exit(0, &[]);
    assert!(!std::fs::read_to_string(cli.path("env.txt")).unwrap().contains("KEYWARD_"));
    config("no-such-store");
    cli.run(&["--profile", "pass", "keys", "list"]).expect_exit(4, &["credential_command", "no-such-store"]);
    config("false");
    cli.run(&["--profile", "pass", "keys", "list"]).expect_exit(4, &["failed"]);
}

#[test]
fn files_that_others_can_read_are_refused() {
    let cli = CliFixture::new();
    let (path, _) = cli.files_below(".local/state/keyward/sessions").remove(0);
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    cli.run(&["keys", "list"]).expect_exit(1, &["chmod 600", path.to_str().unwrap()]);
    cli.run(&["doctor"]).expect_exit(1, &[]);
}

#[test]
fn an_ended_session_is_reported_and_another_machine_signs_in_with_a_code() {
    let cli = CliFixture::new();
    let code = cli.run(&["sessions", "code"]).expect_exit(0, &["keyward login"]).out;
    cli.run_with_input(&["login", "--code-stdin", "--profile", "laptop", &cli.url], &code)
        .expect_exit(0, &["Signed in"]);
    let sessions = cli.run(&["--profile", "laptop", "sessions", "list", "--json"]).expect_exit(0, &[]).json();
    let other = sessions.as_array().unwrap().iter().find(|s| s["current"] == false).unwrap()["id"].clone();
    cli.run(&["--profile", "laptop", "sessions", "end", other.as_str().unwrap()]).expect_exit(0, &["Ended"]);
    cli.run(&["--profile", &cli.ada_profile(), "keys", "list"]).expect_exit(4, &["session", "keyward login"]);
    cli.run_with_input(&["login", "--code-stdin", "--profile", "x", &cli.url], &code)
        .expect_exit(4, &["code"]);
}

#[test]
fn members_are_invited_promoted_and_removed() {
    let cli = CliFixture::new();
    cli.add_member("bo@plant.example", "normal");
    cli.run(&["--profile", "normal", "keys", "create", "--name", "notebook"]).expect_exit(0, &[]);
    let ada = cli.ada_profile();
    let ada = ada.as_str();
    let dry = cli.run(&["--profile", ada, "members", "remove", "BO@plant.example", "--dry-run", "--json"]);
    assert_eq!(dry.expect_exit(0, &[]).json()["revoked"][0]["name"], "notebook");
    cli.run(&["--profile", ada, "members", "role", "bo@plant.example", "admin"])
        .expect_exit(0, &["now admin"]);
    cli.run(&["--profile", ada, "members", "remove", "bo@plant.example"]).expect_exit(2, &["--yes"]);
    cli.run(&["--profile", ada, "members", "remove", "bo@plant.example", "--yes"])
        .expect_exit(0, &["notebook"]);
    let again = format!("keyward login {} --profile normal", cli.url);
    cli.run(&["--profile", "normal", "keys", "list"]).expect_exit(4, &[&again]);
    cli.run(&["--profile", ada, "sessions", "end", "--of", "ada@plant.example"]).expect_exit(0, &["Ended"]);
    cli.run(&["--profile", ada, "whoami"]).expect_exit(4, &["keyward login"]);
    let code = cli.create_admin_code("ada@plant.example", "invite");
    cli.run_with_input(&["login", "--code-stdin", &cli.url], &code).expect_exit(0, &["Signed in"]);
}
