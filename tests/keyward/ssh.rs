//! keyward over a real SSH connection.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use keyward::clock::monotonic_now;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::support::installed_programs::find_program;
use super::support::program::ProgramServer;
use super::support::pty::{Pty, PtyOutput, TIMEOUT, program};
use super::terminal::restricted::assert_restricted;

/// An sshd on the loopback interface that admits the user who runs the test.
struct Sshd {
    folder: TempDir,
    port: u16,
    daemon: Child,
}

impl Drop for Sshd {
    fn drop(&mut self) {
        let _ = self.daemon.kill();
        let _ = self.daemon.wait();
    }
}

fn generate_key(path: &Path) {
    let status = Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-f"])
        .arg(path)
        .stdin(Stdio::null())
        .status()
        .unwrap();
    assert!(status.success());
}

impl Sshd {
    /// Starts sshd with these lines added to its configuration. `None` if sshd is not installed.
    fn start(extra: &str) -> Option<Self> {
        let sshd = find_program("sshd", "KEYWARD_REQUIRE_TERMINALS")?;
        find_program("ssh", "KEYWARD_REQUIRE_TERMINALS")?;
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        generate_key(&path("host"));
        generate_key(&path("user"));
        fs::copy(path("user.pub"), path("authorized")).unwrap();
        // sshd requires this folder if started by root.
        let _ = fs::create_dir_all("/run/sshd");
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let config = format!(
            "ListenAddress 127.0.0.1:{port}\nHostKey {}\nAuthorizedKeysFile {}\nPidFile none\nStrictModes no\n\
             PermitRootLogin yes\nPasswordAuthentication no\nUsePAM no\nPrintMotd no\nLogLevel ERROR\n{extra}\n",
            path("host").display(),
            path("authorized").display()
        );
        fs::write(path("config"), config).unwrap();
        let daemon = Command::new(sshd)
            .args(["-D", "-e", "-f"])
            .arg(path("config"))
            .stdin(Stdio::null())
            .stderr(fs::File::create(path("log")).unwrap())
            .spawn()
            .unwrap();
        let began = monotonic_now();
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(began.elapsed() < TIMEOUT, "{}", fs::read_to_string(path("log")).unwrap());
            std::thread::yield_now();
        }
        Some(Self { folder, port, daemon })
    }

    /// Runs a command over SSH in a terminal.
    fn run(&self, home: &Path, command: &str) -> Pty {
        let path = |name: &str| self.folder.path().join(name).display().to_string();
        let (port, identity) = (self.port.to_string(), path("user"));
        let ssh = [
            "ssh",
            "-tt",
            "-F",
            "none",
            "-p",
            &port,
            "-i",
            &identity,
            "-o",
            "IdentitiesOnly=yes",
            "-o",
            "StrictHostKeyChecking=no",
            "-o",
            "UserKnownHostsFile=/dev/null",
            "-o",
            "LogLevel=ERROR",
            "127.0.0.1",
            command,
        ];
        Pty::start(program(home, &ssh), 80, 24)
    }
}

/// Returns a command line that writes its process id to a file and runs the demo.
fn demo_command(home: &Path) -> String {
    let (bin, home) = (env!("CARGO_BIN_EXE_keyward"), home.display());
    format!(
        "echo $$ >{home}/pid; export TMPDIR={home}/tmp HOME={home} LANG=C.UTF-8; mkdir {home}/tmp; exec {bin} demo"
    )
}

/// How long a process may take to exit. The guarantee is 2 s; a debug build on a busy machine gets more.
const EXIT_TIMEOUT: Duration = Duration::from_secs(10);

fn wait_until_exited(pid: Pid) {
    let began = monotonic_now();
    while fs::metadata(format!("/proc/{}", pid.as_raw_pid())).is_ok() {
        assert!(began.elapsed() < EXIT_TIMEOUT, "the process still runs without its terminal");
        std::thread::yield_now();
    }
}

fn recorded_pid(home: &Path) -> Pid {
    let pid = fs::read_to_string(home.join("pid")).unwrap().trim().parse().unwrap();
    Pid::from_raw(pid).unwrap()
}

/// Creates a key and reveals its secret; returns the secret.
pub fn create_and_reveal(pty: &mut Pty) -> String {
    pty.press("n");
    pty.wait_for_text("New");
    pty.press("far away\r");
    pty.wait_for_text("Save your key");
    pty.press("v");
    pty.wait_until("the secret", |output| find_secret(&output.text()))
}

/// Returns the first complete secret in a text.
pub fn find_secret(text: &str) -> Option<String> {
    let whole = |start: usize| {
        text.get(start..start + 43).filter(|s| keyward::domain::secret::check_secret(s).is_ok())
    };
    text.match_indices("sk_").find_map(|(start, _)| whole(start)).map(str::to_owned)
}

/// Guarantee 23: the terminal is given back, no orphaned process.
#[test]
fn a_lost_connection_ends_the_process_and_leaves_no_secret() {
    let Some(sshd) = Sshd::start("") else { return };
    let home = tempfile::tempdir().unwrap();
    let mut pty = sshd.run(home.path(), &demo_command(home.path()));
    pty.wait_for_text("connected");
    pty.press("jjk");
    let secret = create_and_reveal(&mut pty);
    let pid = recorded_pid(home.path());
    pty.signal(Signal::KILL);
    wait_until_exited(pid);
    for file in files_below(home.path()) {
        let content = fs::read(&file).unwrap_or_default();
        let found = content.windows(secret.len()).any(|part| part == secret.as_bytes());
        assert!(!found, "the secret is in {}", file.display());
    }
}

