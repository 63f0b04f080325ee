//! The main use case with the real program: creating, using, protecting and revoking a key. Also tests the demo.

use std::process::Stdio;

use keyward::domain::key::contains_secret;
use serde_json::Value;

use crate::support::program::{ProgramHome, ProgramServer, RunningProgram, http_get};

#[test]
fn a_key_is_created_used_protected_and_revoked() {
    let ProgramServer { home, url, server: _server } = ProgramServer::start();
    let created = home.run(&["keys", "create", "--workspace", "--name", "Grafana"]);
    assert!(!contains_secret(&created.err), "{}", created.err);
    let secret = created.expect_success();
    assert!(secret.starts_with("sk_") && secret.len() == 43, "the output is not exactly the secret");

    let list = || home.run(&["keys", "list", "--workspace", "--json"]).expect_exit(0, &[]).json();
    assert_eq!(list()[0]["last_used_at"], Value::Null);
    assert_eq!(http_get(&url, "/api/v2/sites", &secret, "Grafana/11.4.0").status, 200);
    let used = list()[0].clone();
    assert_eq!(used["last_used_by"]["agent"], "Grafana/11.4.0");
    assert_eq!(used["last_used_by"]["address"], "127.0.0.1");
    assert_eq!(used["use_count"], 1);

    let refused = home.run(&["keys", "revoke", "--workspace", "--yes", "Grafana"]);
    assert_eq!(refused.code, 6, "{refused:?}");
    let output = refused.err + &refused.out;
    assert!(output.contains("Grafana/11.4.0") && output.contains("127.0.0.1"), "{output}");
    assert_eq!(http_get(&url, "/api/v2/sites", &secret, "Grafana/11.4.0").status, 200);

    let revoke = ["keys", "revoke", "--workspace", "--even-if-used", "--reason", "test", "--yes", "Grafana"];
    home.run(&revoke).expect_success();
    let response = http_get(&url, "/api/v2/sites", &secret, "Grafana/11.4.0");
    assert_eq!(response.status, 401);
    assert!(
        response.head.to_lowercase().contains("www-authenticate: bearer realm=\"keyward\""),
        "{}",
        response.head
    );
    assert!(response.body.contains("key-invalid"), "{}", response.body);
    assert_eq!(list().as_array().unwrap().len(), 0);
}

#[test]
fn the_demo_runs_a_command_and_leaves_nothing_behind() {
    let home = ProgramHome::new();
    let script = "S=$(keyward keys create --workspace --name x) || exit 90
        echo \"$S\" | grep -Eqx 'sk_[0-9A-Za-z]{40}' || exit 91
        keyward verify <<EOF >&2 || exit 92
$S
EOF
        keyward keys list --workspace --json > list.json || exit 93
        keyward keys revoke --workspace --yes x >&2; [ $? -eq 6 ] || exit 94
        keyward keys revoke --workspace --yes --even-if-used --reason test x >&2 || exit 95
        echo \"$S\" | keyward verify >&2; [ $? -ne 0 ] || exit 96
        exit 42";
    let output = {
        let mut command = home.keyward_command(&["demo", "--", "sh", "-c", script]);
        command.current_dir(home.path(""));
        RunningProgram::start(command).wait()
    };
    assert_eq!(output.code, 42, "{output:?}");
    assert_eq!(output.out, "", "the demo prints nothing of its own");
    assert!(!contains_secret(&output.err), "{}", output.err);
    let list: Value = serde_json::from_slice(&std::fs::read(home.path("list.json")).unwrap()).unwrap();
    let list = list.as_array().unwrap();
    let x = list.iter().find(|key| key["name"] == "x").unwrap();
    assert!(x["last_used_by"]["agent"].as_str().unwrap().starts_with("keyward/"), "{x}");
    let live: Vec<&Value> = list.iter().filter(|key| key["revoked_at"].is_null()).collect();
    assert!(live.len() > 25);
    assert_eq!(leftover_folders(&home), Vec::<String>::new());
}

#[test]
fn the_demo_exits_with_the_exit_code_of_its_command() {
    let home = ProgramHome::new();
    assert_eq!(home.run(&["demo", "--keys", "1", "--", "sh", "-c", "kill -TERM $$"]).code, 143);
    let missing = home.run(&["demo", "--keys", "1", "--", "no-such-program"]);
    assert_eq!((missing.code, missing.out.as_str()), (127, ""));
    assert!(missing.err.contains("no-such-program"), "{}", missing.err);

    // A signal to the demo is passed on to the command. The command handles Ctrl-C itself.
    let script = "trap 'echo term >&2; exit 3' TERM; trap '' INT; echo $PPID >&2; read x";
    let mut command = home.keyward_command(&["demo", "--keys", "1", "--", "sh", "-c", script]);
    command.stdin(Stdio::piped());
    let demo = RunningProgram::start(command);
    let pid: i32 = demo.wait_for_line(|line| line.trim().parse().ok());
    let pid = rustix::process::Pid::from_raw(pid).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    demo.wait_for_line(|line| (line == "term").then_some(()));
    let output = demo.wait();
    assert_eq!((output.code, output.out.as_str()), (3, ""), "{output:?}");
    assert_eq!(leftover_folders(&home), Vec::<String>::new());
}

/// Returns all entries of a list, reading its pages as a client of ENLYZE's public API v2 does.
fn list_all_pages(url: &str, path: &str, secret: &str) -> Vec<Value> {
    let (mut all, mut cursor) = (Vec::new(), None::<String>);
    loop {
        let query = cursor.map_or(String::new(), |cursor| format!("?cursor={cursor}"));
        let response = http_get(url, &format!("/api/v2{path}{query}"), secret, "enlyze-python/3.0.2");
        assert_eq!(response.status, 200, "{response:?}");
        let page: Value = serde_json::from_str(&response.body).unwrap();
        all.extend(page["data"].as_array().unwrap().iter().cloned());
        cursor = page["metadata"]["next_cursor"].as_str().map(str::to_owned);
        if cursor.is_none() {
            return all;
        }
    }
}

#[test]
fn a_client_of_the_public_api_lists_sites_and_machines() {
    let home = ProgramHome::new();
    let script = "keyward keys create --workspace --name client --write-to secret >&2 && echo \"$KEYWARD_URL\" >&2 && read x";
    let mut command = home.keyward_command(&["demo", "--keys", "5", "--", "sh", "-c", script]);
    command.stdin(Stdio::piped()).current_dir(home.path(""));
    let demo = RunningProgram::start(command);
    let url = demo.wait_for_line(|line| line.starts_with("http://").then(|| line.to_owned()));
    let secret = std::fs::read_to_string(home.path("secret")).unwrap();
    let secret = secret.trim_end();
    let sites = list_all_pages(&url, "/sites", secret);
    let machines = list_all_pages(&url, "/machines", secret);
    assert_eq!((sites.len(), machines.len()), (3, 14));
    for machine in &machines {
        assert!(sites.iter().any(|site| site["uuid"] == machine["site"]), "{machine}");
    }
    drop(demo);
}

/// Returns the names of the temporary folders that the demo left behind.
fn leftover_folders(home: &ProgramHome) -> Vec<String> {
    let entries = std::fs::read_dir(home.path("")).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned());
    names.filter(|name| name.starts_with("keyward-demo-")).collect()
}
