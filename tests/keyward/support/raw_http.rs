//! HTTP over a plain socket, for requests that no client library sends and for byte-by-byte comparison of responses.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Timeout for a response.
pub const TIMEOUT: Duration = Duration::from_secs(30);

/// An HTTP response as received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawResponse {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl RawResponse {
    /// Returns the value of a header; `name` must be in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    /// Returns the `type` of a problem; empty if the body is not a problem.
    pub fn problem(&self) -> String {
        self.json()["type"].as_str().unwrap_or_default().to_owned()
    }
}

/// Formats a request. `Host: localhost` is added unless `headers` has a host.
pub fn request(method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> String {
    let host = if headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
        ""
    } else {
        "Host: localhost\r\n"
    };
    let length = if body.is_empty() { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
    let headers =
        headers.iter().fold(String::new(), |all, (name, value)| all + &format!("{name}: {value}\r\n"));
    format!("{method} {path} HTTP/1.1\r\n{host}{length}{headers}\r\n{body}")
}

/// Sends bytes on a new connection and reads one response.
pub async fn send(address: SocketAddr, bytes: impl AsRef<[u8]>) -> RawResponse {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(bytes.as_ref()).await.unwrap();
    read_response(&mut stream).await.expect("no answer")
}

/// Reads one response. Returns `None` if the connection ends before the headers are complete.
pub async fn read_response(stream: &mut (impl AsyncRead + Unpin)) -> Option<RawResponse> {
    tokio::time::timeout(TIMEOUT, try_read_response(stream)).await.expect("the server did not reply in time")
}

async fn try_read_response(stream: &mut (impl AsyncRead + Unpin)) -> Option<RawResponse> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(at) = bytes.windows(4).position(|w| w == b"\r\n\r\n") {
            break at;
        }
        let read = stream.read_buf(&mut bytes).await.unwrap_or(0);
        if read == 0 {
            return None;
        }
    };
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let mut lines = head.split("\r\n");
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let headers: Vec<_> = lines
        .filter_map(|line| line.split_once(": ").map(|(name, value)| (name.to_lowercase(), value.to_owned())))
        .collect();
    let mut body = bytes.split_off(end + 4);
    let length = headers.iter().find(|(name, _)| name == "content-length").and_then(|(_, v)| v.parse().ok());
    let length: usize = if status == 204 { 0 } else { length.unwrap_or(usize::MAX) };
    while body.len() < length {
        if stream.read_buf(&mut body).await.unwrap_or(0) == 0 {
            break;
        }
    }
    Some(RawResponse { status, headers, body })
}
