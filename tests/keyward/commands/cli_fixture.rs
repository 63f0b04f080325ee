//! CLI fixture: a server with an organization, and the program run as a command in an environment of its own.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::program::CommandOutput;

/// Path of the program under test.
pub const PROGRAM_PATH: &str = env!("CARGO_BIN_EXE_keyward");

pub struct CliFixture {
    pub folder: TempDir,
    pub url: String,
    server: Child,
}

impl CliFixture {
    /// Starts a server whose only admin, Ada, is signed in on the only profile.
    pub fn new() -> Self {
        let cli = Self::without_session();
        let code = cli.create_admin_code("ada@plant.example", "init");
        cli.run_with_input(&["login", "--code-stdin", &cli.url], &code).expect_exit(0, &["Signed in"]);
        cli
    }

    /// Starts a server without signing in.
    pub fn without_session() -> Self {
        Self::start_server(&[])
    }

    /// Starts a server with this certificate, without signing in.
    pub fn with_tls(certificate: &Path, key: &Path) -> Self {
        let [certificate, key] = [certificate, key].map(|path| path.to_str().unwrap());
        Self::start_server(&["--tls-certificate", certificate, "--tls-key", key])
    }

    fn start_server(more_args: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("data")).unwrap();
        std::fs::set_permissions(folder.path().join("data"), std::fs::Permissions::from_mode(0o700)).unwrap();
        let mut server = Command::new(PROGRAM_PATH)
            .args(["serve", "--listen", "127.0.0.1:0", "--data"])
            .arg(folder.path().join("data/keyward.db"))
            .args(more_args)
            .env_clear()
            .env("HOME", folder.path())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut log = BufReader::new(server.stderr.take().unwrap());
        let url = loop {
            let mut line = String::new();
            assert!(log.read_line(&mut line).unwrap() > 0, "the server did not start");
            let line: Value = serde_json::from_str(&line).unwrap();
            if line["message"] == "serving" {
                break line["url"].as_str().unwrap().to_owned();
            }
        };
        let log_path = folder.path().join("server.log");
        std::thread::spawn(move || std::io::copy(&mut log, &mut std::fs::File::create(log_path).unwrap()));
        Self { folder, url, server }
    }

    /// Creates a sign-in code with `keyward admin SUBCOMMAND`, which is `init` or `invite`.
    pub fn create_admin_code(&self, email: &str, subcommand: &str) -> String {
        let data = self.path("data/keyward.db");
        let mut args = vec!["admin", subcommand, "--data", data.to_str().unwrap(), "--email", email];
        if subcommand == "init" {
            args.extend(["--organization", "Plant"]);
        }
        self.run(&args).expect_exit(0, &[]).out
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Returns a command that runs in the fixture's folder with a minimal environment.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        let bin = Path::new(PROGRAM_PATH).parent().unwrap();
        command
            .current_dir(self.folder.path())
            .env_clear()
            .env("HOME", self.folder.path())
            .env(
                "PATH",
                format!("{}:{}:/usr/local/bin:/usr/bin:/bin", self.path("bin").display(), bin.display()),
            )
            .env("LANG", "C.UTF-8")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    pub fn run(&self, args: &[&str]) -> CommandOutput {
        CommandOutput::from(self.command(PROGRAM_PATH).args(args).output().unwrap())
    }

    /// Runs keyward with `input` on its standard input.
    pub fn run_with_input(&self, args: &[&str], input: &str) -> CommandOutput {
        Self::run_command_with_input(self.command(PROGRAM_PATH).args(args), input)
    }

    /// Runs the program with additional environment variables.
    pub fn run_with_env(&self, environment: &[(&str, &str)], args: &[&str]) -> CommandOutput {
        CommandOutput::from(
            self.command(PROGRAM_PATH).args(args).envs(environment.iter().copied()).output().unwrap(),
        )
    }

    pub fn run_command_with_input(command: &mut Command, input: &str) -> CommandOutput {
        let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
        // A program that does not read its input may close it.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        CommandOutput::from(child.wait_with_output().unwrap())
    }

    /// Runs a shell script.
    pub fn shell(&self, script: &str) -> CommandOutput {
        CommandOutput::from(self.command("sh").args(["-c", script]).output().unwrap())
    }

    /// Installs a shell script as a program in `PATH`.
    pub fn install_stub(&self, name: &str, script: &str) {
        let path = self.path("bin").join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Creates an organization key and returns its secret.
    #[track_caller]
    pub fn create_key(&self, name: &str) -> String {
        self.run(&["keys", "create", "--workspace", "--name", name]).expect_exit(0, &["Created"]).out
    }

    /// Returns all keys of the organization, including revoked ones.
    pub fn list_keys(&self) -> Vec<Value> {
        let listed = self.run(&["keys", "list", "--workspace", "--revoked", "--json"]).expect_exit(0, &[]);
        listed.json().as_array().unwrap().clone()
    }

    #[track_caller]
    pub fn key_id(&self, name: &str) -> String {
        let keys = self.list_keys();
        let key = keys.iter().find(|k| k["name"] == name).unwrap_or_else(|| panic!("no key {name}"));
        key["id"].as_str().unwrap().to_owned()
    }

    /// Uses a key and returns the HTTP status of the response.
    pub fn use_key(&self, secret: &str) -> i64 {
        self.run_with_input(&["verify", "--json"], secret).json()["status"].as_i64().unwrap()
    }

    /// Invites a member and signs them in on a profile named after the role.
    pub fn add_member(&self, email: &str, role: &str) {
        let code = self
            .run(&["members", "invite", email, "--role", role, "--profile", &self.ada_profile()])
            .expect_exit(0, &[])
            .out;
        self.run_with_input(&["login", "--code-stdin", "--profile", role, &self.url], &code)
            .expect_exit(0, &["Signed in"]);
    }

    /// Returns the name of Ada's profile.
    pub fn ada_profile(&self) -> String {
        self.url.trim_start_matches("http://").replace(':', "-")
    }

    /// Returns the path and content of every file below `folder`.
    pub fn files_below(&self, folder: &str) -> Vec<(PathBuf, Vec<u8>)> {
        fn collect_files(path: &Path, out: &mut Vec<(PathBuf, Vec<u8>)>) {
            for entry in std::fs::read_dir(path).into_iter().flatten().flatten() {
                if entry.path().is_dir() {
                    collect_files(&entry.path(), out);
                } else {
                    out.push((entry.path(), std::fs::read(entry.path()).unwrap_or_default()));
                }
            }
        }
        let mut found = Vec::new();
        collect_files(&self.path(folder), &mut found);
        found
    }

    pub fn stop_server(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

impl Drop for CliFixture {
    fn drop(&mut self) {
        self.stop_server();
    }
}
