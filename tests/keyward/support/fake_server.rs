//! Fake HTTP server whose replies are chosen by the test.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Replies to a request, given its head, and returns whether to keep the connection open.
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

    /// Returns the heads of all requests that were received.
    pub fn request_heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

/// Reads the head of the next request but not its body. Returns `None` if the connection ends.
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

/// Header line for a JSON body.
pub const JSON_HEADER: &str = "Content-Type: application/json\r\n";

/// A running program whose peak memory usage is measured.
pub struct MeasuredProcess {
    pub child: Child,
    peak: u64,
}

impl MeasuredProcess {
    /// Starts a command. Its output should go to files, so that it never waits for a reader.
    pub fn start(command: &mut Command, out: Stdio, err: Stdio) -> Self {
        Self { child: command.stdin(Stdio::null()).stdout(out).stderr(err).spawn().unwrap(), peak: 0 }
    }

    /// Returns the peak memory usage measured so far, in MiB.
    pub fn peak_mib(&mut self) -> u64 {
        // The kernel reports the peak only while the process exists.
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0);
        self.peak = self.peak.max(kib);
        self.peak / 1024
    }

    /// Waits until the process has ended. Returns its exit code (-1 after a signal) and its peak memory usage in MiB.
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
