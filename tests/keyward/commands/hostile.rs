//! Commands against hostile servers: the error is clear, memory usage stays low, and no credential is sent elsewhere.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::process::ExitStatusExt as _;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use super::cli_fixture::{CliFixture, PROGRAM_PATH};
use crate::support::fake_server::{FakeServer, JSON_HEADER, MeasuredProcess, send_response};
use crate::support::scaled;

/// Most memory that a command may use, in MiB.
const MAX_MEMORY_MIB: u64 = 100;

const SESSION_TOKEN: &str = "ses_0123456789abcdef";

/// A signed-in client, and replies of a real server from which hostile ones are made.
struct ClientUnderAttack {
    cli: CliFixture,
    /// Real reply to `GET /me`.
    me: String,
    /// JSON of a real key.
    key: String,
}

impl ClientUnderAttack {
    fn new() -> Self {
        let cli = CliFixture::new();
        cli.create_key("Grafana");
        let me = cli.run(&["whoami", "--json"]).expect_exit(0, &[]).out;
        let key = cli.list_keys()[0].to_string();
        Self { cli, me, key }
    }

    /// Starts a server that lists `pages` pages of a thousand keys, each with a note of `note` characters.
    fn serve_keys(&self, pages: usize, note_length: usize) -> FakeServer {
        let (head, tail) = self.key.split_once("Grafana").unwrap();
        let head = head.replace("\"note\":null", &format!("\"note\":\"{}\"", "n".repeat(note_length)));
        let tail = tail.replace("\"note\":null", &format!("\"note\":\"{}\"", "n".repeat(note_length)));
        let me = self.me.clone();
        let count = AtomicUsize::new(0);
        FakeServer::start(move |request, stream| {
            if request.contains("/me ") {
                return send_response(stream, "200 OK", JSON_HEADER, &me);
            }
            let page = count.fetch_add(1, Ordering::SeqCst);
            let keys: Vec<String> =
                (0..1_000).map(|n| format!("{head}Key {}{tail}", page * 1_000 + n)).collect();
            let next = if page + 1 < pages { format!("\"c{page}\"") } else { "null".to_owned() };
            if next == "null" {
                count.store(0, Ordering::SeqCst);
            }
            let keys = keys.join(",");
            send_response(
                stream,
                "200 OK",
                JSON_HEADER,
                &format!("{{\"metadata\":{{\"next_cursor\":{next}}},\"data\":[{keys}]}}"),
            )
        })
    }

    fn start_command(&self, url: &str, args: &[&str], out: Stdio) -> MeasuredProcess {
        let mut command = self.cli.command(PROGRAM_PATH);
        command.args(args).env("KEYWARD_URL", url).env("KEYWARD_TOKEN", SESSION_TOKEN);
        MeasuredProcess::start(&mut command, out, File::create(self.cli.path("err.txt")).unwrap().into())
    }

    /// Runs a command and returns its exit code and standard error. Asserts that it stays within [`MAX_MEMORY_MIB`].
    #[track_caller]
    fn run(&self, url: &str, args: &[&str]) -> (i32, String) {
        let (code, peak) = self.start_command(url, args, Stdio::null()).wait();
        let stderr = std::fs::read_to_string(self.cli.path("err.txt")).unwrap();
        assert!(peak <= MAX_MEMORY_MIB, "{args:?} took {peak} MiB: {stderr}");
        assert!(!stderr.contains("panicked") && !stderr.contains(SESSION_TOKEN), "{stderr}");
        (code, stderr)
    }
}

/// Guarantee 24: a hostile server cannot hurt the client.
#[test]
fn an_endless_list_is_cut_off_if_it_must_be_held_in_memory() {
    let client = ClientUnderAttack::new();
    let (usual, large) = (client.serve_keys(usize::MAX, 1_000), client.serve_keys(usize::MAX, 11_000));
    let keys = &["keys", "list", "--workspace"];
    for (server, args) in [
        (&usual, &keys[..]),
        (&usual, &[&keys[..], &["--sort", "name", "-o", "id"]].concat()),
        (&large, &[&keys[..], &["--reverse", "--json"]].concat()),
        (&client.serve_keys(usize::MAX, 13_000), &keys[..]),
    ] {
        let (code, stderr) = client.run(&server.url, args);
        if stderr.contains("12 MiB") {
            // A single page exceeded the size limit for a reply.
            assert_eq!(code, 1);
            continue;
        }
        assert!(code == 1 && stderr.contains("more than is held in memory"), "{args:?} {code}: {stderr}");
    }
}

