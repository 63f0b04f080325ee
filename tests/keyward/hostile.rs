//! Hostile and broken HTTP clients: malformed and slow requests are refused, and other clients are not affected.

use std::time::Duration;

use keyward::client::CallRequest;
use keyward::clock::{Clock, random_bytes};
use keyward::domain::secret::Secret;
use keyward::server::{self, RunningServer, Settings, StartError};
use keyward::store::{DatabaseLocation, OpenMode, Store};
use keyward::wire::keys::{CreateKey, CreateOrganizationKey};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::support::Database;
use crate::support::raw_http::{RawResponse, TIMEOUT, read_response, request, send};
use crate::support::test_server::{TestServer, settings_without_limits};

mod logs;
mod tls;

/// Starts a server whose settings `change` has modified, on a database without an organization.
async fn start_with(change: impl FnOnce(&mut Settings)) -> (RunningServer, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = Settings { listen: "127.0.0.1:0".parse().unwrap(), ..Settings::default() };
    change(&mut settings);
    (try_start(settings, &folder).await.unwrap(), folder)
}

async fn try_start(settings: Settings, folder: &TempDir) -> Result<RunningServer, StartError> {
    let target = DatabaseLocation::Sqlite(folder.path().join("data").join("keys.db"));
    let store = Store::open(&target, OpenMode::Serve, Clock::System.now(), random_bytes).await.unwrap();
    server::start(settings, store, Clock::System, None).await
}

const UNKNOWN_SESSION: &str = "Bearer ses_0000000000000000000000000000000000000000000000000000000000000000";
const UNKNOWN_KEY: &str = "Bearer sk_0000000000000000000000000000000000000000";

/// Returns an `Authorization` header value with a well-formed key that does not exist.
fn unknown_key() -> String {
    format!("Bearer {}", Secret::generate(random_bytes).expose())
}

