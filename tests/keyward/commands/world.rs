//! A served organization, and the real program in front of it with an environment of its own.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// The program under test.
pub const KEYWARD: &str = env!("CARGO_BIN_EXE_keyward");

pub struct World {
    pub folder: TempDir,
    pub url: String,
    server: Child,
}

/// How a command ended.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Ran {
    fn new(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// It ended so, and every word of its error is there.
    #[track_caller]
    pub fn ends(self, code: i32, words: &[&str]) -> Self {
        assert_eq!(self.code, code, "{self:?}");
        for word in words {
            assert!(self.err.contains(word), "`{word}` is missing: {self:?}");
        }
        assert!(!self.err.contains("panicked"), "{self:?}");
        self
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }
}

impl World {
    /// A server with one admin, Ada, who is signed in on the only profile.
    pub fn new() -> Self {
        let world = Self::unattended();
        let code = world.admin_code("ada@plant.example", "init");
        world.run_with(&["login", "--code-stdin", &world.url], &code).ends(0, &["Signed in"]);
        world
    }

    /// A server that nobody signed in to.
    pub fn unattended() -> Self {
        Self::serving(&[])
    }

    /// A server with this certificate that nobody signed in to.
    pub fn behind_tls(certificate: &Path, key: &Path) -> Self {
        let [certificate, key] = [certificate, key].map(|path| path.to_str().unwrap());
        Self::serving(&["--tls-certificate", certificate, "--tls-key", key])
    }

    fn serving(more: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("data")).unwrap();
        std::fs::set_permissions(folder.path().join("data"), std::fs::Permissions::from_mode(0o700)).unwrap();
        let mut server = Command::new(KEYWARD)
            .args(["serve", "--listen", "127.0.0.1:0", "--data"])
            .arg(folder.path().join("data/keyward.db"))
            .args(more)
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
        let kept = folder.path().join("server.log");
        std::thread::spawn(move || std::io::copy(&mut log, &mut std::fs::File::create(kept).unwrap()));
        Self { folder, url, server }
    }

    /// A sign-in code from the server's host.
    pub fn admin_code(&self, email: &str, how: &str) -> String {
        let data = self.path("data/keyward.db");
        let mut args = vec!["admin", how, "--data", data.to_str().unwrap(), "--email", email];
        if how == "init" {
            args.extend(["--organization", "Plant"]);
        }
        self.run(&args).ends(0, &[]).out
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The program with nothing in its environment but what is set here.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        let bin = Path::new(KEYWARD).parent().unwrap();
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

    pub fn run(&self, args: &[&str]) -> Ran {
        Ran::new(self.command(KEYWARD).args(args).output().unwrap())
    }

    /// With something on standard input.
    pub fn run_with(&self, args: &[&str], input: &str) -> Ran {
        Self::feed(self.command(KEYWARD).args(args), input)
    }

    /// With more in the environment.
    pub fn run_in(&self, environment: &[(&str, &str)], args: &[&str]) -> Ran {
        Ran::new(self.command(KEYWARD).args(args).envs(environment.iter().copied()).output().unwrap())
    }

    pub fn feed(command: &mut Command, input: &str) -> Ran {
        let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
        // Who does not want it may close it.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        Ran::new(child.wait_with_output().unwrap())
    }

    /// As a shell runs it.
    pub fn shell(&self, script: &str) -> Ran {
        Ran::new(self.command("sh").args(["-c", script]).output().unwrap())
    }

    /// A program of that name in the PATH.
    pub fn stub(&self, name: &str, script: &str) {
        let path = self.path("bin").join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// A new organization key; gives its secret.
    #[track_caller]
    pub fn key(&self, name: &str) -> String {
        self.run(&["keys", "create", "--workspace", "--name", name]).ends(0, &["Created"]).out
    }

    /// The organization's keys, revoked ones too.
    pub fn keys(&self) -> Vec<Value> {
        let listed = self.run(&["keys", "list", "--workspace", "--revoked", "--json"]).ends(0, &[]);
        listed.json().as_array().unwrap().clone()
    }

    #[track_caller]
    pub fn id(&self, name: &str) -> String {
        let keys = self.keys();
        let key = keys.iter().find(|k| k["name"] == name).unwrap_or_else(|| panic!("no key {name}"));
        key["id"].as_str().unwrap().to_owned()
    }

    /// Uses a key; gives the HTTP status.
    pub fn use_key(&self, secret: &str) -> i64 {
        self.run_with(&["verify", "--json"], secret).json()["status"].as_i64().unwrap()
    }

    /// Signs someone in on a profile of their own.
    pub fn member(&self, email: &str, role: &str) {
        let code = self
            .run(&["members", "invite", email, "--role", role, "--profile", &self.profile()])
            .ends(0, &[])
            .out;
        self.run_with(&["login", "--code-stdin", "--profile", role, &self.url], &code)
            .ends(0, &["Signed in"]);
    }

    /// Ada's profile.
    pub fn profile(&self) -> String {
        self.url.trim_start_matches("http://").replace(':', "-")
    }

    /// Everything below a folder, as bytes.
    pub fn files(&self, below: &str) -> Vec<(PathBuf, Vec<u8>)> {
        fn walk(path: &Path, out: &mut Vec<(PathBuf, Vec<u8>)>) {
            for entry in std::fs::read_dir(path).into_iter().flatten().flatten() {
                if entry.path().is_dir() {
                    walk(&entry.path(), out);
                } else {
                    out.push((entry.path(), std::fs::read(entry.path()).unwrap_or_default()));
                }
            }
        }
        let mut found = Vec::new();
        walk(&self.path(below), &mut found);
        found
    }

    pub fn stop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.stop();
    }
}
