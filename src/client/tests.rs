//! Tests of the client with misbehaving servers.

use futures_util::StreamExt as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::error::UnreachableCause;
use super::*;
use crate::domain::key::KeyKind;
use crate::domain::text::first_unsafe_char;
use crate::wire::keys::{CreateKey, CreatePersonalKey, KeysQuery};
use crate::wire::problem::ProblemType;
use crate::wire::sessions::{EndCurrentSession, GetMe};

/// Starts a server that sends `answer` on every connection. The returned task yields the first request.
async fn server(answer: impl Into<Vec<u8>>) -> (Client, tokio::task::JoinHandle<String>) {
    let answer = answer.into();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    let task = tokio::spawn(async move {
        let mut first = String::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut buffer = vec![0; 8192];
            let n = stream.read(&mut buffer).await.unwrap_or(0);
            if first.is_empty() {
                first = String::from_utf8_lossy(&buffer[..n]).into_owned();
            }
            let _ = stream.write_all(&answer).await;
            if answer.ends_with(b"END") {
                break;
            }
        }
        first
    });
    let credential = Credential::bearer("ses_abc").unwrap();
    (Client::new(address, credential, &ClientOptions::default()).unwrap(), task)
}

fn http(status: &str, content_type: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
}

async fn error_for_reply(bytes: impl Into<Vec<u8>>) -> ClientError {
    let (client, _task) = server(bytes).await;
    let error = client.send(CallRequest::to(GetMe)).await.unwrap_err();
    assert_eq!(first_unsafe_char(&error.to_string()), None, "{error}");
    error
}

#[tokio::test]
async fn the_error_says_that_the_reply_was_a_web_page() {
    let error = error_for_reply(http("200 OK", "text/html; charset=utf-8", "<html>Sign in</html>")).await;
    assert!(matches!(error, ClientError::InvalidReply { status: Some(200), .. }));
    assert!(error.to_string().contains("a web page (text/html)"), "{error}");
    let error = error_for_reply(http("502 Bad Gateway", "text/html", "<html>nginx</html>")).await;
    assert!(matches!(error, ClientError::InvalidReply { status: Some(502), .. }));
    assert!(error.is_outcome_unknown());
}

#[tokio::test]
async fn redirects_are_not_followed() {
    for status in ["301 Moved", "302 Found", "307 Temporary Redirect", "308 Permanent Redirect"] {
        let (elsewhere, other) = server(http("200 OK", "application/json", "{}")).await;
        let target = elsewhere.address().to_string();
        let error = error_for_reply(format!(
            "HTTP/1.1 {status}\r\nLocation: {target}/x\r\nContent-Length: 0\r\n\r\n"
        ))
        .await;
        assert!(error.to_string().contains(&target), "{error}");
        other.abort();
        assert!(other.await.is_err(), "the other server saw a request");
    }
}

#[tokio::test]
async fn the_text_of_a_refusal_is_sanitized() {
    let body = "{\"type\":\"not-permitted\",\"title\":\"Not\",\"status\":403,\"detail\":\"no \\u001b[2J\\u202e admin\\n\"}";
    let error = error_for_reply(http("403 Forbidden", "application/problem+json", body)).await;
    assert!(error.is_problem(ProblemType::NotPermitted));
    assert!(error.to_string().ends_with("admin"));
    let body = r#"{"type":"from-the-future","title":"New","status":418,"detail":"x"}"#;
    assert!(
        error_for_reply(http("418 Teapot", "application/problem+json", body))
            .await
            .is_problem(ProblemType::Unknown)
    );
}

#[tokio::test]
async fn reply_bodies_are_limited_in_size_and_never_quoted() {
    let error =
        error_for_reply(http("200 OK", "application/json", "{\"secret\":\"sk_do_not_repeat\"}")).await;
    assert!(!error.to_string().contains("repeat"), "{error}");
    let mut endless =
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    for _ in 0..80 {
        endless.extend_from_slice(b"10000\r\n");
        endless.extend(std::iter::repeat_n(b'[', 0x10000));
        endless.extend_from_slice(b"\r\n");
    }
    assert!(error_for_reply(endless).await.to_string().contains("more than 4 MiB"));
    let gzip = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nabcd";
    assert!(error_for_reply(gzip).await.to_string().contains("compressed"));
    let deep = "[".repeat(100_000);
    assert!(matches!(
        error_for_reply(http("200 OK", "application/json", &deep)).await,
        ClientError::InvalidReply { .. }
    ));
}

