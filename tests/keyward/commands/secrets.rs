//! A secret exists only where it was delivered to: a pipe, a new file or a command.

use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;

use super::cli_fixture::{CliFixture, PROGRAM_PATH};

/// Guarantees 4, 5: a secret is readable once, and never on disk in plaintext.
#[test]
fn a_piped_secret_is_the_only_output_and_is_stored_nowhere() {
    let cli = CliFixture::new();
    let ran = cli.shell("keyward keys create --workspace --name Grafana | cat > out.txt");
    ran.expect_exit(0, &["Created"]);
    let secret = std::fs::read_to_string(cli.path("out.txt")).unwrap();
    assert!(secret.starts_with("sk_") && secret.len() == 43, "only the secret, without a line break");
    assert_eq!(cli.use_key(&secret), 200);
    let holders: Vec<_> = cli
        .files_below("")
        .into_iter()
        .filter(|(_, bytes)| memchr::memmem::find(bytes, secret.as_bytes()).is_some())
        .map(|(path, _)| path)
        .collect();
    assert_eq!(holders, [cli.path("out.txt")]);
    assert!(cli.files_below(".local/state/keyward/pending").is_empty(), "the record is removed");
}

#[test]
fn the_secret_file_is_new_private_and_opened_before_the_key_is_created() {
    let cli = CliFixture::new();
    let create = ["keys", "create", "--workspace", "--name", "Grafana", "--write-to", "key.txt"];
    let ran = cli.run(&create).expect_exit(0, &["Created"]);
    assert_eq!(ran.out, "");
    let about = std::fs::metadata(cli.path("key.txt")).unwrap();
    assert_eq!(about.permissions().mode() & 0o777, 0o600);
    assert_eq!(cli.use_key(&std::fs::read_to_string(cli.path("key.txt")).unwrap()), 200);
    cli.run(&create).expect_exit(6, &["key.txt", "never overwritten", "No key was created"]);
    let nowhere = ["keys", "create", "--name", "x", "--write-to", "no/such/key.txt"];
    cli.run(&nowhere).expect_exit(1, &["No key was created"]);
    assert_eq!(cli.list_keys().len(), 1);
    let refused = ["keys", "create", "--name", "x", "--write-to", "other.txt", "--url", "http://127.0.0.1:1"];
    assert_ne!(cli.run(&refused).code, 0);
    assert!(!cli.path("other.txt").exists(), "no empty file is left");
}

#[test]
fn a_command_receives_the_secret_only_on_standard_input() {
    let cli = CliFixture::new();
    // Records what the command can see, and what other users of the machine could see while it runs.
    let look = "cat /proc/[0-9]*/cmdline > ps.txt 2> /dev/null; cat /proc/$PPID/environ > parent.txt";
    cli.install_stub(
        "keep",
        &format!("cat > kept.txt; env > env.txt; {look}; echo \"$@\" > args.txt; exit ${{1:-0}}"),
    );
    let create = |command: &str| {
        let args = ["keys", "create", "--workspace", "--name", "Grafana", "--exec", command];
        let set = [("KEYWARD_PROFILE", cli.ada_profile()), ("KEYWARD_ANYTHING", "1".to_owned())];
        let set: Vec<(&str, &str)> = set.iter().map(|(k, v)| (*k, v.as_str())).collect();
        cli.run_with_env(&set, &args)
    };
    create("keep 0 'two words' $HOME").expect_exit(0, &["Created"]);
    let secret = std::fs::read_to_string(cli.path("kept.txt")).unwrap();
    assert_eq!(cli.use_key(&secret), 200);
    assert_eq!(
        std::fs::read_to_string(cli.path("args.txt")).unwrap(),
        "0 two words $HOME\n",
        "run without a shell"
    );
    assert!(!std::fs::read_to_string(cli.path("env.txt")).unwrap().contains("KEYWARD_"));
    let (_, session) = cli.files_below(".local/state/keyward/sessions").remove(0);
    let session: serde_json::Value = serde_json::from_slice(&session).unwrap();
    for file in ["ps.txt", "parent.txt"] {
        let seen = std::fs::read(cli.path(file)).unwrap();
        assert!(
            memchr::memmem::find(&seen, b"keep").is_some() || file == "parent.txt",
            "the processes were not recorded"
        );
        for hidden in [secret.as_str(), session["token"].as_str().unwrap()] {
            assert!(memchr::memmem::find(&seen, hidden.as_bytes()).is_none(), "{file}");
        }
    }
    create("no-such-command").expect_exit(3, &["no-such-command", "No key was created"]);
    create("keep 'open").expect_exit(2, &["quote"]);
    assert_eq!(cli.list_keys().len(), 1);
    let failed = create("keep 3").expect_exit(1, &["was not delivered", "--resume=", "keys revoke"]);
    assert_eq!(cli.list_keys().len(), 2);
    let dead = std::fs::read_to_string(cli.path("kept.txt")).unwrap();
    let again = cli.run(&["keys", "create", "--resume"]).expect_exit(0, &["Created"]);
    assert_eq!(cli.list_keys().len(), 2, "the key is reissued: {failed:?}");
    assert_eq!((cli.use_key(&again.out), cli.use_key(&dead)), (200, 401));
    cli.run(&["keys", "create", "--resume"]).expect_exit(3, &["interrupted"]);
}

