//! Fake HTTP server whose replies are chosen by the test.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Replies to a request with this head; returns whether to keep the connection open.
pub type ReplyFn = dyn Fn(&str, &mut TcpStream) -> std::io::Result<bool> + Send + Sync;

/// A running fake server.
pub struct FakeServer {
    pub url: String,
    heads: Arc<Mutex<Vec<String>>>,
}

impl FakeServer {
    pub fn start(
        reply: impl Fn(&str, &mut TcpStream) -> std::io::Result<bool> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let heads = Arc::new(Mutex::new(Vec::new()));
        let (recorded, reply): (_, Arc<ReplyFn>) = (heads.clone(), Arc::new(reply));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (mut stream, recorded, reply) = (stream.unwrap(), recorded.clone(), reply.clone());
                std::thread::spawn(move || {
                    while let Some(head) = read_head(&mut stream) {
                        recorded.lock().unwrap().push(head.clone());
                        if !reply(&head, &mut stream).unwrap_or(false) {
                            break;
                        }
                    }
                });
            }
        });
        Self { url, heads }
    }

    /// Returns the heads of all requests so far.
    pub fn request_heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

/// Reads the head of the next request; `None` if the connection ends. The body is not read.
fn read_head(stream: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    let mut byte = [0];
    while !bytes.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte).ok()? == 0 {
            return None;
        }
        bytes.push(byte[0]);
    }
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// Sends a complete reply.
pub fn send_response(
    stream: &mut TcpStream,
    status: &str,
    headers: &str,
    body: &str,
) -> std::io::Result<bool> {
    let length = body.len();
    write!(stream, "HTTP/1.1 {status}\r\nContent-Length: {length}\r\n{headers}\r\n{body}")?;
    Ok(true)
}

/// Content type header of JSON_HEADER.
pub const JSON_HEADER: &str = "Content-Type: application/json\r\n";

/// Watches the most memory that a program took.
pub struct MeasuredProcess {
    pub child: Child,
    peak: u64,
}

impl MeasuredProcess {
    /// Starts it, its output in files so that it never waits.
    pub fn start(command: &mut Command, out: Stdio, err: Stdio) -> Self {
        Self { child: command.stdin(Stdio::null()).stdout(out).stderr(err).spawn().unwrap(), peak: 0 }
    }

    /// The most so far, in MiB.
    pub fn peak_mib(&mut self) -> u64 {
        // The kernel keeps the peak; it is gone with the process.
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0);
        self.peak = self.peak.max(kib);
        self.peak / 1024
    }

    /// Waits for its end; its exit code and the most memory it took, in MiB.
    pub fn wait(mut self) -> (i32, u64) {
        let (_never, pause) = std::sync::mpsc::channel::<()>();
        loop {
            let peak = self.peak_mib();
            if let Some(status) = self.child.try_wait().unwrap() {
                return (status.code().unwrap_or(-1), peak);
            }
            let _ = pause.recv_timeout(Duration::from_millis(5));
        }
    }
}

impl Drop for MeasuredProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