#[tokio::test]
async fn an_incomplete_reply_is_never_taken_for_a_refusal() {
    let whole = http("403 Forbidden", "application/problem+json", r#"{"type":"x","title":"y"}"#);
    for cut in 0..whole.len() {
        let error = error_for_reply(&whole.as_bytes()[..cut]).await;
        assert!(!matches!(error, ClientError::Refused(_)), "cut at {cut}: {error}");
    }
}

/// Attempt numbers that the retry callback received.
static RETRIED_ATTEMPTS: std::sync::Mutex<Vec<u32>> = std::sync::Mutex::new(Vec::new());

#[tokio::test]
async fn a_refused_connection_is_retried_for_safe_calls_only() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    drop(listener);
    let client = Client::new(address, Credential::none(), &ClientOptions::default()).unwrap();
    let patient = client.with_retries(|r| RETRIED_ATTEMPTS.lock().unwrap().push(r.attempt));
    let error = patient.send(CallRequest::to(GetMe)).await.unwrap_err();
    assert!(
        matches!(error, ClientError::Unreachable { cause: UnreachableCause::NoConnection, .. }),
        "{error:?}"
    );
    assert!(error.to_string().contains("connection refused"), "{error}");
    assert!(!error.is_outcome_unknown());
    assert_eq!(*RETRIED_ATTEMPTS.lock().unwrap(), [2, 3]);
    let _ = patient.send(CallRequest::to(EndCurrentSession)).await;
    assert_eq!(RETRIED_ATTEMPTS.lock().unwrap().len(), 2, "a write without an idempotency key is sent once");
}

#[tokio::test]
async fn a_request_contains_the_required_headers_and_body() {
    let (client, task) = server("HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\nEND").await;
    let body = CreateKey { name: "Grafana".into(), note: None, replaces: None };
    let _ = client.send(CallRequest::with(CreatePersonalKey, body).idempotency_key("k-1").if_match(3)).await;
    let sent = task.await.unwrap().to_ascii_lowercase();
    for part in [
        "post /api/v2/personal-api-keys http/1.1",
        "authorization: bearer ses_abc",
        "idempotency-key: k-1",
        "if-match: \"3\"",
        "content-type: application/json",
        "user-agent: keyward/",
        "{\"name\":\"grafana\"}",
    ] {
        assert!(sent.contains(part), "{part} is missing in {sent}");
    }
    assert!(!format!("{client:?}").contains("ses_"));
}

#[tokio::test]
async fn a_list_that_repeats_its_cursor_ends_with_an_error() {
    let body = r#"{"metadata":{"next_cursor":"again"},"data":[]}"#;
    let (client, _task) = server(http("200 OK", "application/json", body)).await;
    let pages: Vec<_> =
        client.key_pages(KeyKind::Personal, KeysQuery::default(), Retention::All).collect().await;
    assert!(matches!(&pages[..], [Err(ClientError::InvalidReply { .. })]), "{pages:?}");
}

#[test]
fn tokens_that_cannot_be_sent_are_refused() {
    for token in ["", "ses_a b", "ses_a\n", "sk_ü"] {
        assert!(Credential::bearer(token).is_err());
    }
    let shown = format!("{:?}", Credential::bearer("ses_abc").unwrap());
    assert!(!shown.contains("abc"));
}

#[tokio::test]
async fn a_server_without_tls_is_distinguished_from_one_that_is_down() {
    let (plain, _task) = server(http("200 OK", "application/json", "{}")).await;
    let address = plain.address().to_string().replace("http://", "https://").parse().unwrap();
    let client = Client::new(address, Credential::none(), &ClientOptions::default()).unwrap();
    let error = client.send(CallRequest::to(GetMe)).await.unwrap_err();
    assert!(matches!(error, ClientError::Unreachable { cause: UnreachableCause::Tls, .. }), "{error:?}");
    assert!(error.to_string().contains("does not speak TLS"), "{error}");
}
