//! Deployment examples: the test runs the nginx configuration and checks the other files as text.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use http::{HeaderMap, StatusCode};
use keyward::client::CallRequest;
use keyward::domain::secret::Secret;
use keyward::wire::keys::{
    CreateKey, CreateOrganizationKey, GetOrganizationKey, RevokeKey, RevokeOrganizationKey,
};
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};

use crate::support::Database;
use crate::support::installed_programs::find_program;
use crate::support::raw_http::{RawResponse, TIMEOUT, request, send};
use crate::support::test_server::{TestServer, settings_without_limits};

fn read_example(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/deploy").join(name);
    fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// nginx with the example configuration, run without root.
struct Nginx {
    child: Child,
    address: SocketAddr,
    _folder: TempDir,
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Nginx {
    /// Starts nginx as a proxy for `api` that authenticates with `keyward`.
    async fn start(program: &Path, keyward: SocketAddr, api: SocketAddr) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let site = read_example("nginx.conf");
        for replaced in ["127.0.0.1:7711", "127.0.0.1:8080", "listen 443 ssl;", "ssl_certificate "] {
            assert!(site.contains(replaced), "the example does not contain {replaced}");
        }
        let site: String = site
            .replace("127.0.0.1:7711", &keyward.to_string())
            .replace("127.0.0.1:8080", &api.to_string())
            .replace("listen 443 ssl;", &format!("listen {port};"))
            .lines()
            .filter(|line| !line.trim_start().starts_with("ssl_certificate"))
            .collect::<Vec<_>>()
            .join("\n");
        let folder_path = folder.path().display();
        let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|kind| format!("{kind}_temp_path {folder_path}/{kind};"))
            .join("\n");
        let whole = format!(
            "daemon off;\nmaster_process off;\npid {folder_path}/pid;\nerror_log {folder_path}/error.log;\nevents {{}}\n\
             http {{\naccess_log off;\n{temporary}\n{site}}}\n"
        );
        let file = folder.path().join("nginx.conf");
        fs::write(&file, whole).unwrap();
        let child = Command::new(program)
            .arg("-p")
            .arg(folder.path())
            .arg("-c")
            .arg(&file)
            .args(["-e", &format!("{folder_path}/error.log")])
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let nginx = Self { child, address: port, _folder: folder };
        let up = async {
            while TcpStream::connect(port).await.is_err() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(TIMEOUT, up).await.expect("nginx does not accept connections");
        nginx
    }

    async fn get_readings(&self, headers: &[(&str, &str)]) -> RawResponse {
        let all_headers: Vec<_> =
            [("Host", "api.plant.example")].into_iter().chain(headers.iter().copied()).collect();
        send(self.address, request("GET", "/readings", &all_headers, "")).await
    }
}

/// Starts an API that records the headers of every request.
async fn start_api() -> (SocketAddr, Arc<Mutex<Vec<HeaderMap>>>) {
    let recorded = Arc::new(Mutex::new(Vec::new()));
    let record = |State(recorded): State<Arc<Mutex<Vec<HeaderMap>>>>, headers: HeaderMap| async move {
        recorded.lock().unwrap().push(headers);
        "readings"
    };
    (start_router(Router::new().fallback(record).with_state(recorded.clone())).await, recorded)
}

async fn start_router(router: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

#[tokio::test(flavor = "multi_thread")]
async fn nginx_admits_only_requests_with_a_valid_key() {
    let Some(program) = find_program("nginx", "KEYWARD_REQUIRE_NGINX") else { return };
    let database = Database::sqlite();
    let mut settings = settings_without_limits();
    settings.trusted_proxies = vec!["127.0.0.1".parse().unwrap()];
    let server = TestServer::start_with(&database, settings, keyward::clock::Clock::System).await;
    let (api, recorded) = start_api().await;
    let nginx = Nginx::start(&program, server.address(), api).await;
    let new = CreateKey { name: "Grafana – Süd".into(), note: None, replaces: None };
    let created = server
        .ada
        .client
        .send(CallRequest::with(CreateOrganizationKey, new).idempotency_key("one"))
        .await
        .unwrap();
    let secret = created.secret.unwrap();
    let bearer = format!("Bearer {}", secret.expose());

    // Without a key, and with an unknown key.
    let none = nginx.get_readings(&[]).await;
    assert_eq!(none.status, 401);
    assert_eq!(none.header("www-authenticate"), Some("Bearer realm=\"keyward\""));
    let unknown = format!("Bearer {}", Secret::generate(keyward::clock::random_bytes).expose());
    assert_eq!(nginx.get_readings(&[("Authorization", &unknown)]).await.status, 401);
    assert!(recorded.lock().unwrap().is_empty(), "the API was reached without a key");

    // With a valid key, the API gets the key's id from keyward (not from the client), and never the key itself.
    let claims = [
        ("Authorization", bearer.as_str()),
        ("X-Keyward-Key-Id", "forged"),
        ("X-Keyward-Key-Kind", "forged"),
        ("X_Keyward_Key_Id", "forged"),
        ("X-Forwarded-For", "203.0.113.9"),
        ("Origin", "https://evil.example"),
        ("User-Agent", "grafana/11"),
    ];
    let response = nginx.get_readings(&claims).await;
    assert_eq!((response.status, response.body.as_slice()), (200, b"readings".as_slice()), "{response:?}");
    let headers = recorded.lock().unwrap().pop().unwrap();
    let header = |name: &str| headers.get(name).map(|value| value.to_str().unwrap().to_owned());
    assert_eq!(header("x-keyward-key-id"), Some(created.key.id.to_string()));
    assert_eq!(header("x-keyward-key-kind").as_deref(), Some("organization"));
    assert_eq!(header("x-keyward-key-name").as_deref(), Some("Grafana%20%E2%80%93%20S%C3%BCd"));
    assert_eq!(header("authorization"), None);
    assert!(!format!("{headers:?}").contains("forged"), "{headers:?}");
    let key = server.ada.client.send(CallRequest::to(GetOrganizationKey).id(created.key.id)).await.unwrap();
    let by = key.last_used_by.unwrap();
    assert_eq!((by.agent.as_str(), by.address.as_str()), ("grafana/11", "127.0.0.1"));

    // The next request after the revocation is refused.
    let revoke = RevokeKey { even_if_used: Some(true), reason: Some("test".into()), ..RevokeKey::default() };
    server
        .ada
        .client
        .send(CallRequest::with(RevokeOrganizationKey, revoke).id(created.key.id))
        .await
        .unwrap();
    let revoked = nginx.get_readings(&[("Authorization", &bearer)]).await;
    assert_eq!(revoked.status, 401);
    assert_eq!(revoked.header("www-authenticate"), Some("Bearer realm=\"keyward\", error=\"invalid_token\""));
    assert!(recorded.lock().unwrap().is_empty());
    drop(nginx);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nginx_answers_503_while_keyward_is_unavailable() {
    let Some(program) = find_program("nginx", "KEYWARD_REQUIRE_NGINX") else { return };
    let (api, recorded) = start_api().await;
    for (status, passed) in [(429, 429), (503, 503), (500, 503), (404, 503)] {
        let keyward = start_router(Router::new().fallback(move || async move {
            (StatusCode::from_u16(status).unwrap(), [("retry-after", "7")])
        }))
        .await;
        let nginx = Nginx::start(&program, keyward, api).await;
        let response = nginx.get_readings(&[]).await;
        assert_eq!(response.status, passed, "{response:?}");
        assert_eq!(response.header("retry-after"), Some("7"));
        assert_eq!(response.header("content-type"), Some("application/problem+json"));
        assert_eq!(response.json()["status"], passed);
    }
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let nginx = Nginx::start(&program, nobody, api).await;
    let response = nginx.get_readings(&[]).await;
    assert_eq!((response.status, response.problem().as_str()), (503, "unavailable"));
    assert!(recorded.lock().unwrap().is_empty());
}

#[test]
fn the_deployment_examples_match_the_server() {
    for proxy in ["nginx.conf", "traefik.yml", "Caddyfile"] {
        let text = read_example(proxy);
        assert!(text.contains("/api/v2/auth"), "{proxy}");
        assert!(text.contains("trusted_proxies = [\"127.0.0.1\"]"), "{proxy}");
        for header in ["X-Keyward-Key-Id", "X-Keyward-Key-Name", "X-Keyward-Key-Kind", "Authorization"] {
            assert!(text.contains(header), "{proxy}: {header}");
        }
    }
    let secret = Secret::generate(keyward::clock::random_bytes);
    let rule = read_example("gitleaks.toml");
    assert!(rule.contains(r"\bsk_[0-9A-Za-z]{40}\b"));
    assert!(secret.expose()[3..].chars().all(|c| c.is_ascii_alphanumeric()) && secret.expose().len() == 43);
}
