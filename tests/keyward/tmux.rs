//! keyward in tmux and GNU screen: copies reach the outer terminal, and the multiplexer keeps no secret.

use std::path::Path;
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::ssh::{create_and_reveal, find_secret};
use super::support::installed_programs::find_program;
use super::support::pty::{Pty, first_child_of, program};

/// A terminal multiplexer whose shell runs the demo.
struct Multiplexer {
    pty: Pty,
    home: TempDir,
}

fn start_tmux(settings: &str) -> Option<Multiplexer> {
    find_program("tmux", "KEYWARD_REQUIRE_TERMINALS")?;
    let home = tempfile::tempdir().unwrap();
    std::fs::write(home.path().join("tmux.conf"), settings).unwrap();
    let mut command =
        program(home.path(), &["tmux", "-L", "test", "-f", "tmux.conf", "new-session", "sh", "-i"]);
    command.env("PS1", "ready> ");
    command.env("TMUX_TMPDIR", home.path());
    Some(start_multiplexer(command, home))
}

fn start_screen() -> Option<Multiplexer> {
    find_program("screen", "KEYWARD_REQUIRE_TERMINALS")?;
    let home = tempfile::tempdir().unwrap();
    let sockets = home.path().join("sockets");
    std::fs::create_dir(&sockets).unwrap();
    let private = std::os::unix::fs::PermissionsExt::from_mode(0o700);
    std::fs::set_permissions(&sockets, private).unwrap();
    let mut command =
        program(home.path(), &["screen", "-c", "/dev/null", "-h", "1000", "-U", "-S", "test", "sh", "-i"]);
    command.env("PS1", "ready> ");
    command.env("SCREENDIR", &sockets);
    Some(start_multiplexer(command, home))
}

fn start_multiplexer(command: portable_pty::CommandBuilder, home: TempDir) -> Multiplexer {
    let mut pty = Pty::start(command, 90, 30);
    pty.wait_for_text("ready>");
    pty.press(&format!("{} demo\r", env!("CARGO_BIN_EXE_keyward")));
    pty.wait_for_text("sk_…");
    Multiplexer { pty, home }
}

impl Multiplexer {
    /// Waits for a copy and returns its text.
    fn wait_for_copy(&self) -> String {
        self.pty.wait_until("a copy", |output| {
            let bytes = String::from_utf8_lossy(&output.bytes).into_owned();
            let (_, rest) = bytes.rsplit_once("\x1b]52;")?;
            let (_, text) = rest.split_once(';')?;
            let text = text.split(['\x07', '\x1b']).next()?;
            String::from_utf8(BASE64_STANDARD.decode(text).ok()?).ok().filter(|text| !text.is_empty())
        })
    }

    /// Confirms that the new secret is stored.
    fn confirm_stored(&mut self) {
        self.pty.press("s");
        self.pty.wait_for_text("y it is stored");
        self.pty.press("y");
        self.pty.wait_until("the table", |output| (!output.text().contains("Save your key")).then_some(()));
    }

    fn quit(&mut self) {
        self.pty.press("q");
        self.wait_for_shell();
    }

    fn wait_for_shell(&self) {
        self.pty.wait_until("the shell", |output| {
            let text = output.text();
            (text.contains("ready>") && !text.contains("connected")).then_some(())
        });
    }

    fn run_program(&self, program: &str, arguments: &[&str]) -> String {
        let output = Command::new(program)
            .args(arguments)
            .env("TMUX_TMPDIR", self.home.path())
            .env("SCREENDIR", self.home.path().join("sockets"))
            .stdin(Stdio::null())
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    }

    fn run_tmux(&self, arguments: &[&str]) -> String {
        self.run_program("tmux", &[&["-L", "test"], arguments].concat())
    }
}

impl Drop for Multiplexer {
    fn drop(&mut self) {
        self.run_tmux(&["kill-server"]);
        self.run_program("screen", &["-S", "test", "-X", "quit"]);
    }
}

#[test]
fn a_copy_passes_through_tmux_and_leaves_no_buffer() {
    let Some(mut multiplexer) = start_tmux("") else { return };
    let secret = create_and_reveal(&mut multiplexer.pty);
    multiplexer.pty.take_bytes();
    multiplexer.pty.press("y");
    assert_eq!(multiplexer.wait_for_copy(), secret);
    multiplexer.pty.wait_for_text("sent to your terminal");
    assert_eq!(multiplexer.run_tmux(&["list-buffers"]), "");
    multiplexer.confirm_stored();
    multiplexer.quit();
    let history = multiplexer.run_tmux(&["capture-pane", "-p", "-S", "-"]);
    assert!(history.contains("ready>") && find_secret(&history).is_none(), "{history}");
}

#[test]
fn tmux_without_an_alternate_screen_keeps_no_secret() {
    let Some(mut multiplexer) = start_tmux("set -g alternate-screen off") else { return };
    create_and_reveal(&mut multiplexer.pty);
    // keyward is terminated while the secret is shown.
    let shell = multiplexer.run_tmux(&["display-message", "-p", "#{pane_pid}"]);
    let shell = Pid::from_raw(shell.trim().parse().unwrap()).unwrap();
    kill_process(first_child_of(shell), Signal::TERM).unwrap();
    multiplexer.wait_for_shell();
    let history = multiplexer.run_tmux(&["capture-pane", "-p", "-S", "-"]);
    assert!(history.contains("ready>") && find_secret(&history).is_none(), "{history}");
}

#[test]
fn a_copy_passes_through_screen_and_screen_keeps_no_secret() {
    let Some(mut multiplexer) = start_screen() else { return };
    let secret = create_and_reveal(&mut multiplexer.pty);
    multiplexer.pty.take_bytes();
    multiplexer.pty.press("y");
    assert_eq!(multiplexer.wait_for_copy(), secret);
    multiplexer.confirm_stored();
    // The copied text is longer than screen's limit for a string.
    multiplexer.pty.take_bytes();
    multiplexer.pty.press("y");
    multiplexer.pty.wait_for_text("Row as JSON");
    multiplexer.pty.press("4");
    let row: serde_json::Value = serde_json::from_str(&multiplexer.wait_for_copy()).unwrap();
    assert_eq!(row["name"], "far away");
    multiplexer.quit();
    let dump = multiplexer.home.path().join("dump");
    multiplexer.run_program("screen", &["-S", "test", "-X", "hardcopy", "-h", dump.to_str().unwrap()]);
    let history = wait_until_written(&dump);
    assert!(history.contains("ready>") && find_secret(&history).is_none(), "{history}");
}

/// Waits for a file that screen writes after its command has ended.
fn wait_until_written(path: &Path) -> String {
    let began = keyward::clock::monotonic_now();
    loop {
        let text = String::from_utf8_lossy(&std::fs::read(path).unwrap_or_default()).into_owned();
        if text.contains("ready>") {
            return text;
        }
        assert!(began.elapsed() < super::support::pty::TIMEOUT, "screen did not write the file");
        std::thread::yield_now();
    }
}
