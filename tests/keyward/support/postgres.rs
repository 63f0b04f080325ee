//! A private PostgreSQL server for one test run. It is started on first use, and removed when the test process ends in any way.
//!
//! `KEYWARD_TEST_DATABASE_URL` names a server to use instead; each test gets its own database on it.
//! With `KEYWARD_REQUIRE_POSTGRES=1`, tests fail if PostgreSQL is not installed; otherwise they skip it.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Mutex, OnceLock};

use keyward::clock::random_bytes;
use sqlx::Connection as _;

use super::env_var;

/// A server with its own data folder. It is stopped and deleted when dropped, and when this process ends in any way.
pub struct PostgresCluster {
    folder: PathBuf,
    /// Standard input of the wrapper. The wrapper stops the server when it is closed, which also happens when this process dies.
    alive: Mutex<Option<ChildStdin>>,
    wrapper: Mutex<Child>,
}

/// Shell script that starts the server, prints `ready`, and stops the server at the end of its input.
const WRAPPER_SCRIPT: &str = r#"
trap '' INT TERM HUP
"$BIN/initdb" -D "$DIR/data" -U keyward -A trust -E UTF8 --no-locale -N >"$DIR/log" 2>&1 &&
"$BIN/pg_ctl" -D "$DIR/data" -l "$DIR/log" -w -t 60 -o "$OPTIONS" start >>"$DIR/log" 2>&1 && echo ready
while read -r verb; do
    if [ "$verb" = kill ]; then
        kill -9 "$(head -n 1 "$DIR/data/postmaster.pid")"
        # Refused while a process of the killed server is still there.
        for try in $(seq 100); do
            "$BIN/pg_ctl" -D "$DIR/data" -l "$DIR/log" -w -t 60 -o "$OPTIONS" start >>"$DIR/log" 2>&1 && echo ready && break
        done
    else
        "$BIN/pg_ctl" -D "$DIR/data" -l "$DIR/log" -w -t 60 -m "$verb" -o "$OPTIONS" restart >>"$DIR/log" 2>&1 && echo ready
    fi
done
"$BIN/pg_ctl" -D "$DIR/data" -w -m immediate stop >/dev/null 2>&1
rm -rf "$DIR"
"#;

impl PostgresCluster {
    /// Starts a cluster; `None` if PostgreSQL is not installed.
    pub fn start() -> Option<Self> {
        let bin = find_programs_folder()?;
        let folder = tempfile::Builder::new().prefix("keyward-pg-").tempdir_in("/tmp").unwrap().keep();
        let options = format!(
            "-c listen_addresses='' -c unix_socket_directories='{}' -c fsync=off -c full_page_writes=off \
             -c max_connections=400 -c shared_buffers=64MB",
            folder.display()
        );
        let mut command = unprivileged_command(&folder);
        command
            .args(["sh", "-c", WRAPPER_SCRIPT])
            .env("BIN", bin)
            .env("DIR", &folder)
            .env("OPTIONS", options);
        let mut wrapper = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let alive = Mutex::new(wrapper.stdin.take());
        let cluster = Self { folder, alive, wrapper: Mutex::new(wrapper) };
        cluster.wait_until_ready();
        Some(cluster)
    }

    /// Restarts the server with a shutdown mode of `pg_ctl` (`fast`, `immediate`), or with `kill`, which is SIGKILL.
    pub fn restart(&self, mode: &str) {
        let mut alive = self.alive.lock().unwrap();
        writeln!(alive.as_mut().unwrap(), "{mode}").unwrap();
        drop(alive);
        self.wait_until_ready();
    }

