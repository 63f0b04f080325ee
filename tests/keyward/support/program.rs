//! Runs the real program as a command, as a server, or as the demo.

use std::fmt::Write as _;
use std::fs::Permissions;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

/// Timeout for anything that a test waits for, long enough for a busy machine.
pub const TIMEOUT: Duration = Duration::from_mins(1);

/// A temporary home folder in which the program runs.
pub struct ProgramHome(TempDir);

/// Result of a command.
#[derive(Debug)]
pub struct CommandOutput {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl From<Output> for CommandOutput {
    fn from(output: Output) -> Self {
        use std::os::unix::process::ExitStatusExt as _;
        let code = output.status.code().unwrap_or_else(|| 128 + output.status.signal().unwrap_or(0));
        let text = |bytes| String::from_utf8(bytes).expect("output is UTF-8");
        Self { code, out: text(output.stdout), err: text(output.stderr) }
    }
}

impl CommandOutput {
    /// Asserts the exit code, and that standard error contains every one of `words`.
    #[track_caller]
    pub fn expect_exit(self, code: i32, words: &[&str]) -> Self {
        assert_eq!(self.code, code, "{self:?}");
        for word in words {
            assert!(self.err.contains(word), "`{word}` is missing: {self:?}");
        }
        assert!(!self.err.contains("panicked"), "{self:?}");
        self
    }

    /// Asserts that the command succeeded and returns its standard output.
    #[track_caller]
    pub fn expect_success(self) -> String {
        self.expect_exit(0, &[]).out
    }

    /// Parses standard output as JSON. The exit code is not checked.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }
}

impl ProgramHome {
    pub fn new() -> Self {
        let folder = tempfile::Builder::new().permissions(Permissions::from_mode(0o700)).tempdir();
        Self(folder.unwrap())
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Returns a command that runs keyward with these arguments and a minimal environment.
    pub fn keyward_command(&self, arguments: &[&str]) -> Command {
        let mut command = self.command(env!("CARGO_BIN_EXE_keyward"));
        command.args(arguments);
        command
    }

    /// Returns a command that runs a shell command line with the same minimal environment.
    pub fn shell(&self, line: &str) -> Command {
        let mut command = self.command("sh");
        command.args(["-c", line]).current_dir(self.0.path());
        command
    }

    /// Returns a `PATH` that contains `keyward`.
    pub fn search_path() -> String {
        let program = PathBuf::from(env!("CARGO_BIN_EXE_keyward"));
        format!("{}:/usr/local/bin:/usr/bin:/bin", program.parent().unwrap().display())
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("PATH", Self::search_path())
            .env("HOME", self.0.path())
            .env("TMPDIR", self.0.path())
            .env("LANG", "C.UTF-8")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Runs keyward until it has ended.
    pub fn run(&self, arguments: &[&str]) -> CommandOutput {
        CommandOutput::from(self.keyward_command(arguments).output().unwrap())
    }

    /// Runs keyward with `input` on its standard input.
    pub fn run_with_input(&self, arguments: &[&str], input: &str) -> CommandOutput {
        let mut child = self.keyward_command(arguments).stdin(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        CommandOutput::from(child.wait_with_output().unwrap())
    }
}

/// A running program, killed when dropped.
pub struct RunningProgram {
    child: Child,
    /// Lines of standard error.
    lines: mpsc::Receiver<String>,
}

impl RunningProgram {
    /// Starts a program and collects its standard error.
    pub fn start(mut command: Command) -> Self {
        let mut child = command.spawn().unwrap();
        let err = BufReader::new(child.stderr.take().unwrap());
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || err.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        Self { child, lines }
    }

    /// Waits for a line of standard error for which `find` returns a value, and returns that value.
    pub fn wait_for_line<T>(&self, find: impl Fn(&str) -> Option<T>) -> T {
        let mut seen = String::new();
        loop {
            let Ok(line) = self.lines.recv_timeout(TIMEOUT) else { panic!("no such line in:\n{seen}") };
            if let Some(found) = find(&line) {
                return found;
            }
            writeln!(seen, "{line}").unwrap();
        }
    }

    /// Closes standard input and waits until the program has ended.
    pub fn wait(mut self) -> CommandOutput {
        let mut out = String::new();
        drop(self.child.stdin.take());
        if let Some(mut stdout) = self.child.stdout.take() {
            stdout.read_to_string(&mut out).unwrap();
        }
        let status = self.child.wait().unwrap();
        let err = self.lines.iter().collect::<Vec<_>>().join("\n");
        CommandOutput { out, err, ..CommandOutput::from(Output { status, stdout: vec![], stderr: vec![] }) }
    }
}

impl Drop for RunningProgram {
    fn drop(&mut self) {
        // Fails if the program has already ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// `keyward serve` on a new database, whose first admin is signed in at `home`.
pub struct ProgramServer {
    pub home: ProgramHome,
    pub url: String,
    pub server: RunningProgram,
}

impl ProgramServer {
    pub fn start() -> Self {
        let home = ProgramHome::new();
        let data = home.path("keyward.db");
        let data = data.to_str().unwrap();
        let init =
            ["admin", "init", "--data", data, "--organization", "Plant", "--email", "ada@plant.example"];
        let code = home.run(&init).expect_success();
        let server = RunningProgram::start(home.keyward_command(&[
            "serve",
            "--data",
            data,
            "--listen",
            "127.0.0.1:0",
        ]));
        let url = server.wait_for_line(|line| {
            let line: Value = serde_json::from_str(line).ok()?;
            (line["message"] == "serving").then(|| line["url"].as_str().unwrap().to_owned())
        });
        home.run_with_input(&["login", "--code-stdin", &url], &code).expect_success();
        Self { home, url, server }
    }
}

/// An HTTP response.
#[derive(Debug)]
pub struct HttpResponse {
    pub status: u16,
    /// Status line and headers.
    pub head: String,
    pub body: String,
}

/// Sends a `GET` request with a key and a user agent on a new connection.
pub fn http_get(url: &str, path: &str, secret: &str, agent: &str) -> HttpResponse {
    let host = url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(host).unwrap();
    stream.set_read_timeout(Some(TIMEOUT)).unwrap();
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {secret}\r\nUser-Agent: {agent}\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    HttpResponse { status, head: head.to_owned(), body: body.to_owned() }
}
