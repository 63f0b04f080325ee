//! Signing in, profiles, and where the session comes from.

use std::os::unix::fs::PermissionsExt as _;

use super::world::World;

#[test]
fn flag_over_environment_over_file() {
    let world = World::new();
    world.member("bo@plant.example", "normal");
    world.run(&["whoami"]).ends(2, &["several profiles", "normal", "--profile"]);
    let ada = world.profile();
    let who = |set: &[(&str, &str)], args: &[&str]| {
        world.run_in(set, &[args, &["whoami", "--json=member.email"]].concat()).ends(0, &[]).json()["member.email"].clone()
    };
    assert_eq!(who(&[("KEYWARD_PROFILE", "normal")], &[]), "bo@plant.example");
    assert_eq!(who(&[("KEYWARD_PROFILE", "normal")], &["--profile", &ada]), "ada@plant.example");
    std::fs::create_dir_all(world.path(".config/keyward")).unwrap();
    std::fs::write(world.path(".config/keyward/keyward.toml"), "profile = \"normal\"\n").unwrap();
    assert_eq!(who(&[], &[]), "bo@plant.example");
    assert_eq!(who(&[("KEYWARD_PROFILE", &ada)], &[]), "ada@plant.example");
    // A server or session that is named beats one that is only set.
    let elsewhere = [("KEYWARD_URL", "http://127.0.0.1:1"), ("KEYWARD_TOKEN", "ses_other")];
    assert_eq!(who(&elsewhere, &["--profile", &ada]), "ada@plant.example");
    world.run_in(&elsewhere, &["whoami"]).ends(7, &["127.0.0.1:1"]);
    // The session of one server is never sent to another.
    assert_eq!(who(&elsewhere, &["--url", &world.url]), who(&[], &["--url", &world.url]));
    let here = [("KEYWARD_URL", world.url.as_str()), ("KEYWARD_TOKEN", "ses_other")];
    world.run_in(&here, &["--url", &world.url, "whoami"]).ends(4, &["session"]);
    let saved = std::fs::read(world.path(".local/state/keyward/sessions/normal.json")).unwrap();
    let saved: serde_json::Value = serde_json::from_slice(&saved).unwrap();
    let token = world.path("token");
    std::fs::write(&token, saved["token"].as_str().unwrap()).unwrap();
    std::fs::set_permissions(&token, std::fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(who(&elsewhere, &["--url", &world.url, "--token-file", "token"]), "bo@plant.example");
    let other = world.path("other.toml");
    std::fs::write(&other, format!("profile = \"{ada}\"\n")).unwrap();
    let other = other.to_str().unwrap();
    assert_eq!(who(&[("KEYWARD_CONFIG", other)], &[]), "ada@plant.example");
    assert_eq!(who(&[("KEYWARD_CONFIG", "/no/such")], &["--config", other]), "ada@plant.example");
    let listed = world.run(&["profiles", "--json"]).ends(0, &[]).json();
    assert_eq!(listed.as_array().unwrap().len(), 2);
    std::fs::write(world.path(".config/keyward/keyward.toml"), "nonsense = 1\n").unwrap();
    world.run(&["whoami"]).ends(2, &["keyward.toml", "line 1", "nonsense"]);
}

#[test]
fn a_session_from_environment_file_input_or_command() {
    let world = World::new();
    let (_, saved) = world.files(".local/state/keyward/sessions").remove(0);
    let saved: serde_json::Value = serde_json::from_slice(&saved).unwrap();
    let token = saved["token"].as_str().unwrap();
    let set =
        [("KEYWARD_URL", world.url.as_str()), ("KEYWARD_TOKEN", token), ("XDG_STATE_HOME", "/nonexistent")];
    world.run_in(&set, &["whoami"]).ends(0, &[]);
    let file = world.path("token");
    std::fs::write(&file, format!("{token}\n")).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    let from_file = ["--url", &world.url, "--token-file", "token", "keys", "list"];
    world.run(&from_file).ends(6, &["chmod 600"]);
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    world.run(&from_file).ends(0, &[]);
    world.run_with(&["--url", &world.url, "--token-stdin", "keys", "list"], token).ends(0, &[]);
    std::fs::create_dir_all(world.path(".config/keyward")).unwrap();
    let config = |command: &str| {
        let text = format!("[profiles.pass]\nurl = \"{}\"\ncredential_command = \"{command}\"\n", world.url);
        std::fs::write(world.path(".config/keyward/keyward.toml"), text).unwrap();
    };
    world.stub("store", "env > env.txt; cat token");
    config("store");
    world.run_in(&[("KEYWARD_TOKEN", "ses_other")], &["--profile", "pass", "keys", "list"]).ends(0, &[]);
    assert!(!std::fs::read_to_string(world.path("env.txt")).unwrap().contains("KEYWARD_"));
    config("no-such-store");
    world.run(&["--profile", "pass", "keys", "list"]).ends(4, &["credential_command", "no-such-store"]);
    config("false");
    world.run(&["--profile", "pass", "keys", "list"]).ends(4, &["failed"]);
}

#[test]
fn files_that_others_can_read_are_refused() {
    let world = World::new();
    let (path, _) = world.files(".local/state/keyward/sessions").remove(0);
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    world.run(&["keys", "list"]).ends(1, &["chmod 600", path.to_str().unwrap()]);
    world.run(&["doctor"]).ends(1, &[]);
}

#[test]
fn a_session_that_ended_says_so_and_another_machine_signs_in_by_code() {
    let world = World::new();
    let code = world.run(&["sessions", "code"]).ends(0, &["keyward login"]).out;
    world
        .run_with(&["login", "--code-stdin", "--profile", "laptop", &world.url], &code)
        .ends(0, &["Signed in"]);
    let sessions = world.run(&["--profile", "laptop", "sessions", "list", "--json"]).ends(0, &[]).json();
    let other = sessions.as_array().unwrap().iter().find(|s| s["current"] == false).unwrap()["id"].clone();
    world.run(&["--profile", "laptop", "sessions", "end", other.as_str().unwrap()]).ends(0, &["Ended"]);
    world.run(&["--profile", &world.profile(), "keys", "list"]).ends(4, &["session", "keyward login"]);
    world.run_with(&["login", "--code-stdin", "--profile", "x", &world.url], &code).ends(4, &["code"]);
}

#[test]
fn members_come_and_go() {
    let world = World::new();
    world.member("bo@plant.example", "normal");
    world.run(&["--profile", "normal", "keys", "create", "--name", "notebook"]).ends(0, &[]);
    let ada = world.profile();
    let ada = ada.as_str();
    let dry = world.run(&["--profile", ada, "members", "remove", "BO@plant.example", "--dry-run", "--json"]);
    assert_eq!(dry.ends(0, &[]).json()["revoked"][0]["name"], "notebook");
    world.run(&["--profile", ada, "members", "role", "bo@plant.example", "admin"]).ends(0, &["now admin"]);
    world.run(&["--profile", ada, "members", "remove", "bo@plant.example"]).ends(2, &["--yes"]);
    world.run(&["--profile", ada, "members", "remove", "bo@plant.example", "--yes"]).ends(0, &["notebook"]);
    let again = format!("keyward login {} --profile normal", world.url);
    world.run(&["--profile", "normal", "keys", "list"]).ends(4, &[&again]);
    world.run(&["--profile", ada, "sessions", "end", "--of", "ada@plant.example"]).ends(0, &["Ended"]);
    world.run(&["--profile", ada, "whoami"]).ends(4, &["keyward login"]);
    let code = world.admin_code("ada@plant.example", "invite");
    world.run_with(&["login", "--code-stdin", &world.url], &code).ends(0, &["Signed in"]);
}
