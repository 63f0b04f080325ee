//! The server log: JSON with request ids, without credentials and control characters.

use std::io;
use std::sync::{Arc, Mutex};

use keyward::server::observability::logs::subscriber;
use serde_json::Value;
use tracing_subscriber::fmt::MakeWriter;

use super::{UNKNOWN_SESSION, start_with, unknown_key};
use crate::support::raw_http::{request, send};

#[derive(Clone, Default)]
struct LogLines(Arc<Mutex<Vec<u8>>>);

impl io::Write for LogLines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for LogLines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

// Uses a single thread, so that only this test writes to the log.
/// Guarantee 25: no credential in argv, environment dumps, Debug, panics or logs.
#[tokio::test]
async fn the_log_identifies_requests_and_contains_no_secret() {
    // With a single subscriber, `tracing` would let the threads of other tests, which have none, set the maximum level.
    let _second = tracing::Dispatch::new(subscriber(io::sink, "off"));
    let lines = LogLines::default();
    let _guard = tracing::subscriber::set_default(subscriber(lines.clone(), "trace"));
    let (running, _folder) = start_with(|_| {}).await;
    let key = unknown_key();
    let session = UNKNOWN_SESSION.trim_start_matches("Bearer ");
    // The HTTP parser refuses escape characters and line breaks, but accepts these characters in headers.
    let agent = "evil\u{202e}agent\u{9b}1m\u{2028}";
    let requests = [
        request("GET", "/api/v2/me", &[("Authorization", UNKNOWN_SESSION), ("User-Agent", agent)], ""),
        request("GET", &format!("/api/v2/me?token={session}"), &[("X-Key", &key)], ""),
        request("GET", "/api/v2/sites", &[("Authorization", &key)], ""),
        request(
            "POST",
            "/api/v2/sessions",
            &[("Content-Type", "application/json")],
            &format!("{{\"code\":\"{}\"}}", session.replace("ses_", "inv_")),
        ),
    ];
    let mut ids = Vec::new();
    for request in &requests {
        ids.push(send(running.addr, request).await.header("x-request-id").unwrap().to_owned());
    }
    running.shutdown().await;
    let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    let secrets = [&session[4..], key.trim_start_matches("Bearer sk_")];
    for secret in secrets {
        assert!(!text.contains(secret), "a credential is in the log");
    }
    let shown: Vec<char> = text.chars().filter(|c| c.is_control() && *c != '\n').collect();
    assert!(shown.is_empty() && !text.contains(['\u{202e}', '\u{2028}']), "{shown:?}");
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
    for id in ids {
        let found = lines.iter().find(|line| line["request_id"] == id.as_str());
        let line = found.unwrap_or_else(|| panic!("{id} is not in the log:\n{text}"));
        assert!(line["operation"].is_string() && line["status"].is_u64() && line["ms"].is_f64(), "{line}");
    }
}
