//! Runs the examples of the README exactly as printed, in order.

use std::fs;
use std::path::Path;

use crate::support::program::{ProgramHome, RunningProgram};
use crate::support::pty::{Pty, PtyOutput, program};

/// Returns the lines of all code blocks of the README with this info string.
fn code_blocks(fence: &str) -> Vec<String> {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    let mut inside = None;
    let mut found = Vec::new();
    for line in text.lines() {
        match (inside, line.strip_prefix("```")) {
            (None, Some(begins)) => inside = Some(begins == fence),
            (Some(_), Some(_)) => inside = None,
            (Some(true), None) if !line.trim().is_empty() => found.push(line.to_owned()),
            _ => {}
        }
    }
    found
}

/// Runs the commands of the README one after the other.
struct ExampleRunner {
    home: ProgramHome,
    /// The running server and its URL.
    server: Option<(RunningProgram, String)>,
    /// The sign-in code that was printed last.
    code: String,
}

impl ExampleRunner {
    fn new() -> Self {
        let home = ProgramHome::new();
        // The port in the examples may be in use on this machine.
        let config = home.path(".config/keyward");
        fs::create_dir_all(&config).unwrap();
        fs::write(config.join("keyward.toml"), "[server]\nlisten = \"127.0.0.1:0\"\n").unwrap();
        Self { home, server: None, code: String::new() }
    }

    /// Runs one line.
    ///
    /// # Errors
    /// The command failed; the text says how.
    fn run(&mut self, line: &str) -> Result<(), String> {
        let command = line.split(" #").next().unwrap_or(line).trim_end();
        match &self.server {
            _ if command.starts_with("keyward serve") => {
                self.start_server(line);
                Ok(())
            }
            Some((_, url)) if command.starts_with("keyward login") => {
                let line = line.replace("http://127.0.0.1:7711", url);
                let code = format!("{}\r", self.code);
                self.run_in_terminal(&line, "Sign-in code for", &code)
            }
            _ if command.starts_with("keyward demo") && !command.contains(" -- ") => {
                self.run_in_terminal(line, "Personal", "q")
            }
            _ => self.run_in_shell(line),
        }
    }

    fn start_server(&mut self, line: &str) {
        let mut command = self.home.shell(&format!("exec {line}"));
        command.stdout(std::process::Stdio::null());
        let running = RunningProgram::start(command);
        let url = running.wait_for_line(|line| {
            let line: serde_json::Value = serde_json::from_str(line).ok()?;
            (line["message"] == "serving").then(|| line["url"].as_str().unwrap().to_owned())
        });
        self.server = Some((running, url));
    }

    /// Runs a command in a terminal and types `answer` once `prompt` is on the screen.
    fn run_in_terminal(&self, line: &str, prompt: &str, answer: &str) -> Result<(), String> {
        let mut command = program(&self.home.path(""), &["sh", "-c", line]);
        command.env("PATH", ProgramHome::search_path());
        let mut pty = Pty::start(command, 100, 30);
        pty.wait_for_text(prompt);
        pty.press(answer);
        match pty.wait() {
            0 => Ok(()),
            code => Err(format!("{code}: {}", pty.inspect(PtyOutput::text))),
        }
    }

    fn run_in_shell(&mut self, line: &str) -> Result<(), String> {
        let output = self.home.shell(line).output().unwrap();
        let stdout = String::from_utf8_lossy(&output.stdout);
        if stdout.starts_with("inv_") {
            stdout.trim().clone_into(&mut self.code);
        }
        if output.status.success() { Ok(()) } else { Err(format!("{output:?}")) }
    }
}

#[test]
fn the_examples_run_as_printed() {
    let lines = code_blocks("sh");
    assert!(lines.len() >= 8, "{lines:#?}");
    let mut runner = ExampleRunner::new();
    for line in &lines {
        if let Err(failure) = runner.run(line) {
            panic!("this example of README.md fails:\n{line}\n{failure}");
        }
    }
    for broken in ["keyward keys lst", "keyward verify < no-such-file", "no-such-command"] {
        assert!(runner.run(broken).is_err(), "{broken}");
    }
}

#[test]
fn examples_that_are_not_run_use_only_cargo() {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    let fences: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("```")).step_by(2).collect();
    assert!(fences.iter().all(|fence| ["sh", "sh no-run"].contains(fence)), "{fences:?}");
    assert!(
        code_blocks("sh no-run").iter().all(|line| line.starts_with("cargo ")),
        "{:?}",
        code_blocks("sh no-run")
    );
}