    fn wait_until_ready(&self) {
        let mut wrapper = self.wrapper.lock().unwrap();
        let mut line = String::new();
        // The wrapper prints nothing else, so the buffer loses nothing.
        BufReader::new(wrapper.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let log = || std::fs::read_to_string(self.folder.join("log")).unwrap_or_default();
        assert_eq!(line.trim(), "ready", "PostgreSQL did not start:\n{}", log());
    }

    /// Returns the URL of a database on this server.
    pub fn database_url(&self, database: &str) -> String {
        format!("postgres://keyward@localhost/{database}?host={}", self.folder.display())
    }

    /// Creates an empty database and returns its URL.
    pub async fn fresh_database(&self) -> String {
        create_database(&self.database_url("postgres"), |name| self.database_url(name)).await
    }
}

impl Drop for PostgresCluster {
    fn drop(&mut self) {
        self.alive.lock().unwrap().take();
        self.wrapper.lock().unwrap().wait().unwrap();
    }
}

/// Creates an empty database on the cluster of this test run, or on the server that `KEYWARD_TEST_DATABASE_URL` names.
pub async fn fresh_database() -> Option<String> {
    static SHARED_CLUSTER: OnceLock<Option<PostgresCluster>> = OnceLock::new();
    if let Some(url) = env_var("KEYWARD_TEST_DATABASE_URL") {
        let in_url = |name: &str| {
            let (start, query) =
                url.split_once('?').map_or((url.as_str(), ""), |(start, query)| (start, query));
            let server = start.rsplit_once('/').map_or(start, |(server, _)| server);
            if query.is_empty() { format!("{server}/{name}") } else { format!("{server}/{name}?{query}") }
        };
        return Some(create_database(&url, in_url).await);
    }
    if let Some(cluster) = SHARED_CLUSTER.get_or_init(PostgresCluster::start) {
        return Some(cluster.fresh_database().await);
    }
    assert!(
        env_var("KEYWARD_REQUIRE_POSTGRES").is_none_or(|value| value != "1"),
        "PostgreSQL is not installed, but KEYWARD_REQUIRE_POSTGRES=1 requires it"
    );
    let skipped = "skipped on PostgreSQL, which is not installed\n";
    std::io::stderr().write_all(skipped.as_bytes()).unwrap();
    None
}

async fn create_database(server: &str, url: impl Fn(&str) -> String) -> String {
    let name = format!("keyward_test_{:032x}", u128::from_ne_bytes(random_bytes()));
    let mut connection = sqlx::PgConnection::connect(server).await.unwrap();
    sqlx::raw_sql(sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}")))
        .execute(&mut connection)
        .await
        .unwrap();
    connection.close().await.unwrap();
    url(&name)
}

/// Returns the folder that contains `initdb` and `pg_ctl`.
fn find_programs_folder() -> Option<PathBuf> {
    let installed = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut folders: Vec<PathBuf> = installed.map(|version| version.path().join("bin")).collect();
    folders.sort();
    folders.extend(env_var("PATH")?.split(':').map(PathBuf::from));
    let complete =
        |folder: &PathBuf| ["initdb", "pg_ctl", "postgres"].iter().all(|name| folder.join(name).exists());
    folders.into_iter().rfind(complete)
}

/// Returns a command that runs as an unprivileged user who owns the folder, since PostgreSQL refuses to run as root.
fn unprivileged_command(folder: &Path) -> Command {
    if !rustix::process::geteuid().is_root() {
        return Command::new("env");
    }
    let (user, uid, gid) = ["postgres", "nobody"].iter().find_map(|name| find_user(name)).unwrap();
    chown(folder, Some(uid), Some(gid)).unwrap();
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o700)).unwrap();
    let mut command = Command::new("setpriv");
    command.args([format!("--reuid={uid}"), format!("--regid={gid}"), "--clear-groups".into(), "--".into()]);
    command.arg("env").env("USER", user).env("HOME", folder).current_dir(folder);
    command
}

fn find_user(name: &str) -> Option<(String, u32, u32)> {
    let users = std::fs::read_to_string("/etc/passwd").unwrap();
    let mut fields = users.lines().find(|line| line.starts_with(&format!("{name}:")))?.split(':').skip(2);
    Some((name.to_owned(), fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
}