#[test]
fn the_error_for_a_broken_pipe_names_the_key_and_how_to_resume() {
    let cli = CliFixture::new();
    let mut child = cli
        .command(PROGRAM_PATH)
        .args(["keys", "create", "--workspace", "--name", "Grafana"])
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let mut words = String::new();
    child.stderr.take().unwrap().read_to_string(&mut words).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(1), "{words}");
    let id = cli.key_id("Grafana");
    assert!(words.contains(&id) && words.contains("--resume="), "{words}");
    let again = cli.run(&["keys", "create", "--resume"]).expect_exit(0, &[]);
    assert_eq!(cli.use_key(&again.out), 200);
    assert_eq!(cli.key_id("Grafana"), id);
}

#[test]
fn a_reader_that_exits_without_reading_is_detected() {
    let cli = CliFixture::new();
    // The reader waits until the secret is in the pipe, then exits without reading it.
    let mut child = cli
        .command(PROGRAM_PATH)
        .args(["keys", "create", "--workspace", "--name", "Grafana"])
        .spawn()
        .unwrap();
    let pipe = child.stdout.take().unwrap();
    let until = keyward::clock::monotonic_now() + std::time::Duration::from_secs(20);
    while rustix::io::ioctl_fionread(&pipe).unwrap() < 43 {
        assert!(keyward::clock::monotonic_now() < until, "no secret arrived");
        std::thread::yield_now();
    }
    drop(pipe);
    let output = child.wait_with_output().unwrap();
    let words = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{words}");
    assert!(words.contains("before the secret was read") && words.contains("--resume="), "{words}");
}

/// Guarantee 25: no credential in argv, environment dumps, Debug, panics or logs.
#[test]
fn secrets_are_refused_as_arguments_and_never_echoed() {
    let cli = CliFixture::new();
    let secret = cli.create_key("Grafana");
    for args in [vec!["verify", &secret], vec!["keys", "show", &secret], vec!["scan", &secret]] {
        let ran = cli.run(&args).expect_exit(2, &["history"]);
        assert!(!ran.err.contains(&secret[4..]));
    }
    let ran = cli.run(&["keys", "create", "--name", &format!("old {secret}")]).expect_exit(2, &[]);
    assert!(!ran.err.contains(&secret[4..]));
    let listed = cli.run(&["keys", "list", "--workspace", "--json"]).expect_exit(0, &[]);
    assert!(!listed.out.contains(&secret[..39]));
    let log = std::fs::read_to_string(cli.path("server.log")).unwrap();
    assert!(!log.is_empty() && !log.contains("sk_"), "{log}");
}
