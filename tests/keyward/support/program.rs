//! The real program: run as a command, as a server of its own, or as a demo; and HTTP as any client would speak it.

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

/// Longer than anything here takes on a busy machine.
pub const PATIENCE: Duration = Duration::from_mins(1);

/// A home folder of its own, in which the program runs.
pub struct ProgramHome(TempDir);

/// How a command ended.
#[derive(Debug)]
pub struct CommandOutput {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl CommandOutput {
    fn of(output: &Output) -> Self {
        use std::os::unix::process::ExitStatusExt as _;
        let code = output.status.code().unwrap_or_else(|| 128 + output.status.signal().unwrap_or(0));
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("output is UTF-8");
        Self { code, out: text(&output.stdout), err: text(&output.stderr) }
    }

    /// The output of a command that must succeed.
    pub fn ok(self) -> String {
        assert_eq!(self.code, 0, "{self:?}");
        self.out
    }

    pub fn json(self) -> Value {
        serde_json::from_str(&self.ok()).unwrap()
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

    /// The program with these arguments, in an environment that holds nothing of the developer's.
    pub fn keyward(&self, arguments: &[&str]) -> Command {
        let mut command = self.command(env!("CARGO_BIN_EXE_keyward"));
        command.args(arguments);
        command
    }

    /// A line for the shell, in the same environment.
    pub fn shell(&self, line: &str) -> Command {
        let mut command = self.command("sh");
        command.args(["-c", line]).current_dir(self.0.path());
        command
    }

    /// Where programs are looked for: keyward by its name.
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

    /// Runs a command to its end.
    pub fn run(&self, arguments: &[&str]) -> CommandOutput {
        CommandOutput::of(&self.keyward(arguments).output().unwrap())
    }

    /// Runs a command that reads `input`.
    pub fn run_with_input(&self, arguments: &[&str], input: &str) -> CommandOutput {
        let mut child = self.keyward(arguments).stdin(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        CommandOutput::of(&child.wait_with_output().unwrap())
    }
}

/// A running program that is killed when it is no longer needed.
pub struct RunningProgram {
    child: Child,
    /// What it wrote to standard error, line by line.
    lines: mpsc::Receiver<String>,
}

impl RunningProgram {
    /// Starts it and reads its standard error.
    pub fn start(mut command: Command) -> Self {
        let mut child = command.spawn().unwrap();
        let err = BufReader::new(child.stderr.take().unwrap());
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || err.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        Self { child, lines }
    }

    /// Waits for a line of standard error in which `find` finds something.
    pub fn wait_for_line<T>(&self, find: impl Fn(&str) -> Option<T>) -> T {
        let mut seen = String::new();
        loop {
            let Ok(line) = self.lines.recv_timeout(PATIENCE) else { panic!("it only said:\n{seen}") };
            if let Some(found) = find(&line) {
                return found;
            }
            writeln!(seen, "{line}").unwrap();
        }
    }

    /// Waits for its end.
    pub fn wait(mut self) -> CommandOutput {
        let mut out = String::new();
        drop(self.child.stdin.take());
        if let Some(mut stdout) = self.child.stdout.take() {
            stdout.read_to_string(&mut out).unwrap();
        }
        let status = self.child.wait().unwrap();
        let err = self.lines.iter().collect::<Vec<_>>().join("\n");
        CommandOutput { out, err, ..CommandOutput::of(&Output { status, stdout: vec![], stderr: vec![] }) }
    }
}

impl Drop for RunningProgram {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// `keyward serve` on a fresh database whose first admin is signed in at `home`.
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
        let code = home.run(&init).ok();
        let server =
            RunningProgram::start(home.keyward(&["serve", "--data", data, "--listen", "127.0.0.1:0"]));
        let url = server.wait_for_line(|line| {
            let line: Value = serde_json::from_str(line).ok()?;
            (line["message"] == "serving").then(|| line["url"].as_str().unwrap().to_owned())
        });
        home.run_with_input(&["login", "--code-stdin", &url], &code).ok();
        Self { home, url, server }
    }
}

/// An answer to a request.
#[derive(Debug)]
pub struct HttpResponse {
    pub status: u16,
    /// The status line and all headers.
    pub head: String,
    pub body: String,
}

/// `GET` with a key and an agent, on a connection of its own.
pub fn http_get(url: &str, path: &str, secret: &str, agent: &str) -> HttpResponse {
    let host = url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(host).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
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