/// Guarantee 21: a web page cannot drive a local server.
#[tokio::test(flavor = "multi_thread")]
async fn a_web_page_cannot_control_a_local_server() {
    let (running, _folder) = start_with(|settings| settings.hosts = vec!["keys.plant.example".into()]).await;
    let hosts = ["localhost", "127.0.0.1", "keys.plant.example", "evil.example", "localhost.evil.example"];
    let origins = ["", "own", "https://evil.example", "null", "http://localhost:3000"];
    let types =
        ["application/json", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""];
    let calls = [
        ("GET", "/api/v2/me"),
        ("POST", "/api/v2/sessions"),
        ("POST", "/api/v2/api-keys"),
        ("DELETE", "/api/v2/sessions/current"),
        ("OPTIONS", "/api/v2/api-keys"),
        ("GET", "/api/v2/sites"),
        ("POST", "/api/v2/auth"),
        ("GET", "/api/v2/openapi.json"),
    ];
    for host in hosts {
        for origin in origins {
            for content_type in types {
                for (method, path) in calls {
                    let own = format!("http://{host}");
                    let mut headers = vec![("Host", host)];
                    match origin {
                        "" => {}
                        "own" => headers.push(("Origin", &own)),
                        origin => headers.push(("Origin", origin)),
                    }
                    if !content_type.is_empty() {
                        headers.push(("Content-Type", content_type));
                    }
                    let body = if method == "POST" { "{\"code\":\"inv_0\"}" } else { "" };
                    let response = send(running.addr, request(method, path, &headers, body)).await;
                    let context = format!("{method} {path} {headers:?} {response:?}");
                    let is_data = path.ends_with("/sites") || path.ends_with("/auth");
                    if host.contains("evil") {
                        assert_eq!(
                            (response.status, response.problem().as_str()),
                            (421, "host-unknown"),
                            "{context}"
                        );
                    } else if !is_data && !["", "own"].contains(&origin) {
                        assert_eq!(
                            (response.status, response.problem().as_str()),
                            (403, "origin-refused"),
                            "{context}"
                        );
                    } else if path.ends_with("/sessions") && content_type != "application/json" {
                        assert_eq!(response.problem(), "media-type-unsupported", "{context}");
                    } else {
                        assert_ne!(response.problem(), "origin-refused", "{context}");
                        assert_ne!(response.status, 421, "{context}");
                    }
                    let allowed = |(name, _): &(String, String)| {
                        !name.starts_with("access-control-") && name != "set-cookie"
                    };
                    assert!(response.headers.iter().all(allowed), "{context}");
                }
            }
        }
    }
    running.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_error_is_a_problem_with_a_request_id() {
    let (running, _folder) = start_with(|_| {}).await;
    let cases = [
        ("GET", "/", "not-found"),
        ("GET", "/api/v2", "not-found"),
        ("GET", "/api/v2/sites/", "not-found"),
        ("GET", "/api/v2/SITES", "not-found"),
        ("GET", "/api/v2/api-keys/..%2f..%2fetc", "session-missing"),
        ("GET", "/healthz", "not-found"),
        ("GET", "/metrics", "not-found"),
        ("PUT", "/api/v2/me", "method-not-allowed"),
        ("POST", "/api/v2/sites", "method-not-allowed"),
        ("BREW", "/api/v2/sites", "method-not-allowed"),
        ("GET", "/api/v2/me", "session-missing"),
    ];
    for (method, path, problem) in cases {
        let response = send(running.addr, request(method, path, &[], "")).await;
        assert_eq!(response.problem(), problem, "{method} {path}: {response:?}");
        assert_eq!(response.header("content-type"), Some("application/problem+json"));
        assert_eq!(response.header("cache-control"), Some("no-store"));
        assert_eq!(response.json()["status"], response.status);
        assert_eq!(response.header("x-request-id").map(str::len), Some(16), "{response:?}");
        assert_eq!(response.header("allow").is_some(), response.status == 405, "{response:?}");
    }
    let none = send(running.addr, "GET /api/v2/me HTTP/1.1\r\n\r\n").await;
    let two_headers =
        send(running.addr, "GET /api/v2/me HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n").await;
    assert_eq!(
        (none.problem(), two_headers.problem()),
        ("malformed-request".into(), "malformed-request".into())
    );
    running.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_body_is_limited_in_size_and_time() {
    let (running, _folder) = start_with(|s| s.limits.body_timeout = Duration::from_millis(300)).await;
    let json = [("Content-Type", "application/json")];
    let large = format!("{{\"code\":\"{}\"}}", "x".repeat(70_000));
    let response = send(running.addr, request("POST", "/api/v2/sessions", &json, &large)).await;
    assert_eq!((response.status, response.problem().as_str()), (413, "body-too-large"));

    let claimed = "POST /api/v2/sessions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2000000000\r\n\
                   Content-Type: application/json\r\n\r\n";
    let response = send(running.addr, format!("{claimed}{}", "x".repeat(70_000))).await;
    assert_eq!(response.status, 413);

    let chunk = format!("1000\r\n{}\r\n", "x".repeat(0x1000));
    let chunked = "POST /api/v2/sessions HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\
                   Content-Type: application/json\r\n\r\n";
    let response = send(running.addr, format!("{chunked}{}", chunk.repeat(17))).await;
    assert_eq!(response.status, 413);

    let half = "POST /api/v2/sessions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 50\r\n\
                Content-Type: application/json\r\n\r\n{";
    let response = send(running.addr, half).await;
    assert_eq!((response.status, response.problem().as_str()), (408, "request-timeout"));
    running.shutdown().await;
}

/// Guarantee 26: slow clients cannot starve others.
#[tokio::test(flavor = "multi_thread")]
async fn slow_clients_are_disconnected_and_do_not_delay_others() {
    const SLOW_CLIENTS: usize = 200;
    let (running, _folder) = start_with(|s| s.limits.header_timeout = Duration::from_secs(1)).await;
    let mut slow_clients = Vec::new();
    for n in 0..SLOW_CLIENTS {
        let mut stream = TcpStream::connect(running.addr).await.unwrap();
        // Every second client first sends a complete request.
        if n % 2 == 0 {
            stream.write_all(request("GET", "/api/v2/sites", &[], "").as_bytes()).await.unwrap();
            assert_eq!(read_response(&mut stream).await.unwrap().status, 401);
        }
        stream.write_all(b"GET /api/v2/sites HTTP/1.1\r\nX: ").await.unwrap();
        slow_clients.push(tokio::spawn(async move {
            // Sends one byte every 100 ms.
            loop {
                let mut byte = [0];
                match tokio::time::timeout(Duration::from_millis(100), stream.read(&mut byte)).await {
                    Ok(Ok(0) | Err(_)) => return,
                    _ if stream.write_all(b"x").await.is_err() => return,
                    _ => {}
                }
            }
        }));
    }
    for _ in 0..50 {
        let response = send(running.addr, request("GET", "/api/v2/sites", &[], "")).await;
        assert_eq!(response.problem(), "credentials-missing");
    }
    // A client that keeps sending requests stays connected for longer than the header timeout.
    let mut stream = TcpStream::connect(running.addr).await.unwrap();
    let all_gone = async {
        while !slow_clients.iter().all(tokio::task::JoinHandle::is_finished) {
            stream.write_all(request("GET", "/api/v2/sites", &[], "").as_bytes()).await.unwrap();
            assert_eq!(
                read_response(&mut stream).await.expect("a well-behaved client was disconnected").status,
                401
            );
        }
    };
    tokio::time::timeout(TIMEOUT, all_gone).await.expect("a slow client stays connected");
    for slow_client in slow_clients {
        slow_client.await.unwrap();
    }
    running.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_beyond_the_limit_get_503() {
    let (running, _folder) = start_with(|s| s.limits.connections = 2).await;
    let ask = request("GET", "/api/v2/sites", &[], "");
    let mut held = Vec::new();
    for _ in 0..2 {
        let mut stream = TcpStream::connect(running.addr).await.unwrap();
        stream.write_all(ask.as_bytes()).await.unwrap();
        assert_eq!(read_response(&mut stream).await.unwrap().status, 401);
        held.push(stream);
    }
    let turned_away = send(running.addr, &ask).await;
    assert_eq!((turned_away.status, turned_away.problem().as_str()), (503, "unavailable"));
    assert!(turned_away.header("retry-after").is_some());
    drop(held);
    let admitted = async {
        while send(running.addr, &ask).await.status != 401 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(TIMEOUT, admitted).await.expect("closed connections still count");
    running.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shutdown_finishes_running_requests() {
    let (running, _folder) = start_with(|_| {}).await;
    let address = running.addr;
    let mut stream = TcpStream::connect(address).await.unwrap();
    let body = "{\"code\":\"inv_0\"}";
    let whole = request("POST", "/api/v2/sessions", &[("Content-Type", "application/json")], body);
    let (first, rest) = whole.split_at(whole.len() - 5);
    stream.write_all(first.as_bytes()).await.unwrap();
    // A reply on another connection shows that the server has accepted the first connection.
    send(address, request("GET", "/api/v2/sites", &[], "")).await;
    let stopping = tokio::spawn(running.shutdown());
    let refused = async { while TcpStream::connect(address).await.is_ok() {} };
    tokio::time::timeout(TIMEOUT, refused).await.expect("the server still accepts connections");
    stream.write_all(rest.as_bytes()).await.unwrap();
    let response = read_response(&mut stream).await.expect("the connection was closed early");
    assert_eq!(response.problem(), "code-invalid");
    stopping.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn guesses_at_codes_and_credentials_are_rate_limited() {
    let (running, _folder) = start_with(|settings| {
        settings.limits.sign_ins_per_minute = 3;
        settings.limits.failures_per_minute = 5;
    })
    .await;
    let send_repeatedly = async |count, request: String| {
        let mut responses: Vec<RawResponse> = Vec::new();
        for _ in 0..count {
            responses.push(send(running.addr, &request).await);
        }
        responses
    };
    let code = [("Content-Type", "application/json")];
    let signed_in =
        send_repeatedly(5, request("POST", "/api/v2/sessions", &code, "{\"code\":\"inv_0\"}")).await;
    assert_eq!(
        signed_in.iter().map(|response| response.status).collect::<Vec<_>>(),
        [401, 401, 401, 429, 429]
    );
    assert!(signed_in[4].header("retry-after").is_some_and(|wait| wait.parse().is_ok_and(|s: u32| s > 0)));
    let guessed =
        send_repeatedly(7, request("GET", "/api/v2/auth", &[("Authorization", &unknown_key())], "")).await;
    assert_eq!(guessed.iter().filter(|response| response.status == 401).count(), 5, "{guessed:?}");
    assert_eq!(guessed[6].problem(), "rate-limited");
    let session =
        send_repeatedly(1, request("GET", "/api/v2/me", &[("Authorization", UNKNOWN_SESSION)], "")).await;
    assert_eq!(session[0].status, 429, "the limit covers sessions from the same address");
    let none = send_repeatedly(20, request("GET", "/api/v2/sites", &[], "")).await;
    assert!(
        none.iter().all(|response| response.problem() == "credentials-missing"),
        "requests without credentials are not limited"
    );
    running.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_cannot_start_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let refusal = async |change: &dyn Fn(&mut Settings)| {
        let mut settings = Settings { listen: "127.0.0.1:0".parse().unwrap(), ..Settings::default() };
        change(&mut settings);
        try_start(settings, &folder).await.err().map(|e| e.to_string()).unwrap_or_default()
    };
    let address = taken.local_addr().unwrap();
    assert!(refusal(&|s| s.listen = address).await.contains("already in use: stop the other program"));
    assert!(refusal(&|s| s.listen = "0.0.0.0:0".parse().unwrap()).await.contains("give a certificate"));
    assert!(refusal(&|s| s.listen = "[::]:0".parse().unwrap()).await.contains("give a certificate"));
    assert!(refusal(&|s| s.listen = "192.0.2.1:7711".parse().unwrap()).await.contains("give a certificate"));
    assert!(refusal(&|s| s.insecure_behind_proxy = true).await.contains("needs `trusted_proxies`"));
    let behind_proxy = |s: &mut Settings| {
        s.listen = "192.0.2.1:7711".parse().unwrap();
        s.insecure_behind_proxy = true;
        s.trusted_proxies = vec!["10.0.0.0/8".parse().unwrap()];
    };
    assert!(refusal(&behind_proxy).await.contains("is not an address of this machine"));
    let missing = folder.path().join("none.pem");
    let tls = server::settings::TlsFiles { certificate: missing.clone(), key: missing };
    assert!(refusal(&|s| s.tls = Some(tls.clone())).await.contains("none.pem for TLS"));
}

#[tokio::test(flavor = "multi_thread")]
async fn health_and_metrics_are_served_on_a_separate_address() {
    let (running, _folder) = start_with(|s| s.observe = Some("127.0.0.1:0".parse().unwrap())).await;
    send(running.addr, request("GET", "/api/v2/sites", &[("Authorization", UNKNOWN_KEY)], "")).await;
    let watch = running.observe_addr.unwrap();
    for (path, status) in [("/healthz", 200), ("/readyz", 200), ("/api/v2/sites", 404)] {
        assert_eq!(send(watch, request("GET", path, &[], "")).await.status, status, "{path}");
    }
    let metrics = send(watch, request("GET", "/metrics", &[], "")).await;
    let text = String::from_utf8(metrics.body).unwrap();
    assert!(text.contains("keyward_requests_total{operation=\"listSites\",status=\"401\"} 1\n"), "{text}");
    assert!(text.contains("keyward_verification_seconds_count 1\n"), "{text}");
    assert!(text.contains("\nkeyward_connections ") && text.contains("\nkeyward_connections_max "), "{text}");
    assert!(text.contains("keyward_keys_unwritten 0\n"), "{text}");
    let stopping = running.stopping();
    running.shutdown().await;
    assert!(stopping.is_cancelled());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_valid_key_is_accepted_while_its_address_is_rate_limited() {
    let mut settings = settings_without_limits();
    settings.limits.failures_per_minute = 2;
    let server = TestServer::start_with(&Database::sqlite(), settings, Clock::System).await;
    let new = CreateKey { name: "Grafana".into(), note: None, replaces: None };
    let created =
        server.ada.client.send(CallRequest::with(CreateOrganizationKey, new).idempotency_key("one")).await;
    let bearer = format!("Bearer {}", created.unwrap().secret.unwrap().expose());
    for _ in 0..5 {
        let guess = request("GET", "/api/v2/auth", &[("Authorization", &unknown_key())], "");
        let guessed = send(server.address(), guess).await;
        assert!([401, 429].contains(&guessed.status));
        // A proxy forwards the client's method, origin and content type.
        for method in ["GET", "POST", "DELETE", "OPTIONS"] {
            let headers = [
                ("Authorization", bearer.as_str()),
                ("Origin", "https://evil.example"),
                ("Content-Type", "text/plain"),
            ];
            let response = send(server.address(), request(method, "/api/v2/auth", &headers, "")).await;
            assert_eq!(response.status, 204, "{method} {response:?}");
        }
    }
    server.stop().await;
}
