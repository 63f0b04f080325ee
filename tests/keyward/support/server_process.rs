//! `keyward serve` as a process that tests can kill.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use keyward::client::{Client, ClientOptions, Credential};
use keyward::store::DatabaseLocation;
use tempfile::TempDir;

use super::env_var;

/// A running server process, killed when dropped.
pub struct ServerProcess {
    child: Child,
    /// Client without credentials.
    pub client: Client,
    _home: TempDir,
}

impl ServerProcess {
    /// Starts a server on a database and waits until it accepts requests.
    pub fn start(target: &DatabaseLocation) -> Self {
        Self::spawn(Command::new(env!("CARGO_BIN_EXE_keyward")), target)
    }

    /// Like [`Self::start`], under strace, which records each fsync in `log`. `None` if strace is not installed.
    pub fn start_under_strace(target: &DatabaseLocation, log: &Path) -> Option<Self> {
        let mut strace = Command::new("strace");
        // With -D the server is the child process, and strace its grandchild.
        strace.args(["-D", "-f", "-q", "-e", "trace=fsync,fdatasync", "-o"]).arg(log);
        Command::new("strace").arg("-V").output().ok()?;
        strace.arg(env!("CARGO_BIN_EXE_keyward"));
        Some(Self::spawn(strace, target))
    }

    fn spawn(mut command: Command, target: &DatabaseLocation) -> Self {
        let home = tempfile::tempdir().unwrap();
        let config = home.path().join("keyward.toml");
        std::fs::write(&config, "[limits]\nrequests_per_minute = 1000000\n").unwrap();
        command.args(["serve", "--listen", "127.0.0.1:0"]).env_clear().env("HOME", home.path());
        command.env("PATH", env_var("PATH").unwrap()).env("KEYWARD_CONFIG", config);
        #[cfg(feature = "fault-injection")]
        command.envs(
            env_var("KEYWARD_TEST_SERVER_FAULT")
                .map(|fault| (keyward::fault_injection::FAULT_VARIABLE, fault)),
        );
        match target {
            DatabaseLocation::Sqlite(path) => command.arg("--data").arg(path),
            DatabaseLocation::Postgres(url) => command.env("KEYWARD_DATABASE_URL", url),
        };
        let mut child = command.stderr(Stdio::piped()).stdin(Stdio::null()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
        let address = lines.find_map(|line| {
            let at = line.find("http://127.0.0.1:")?;
            Some(line[at..].chars().take_while(|c| !c.is_whitespace() && *c != '"').collect::<String>())
        });
        let address = address.expect("the server did not start");
        // An unread pipe would block the server.
        std::thread::spawn(move || lines.for_each(drop));
        let client =
            Client::new(address.parse().unwrap(), Credential::none(), &ClientOptions::default()).unwrap();
        Self { child, client, _home: home }
    }

    /// Sends SIGKILL and waits until the process has ended.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Sends SIGTERM, like a service manager.
    pub fn terminate(&self) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    }

    /// Waits until the process has ended and returns its exit code; `None` if a signal ended it.
    pub fn wait(mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