/// Guarantee 23: the terminal is given back, no orphaned process.
#[test]
fn killing_the_sshd_child_ends_the_process() {
    let Some(sshd) = Sshd::start("") else { return };
    let home = tempfile::tempdir().unwrap();
    let pty = sshd.run(home.path(), &demo_command(home.path()));
    pty.wait_for_text("connected");
    let pid = recorded_pid(home.path());
    // The parent of keyward is the sshd process of this connection.
    let stat = fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_pid())).unwrap();
    let parent = stat.rsplit(')').next().unwrap().split_whitespace().nth(1).unwrap().parse().unwrap();
    kill_process(Pid::from_raw(parent).unwrap(), Signal::KILL).unwrap();
    wait_until_exited(pid);
}

#[test]
fn a_forced_command_runs_keyward_and_nothing_else() {
    let home = tempfile::tempdir().unwrap();
    let forced = home.path().join("forced.sh");
    fs::write(&forced, demo_command(home.path())).unwrap();
    let Some(sshd) = Sshd::start(&format!("ForceCommand sh {}", forced.display())) else { return };
    let mut pty = sshd.run(home.path(), "rm -rf this-is-never-run");
    pty.wait_for_text("connected");
    pty.press("q");
    assert_eq!(pty.wait(), 0);
    assert!(!pty.inspect(|output| output.text().contains("sk_")));
}

#[test]
fn a_restricted_forced_command_cannot_be_escaped() {
    let home = tempfile::tempdir().unwrap();
    let forced = home.path().join("forced.sh");
    fs::write(&forced, demo_command(home.path()).replace(" demo", " --restricted demo")).unwrap();
    let Some(sshd) = Sshd::start(&format!("ForceCommand sh {}", forced.display())) else { return };
    let mut pty = sshd.run(home.path(), &format!("touch {}/ran", home.path().display()));
    pty.wait_for_text("connected");
    assert_restricted(&mut pty);
    pty.press("qqq");
    assert_eq!(pty.wait(), 0);
    assert!(!home.path().join("ran").exists(), "the client's command was run");
}

#[test]
fn a_pasted_code_signs_in_again_after_the_session_ended() {
    let Some(sshd) = Sshd::start("") else { return };
    let served = ProgramServer::start();
    let code = || served.home.run(&["sessions", "code"]).expect_success();
    let home = tempfile::tempdir().unwrap();
    let (bin, home_path) = (env!("CARGO_BIN_EXE_keyward"), home.path().display());
    let line = format!("export HOME={home_path} LANG=C.UTF-8; {bin} login {} && exec {bin}", served.url);
    let mut pty = sshd.run(home.path(), &line);
    pty.wait_for_text("Sign-in code for");
    let first = code();
    pty.press(&format!("{}\r", first.trim()));
    pty.wait_for_text("connected");
    for name in ["Line 1", "Line 2", "Line 3"] {
        pty.press("n");
        pty.wait_for_text("New");
        pty.press(&format!("{name}\r"));
        pty.wait_for_text("Save your key");
        pty.press("s");
        pty.wait_for_text("y it is stored");
        pty.press("y");
        pty.wait_until("the table", |output| (!output.text().contains("Save your key")).then_some(()));
    }
    // Marking a row selects the next one.
    pty.press("ggj ");
    let chosen = |text: &str| text.lines().find(|line| line.contains('▶')).map(str::to_owned);
    let as_it_was = |output: &PtyOutput| {
        let text = output.text();
        chosen(&text).filter(|row| row.contains("Line 1") && text.contains("1 marked"))
    };
    pty.wait_until("the second row marked, the third selected", as_it_was);

    // Ends the session from another machine.
    let sessions = served.home.run(&["sessions", "list", "--json"]).expect_exit(0, &[]).json();
    let other = sessions.as_array().unwrap().iter().find(|session| session["current"] == false).unwrap();
    served.home.run(&["sessions", "end", other["id"].as_str().unwrap()]).expect_success();
    pty.press("r");
    pty.wait_for_text("session has ended");
    pty.wait_for_text("signed out");
    for name in ["Line 1", "Line 2", "Line 3", "1 marked"] {
        pty.wait_for_text(name);
    }
    pty.press(":");
    pty.wait_for_text("Commands");
    pty.press("sign in\r");
    pty.wait_for_text("Sign in again");
    let second = code();
    pty.press(&format!("\x1b[200~{}\x1b[201~", second.trim()));
    pty.press("\r");
    pty.wait_for_text("connected");
    pty.wait_until("everything as it was", as_it_was);
    let written = String::from_utf8_lossy(&pty.take_bytes()).into_owned();
    for code in [first, second] {
        assert!(!written.contains(code.trim()), "a code was written to the terminal");
    }
    pty.press("qqqq");
    assert_eq!(pty.wait(), 0);
}

fn files_below(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files_below(&path)) } else { found.push(path) }
    }
    found
}