#[test]
fn endless_member_and_activity_lists_are_cut_off() {
    let client = ClientUnderAttack::new();
    let member = client.cli.run(&["members", "list", "--json"]).expect_exit(0, &[]).json()[0].to_string();
    let row = client.cli.run(&["activity", "-n", "1", "--json"]).expect_exit(0, &[]).json()[0].to_string();
    let me = client.me.clone();
    let count = AtomicUsize::new(0);
    let server = FakeServer::start(move |request, stream| {
        if request.contains("/me ") {
            return send_response(stream, "200 OK", JSON_HEADER, &me);
        }
        let item = if request.contains("/members") { &member } else { &row };
        let items = vec![item.replace("ada@", &format!("{}@", "a".repeat(5_000))); 1_000].join(",");
        let next = count.fetch_add(1, Ordering::SeqCst);
        let body = format!("{{\"metadata\":{{\"next_cursor\":\"{next}\"}},\"data\":[{items}]}}");
        send_response(stream, "200 OK", JSON_HEADER, &body)
    });
    for args in [&["members", "list"][..], &["members", "role", "x", "admin"], &["activity", "-n", "9999999"]]
    {
        let (code, stderr) = client.run(&server.url, args);
        assert!(code == 1 && stderr.contains("more than is held in memory"), "{args:?} {code}: {stderr}");
    }
}

#[test]
fn an_endless_list_is_streamed_if_it_need_not_be_held_in_memory() {
    let client = ClientUnderAttack::new();
    let server = client.serve_keys(usize::MAX, 1_000);
    for form in ["id", "csv", "json"] {
        let args = ["keys", "list", "--workspace", "-o", form];
        let mut process = client.start_command(&server.url, &args, Stdio::piped());
        let mut lines = BufReader::new(process.child.stdout.take().unwrap()).lines();
        for _ in 0..scaled(200_000) {
            lines.next().unwrap().unwrap();
        }
        assert!(process.peak_mib() <= MAX_MEMORY_MIB, "{form}: {} MiB", process.peak_mib());
        // A reader that closes the pipe early is not an error.
        drop(lines);
        assert_eq!(process.wait().0, 0, "{form}");
        assert_eq!(std::fs::read_to_string(client.cli.path("err.txt")).unwrap(), "");
    }
}

#[test]
fn an_interrupt_stops_a_listing_at_once() {
    let client = ClientUnderAttack::new();
    let server = client.serve_keys(usize::MAX, 10);
    let mut process =
        client.start_command(&server.url, &["keys", "list", "--workspace", "-o", "id"], Stdio::piped());
    let mut out = BufReader::new(process.child.stdout.take().unwrap());
    out.read_line(&mut String::new()).unwrap();
    kill_process(Pid::from_child(&process.child), Signal::INT).unwrap();
    assert_eq!(process.child.wait().unwrap().signal(), Some(2));
}

#[test]
fn a_hundred_thousand_keys_are_listed_in_every_format() {
    let client = ClientUnderAttack::new();
    let thousands = scaled(100);
    let server = client.serve_keys(thousands, 60);
    for args in [
        &["-o", "table"][..],
        &["--csv"],
        &["--json"],
        &["--json=id,created_by.email"],
        &["-o", "id"],
        &["-o", "id", "--sort", "name"],
        &["--csv", "--sort", "last-used", "--reverse"],
        &["-o", "id", "--filter", "key !nothing"],
    ] {
        let out = File::create(client.cli.path("out.txt")).unwrap();
        let args = [&["keys", "list", "--workspace", "--no-header"], args].concat();
        let (code, peak) = client.start_command(&server.url, &args, out.into()).wait();
        assert_eq!(code, 0, "{args:?}");
        assert!(peak <= MAX_MEMORY_MIB, "{args:?} took {peak} MiB");
        let lines = BufReader::new(File::open(client.cli.path("out.txt")).unwrap()).lines().count();
        let brackets = if args[4].contains("json") { 2 } else { 0 };
        assert_eq!(lines, thousands * 1_000 + brackets, "{args:?}");
    }
}

/// Sends the same bytes until the client closes the connection.
fn flood(stream: &mut TcpStream, piece: &[u8]) -> std::io::Result<bool> {
    loop {
        stream.write_all(piece)?;
    }
}

#[test]
fn endless_bodies_and_headers_are_cut_off() {
    let client = ClientUnderAttack::new();
    let piece = Arc::new(vec![b'['; 1 << 16]);
    let cases = [
        ("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2000000000\r\n\r\n", "MiB"),
        (
            "HTTP/1.1 500 Oh\r\nContent-Type: application/problem+json\r\nContent-Length: 2000000000\r\n\r\n",
            "MiB",
        ),
        ("HTTP/1.1 200 OK\r\nX-Line: ", ""),
        (
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\nContent-Length: 2000000000\r\n\r\n",
            "compressed",
        ),
    ];
    for (begin, words) in cases {
        let piece = piece.clone();
        let server = FakeServer::start(move |_, stream| {
            stream.write_all(begin.as_bytes())?;
            flood(stream, &piece)
        });
        for args in [&["keys", "list", "-o", "id"][..], &["whoami"], &["members", "list"]] {
            let (code, stderr) = client.run(&server.url, args);
            assert!([1, 7].contains(&code) && stderr.contains(words), "{begin:?} {args:?} {code}: {stderr}");
        }
    }
}

/// Guarantee 24: a hostile server cannot hurt the client.
#[test]
fn a_server_that_sends_one_byte_at_a_time_times_out() {
    let client = ClientUnderAttack::new();
    let server = FakeServer::start(|_, stream| {
        stream.write_all(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000000\r\n\r\n",
        )?;
        stream.set_read_timeout(Some(Duration::from_millis(100)))?;
        loop {
            // Sends one byte every 100 ms.
            match stream.read(&mut [0]) {
                Ok(0) => return Ok(false),
                _ => stream.write_all(b" ")?,
            }
        }
    });
    let (code, stderr) = client.run(&server.url, &["keys", "list"]);
    assert!(code == 7 && stderr.contains("within 15 s"), "{code}: {stderr}");
    assert_eq!(server.request_heads().len(), 1, "the request is not retried");
}

#[test]
fn repeated_5xx_responses_are_retried_twice_and_retry_after_is_capped() {
    let client = ClientUnderAttack::new();
    for (status, tries, exit) in [
        ("503 Service Unavailable", 3, 7),
        ("502 Bad Gateway", 3, 7),
        ("504 Gateway Timeout", 3, 7),
        ("500 Internal Server Error", 1, 1),
        ("429 Too Many Requests", 1, 1),
    ] {
        let server = FakeServer::start(move |_, stream| {
            let headers = format!("{JSON_HEADER}Retry-After: 99999999999999999999\r\n");
            let headers = headers.replace("json", "problem+json");
            let kind = match &status[..3] {
                "503" => "unavailable",
                "429" => "rate-limited",
                _ => "about:blank",
            };
            let number = &status[..3];
            send_response(
                stream,
                status,
                &headers,
                &format!(
                    "{{\"type\":\"{kind}\",\"title\":\"No\",\"status\":{number},\"detail\":\"Not now\"}}"
                ),
            )
        });
        let (code, stderr) = client.run(&server.url, &["keys", "list", "-o", "id"]);
        assert_eq!((code, server.request_heads().len()), (exit, tries), "{status}: {stderr}");
        assert!(stderr.contains("Not now"), "{stderr}");
    }
}

/// Guarantee 24: a hostile server cannot hurt the client.
#[test]
fn redirects_never_carry_a_credential_to_another_server() {
    let client = ClientUnderAttack::new();
    let elsewhere = FakeServer::start(|_, stream| send_response(stream, "200 OK", JSON_HEADER, "{}"));
    let port = elsewhere.url.rsplit(':').next().unwrap().to_owned();
    for status in [301, 302, 303, 307, 308] {
        for target in [
            elsewhere.url.clone(),
            format!("http://localhost:{port}"),
            format!("https://127.0.0.1:{port}"),
            format!("//127.0.0.1:{port}"),
        ] {
            let location = format!("Location: {target}/api/v2/sites\r\n");
            let server = FakeServer::start(move |_, stream| {
                send_response(
                    stream,
                    &format!("{status} Moved"),
                    &format!("{location}Connection: close\r\n"),
                    "",
                )
            });
            for args in [
                &["keys", "list"][..],
                &["keys", "create", "--name", "x", "--write-to", "x.txt"],
                &["logout", "--forget"],
            ] {
                client.run(&server.url, args);
            }
            let secret = keyward::domain::secret::Secret::generate(|| [9; 64]);
            for (args, input) in
                [(&["verify"][..], secret.expose()), (&["login", "--code-stdin"], "inv_0123456789abcdef")]
            {
                let mut command = client.cli.command(PROGRAM_PATH);
                command.args(args).env("KEYWARD_URL", &server.url).env("KEYWARD_TOKEN", SESSION_TOKEN);
                assert_ne!(CliFixture::run_command_with_input(&mut command, input).code, 0);
            }
        }
    }
    assert!(elsewhere.request_heads().is_empty(), "{:?}", elsewhere.request_heads());
}

/// Guarantee 24: a hostile server cannot hurt the client.
#[test]
fn the_terminal_ui_cuts_off_an_endless_list_and_stays_responsive() {
    let client = ClientUnderAttack::new();
    let server = client.serve_keys(usize::MAX, 1_000);
    let mut command = crate::support::pty::keyward(client.cli.folder.path(), &[]);
    command.env("KEYWARD_URL", &server.url);
    command.env("KEYWARD_TOKEN", SESSION_TOKEN);
    let mut pty = crate::support::pty::Pty::start(command, 120, 40);
    pty.wait_for_text("held in memory");
    let status = std::fs::read_to_string(format!("/proc/{}/status", pty.pid().as_raw_nonzero())).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let peak: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
    assert!(peak / 1024 <= MAX_MEMORY_MIB, "{} MiB", peak / 1024);
    pty.press("qqq");
    assert_eq!(pty.wait(), 0);
}
