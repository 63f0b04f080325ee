//! Requests of other HTTP clients, byte by byte, and the replies they get.

use std::net::SocketAddr;

use keyward::client::CallRequest;
use keyward::wire::sessions::CreateSessionCode;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use super::{ORGANIZATION, create};
use crate::support::keys::key_named;
use crate::support::raw_http::{RawResponse, read_response, request, send};
use crate::support::test_server::TestServer;
use crate::support::{Database, for_each_database};

/// A minimal HTTP client, signed in as Ada.
struct ForeignClient {
    address: SocketAddr,
    bearer: String,
}

impl ForeignClient {
    async fn signed_in(server: &TestServer) -> Self {
        let code = server.ada.client.send(CallRequest::to(CreateSessionCode)).await.unwrap();
        let body = format!("{{\"code\":\"{}\"}}", code.code.expose());
        let json = [("Content-Type", "application/json")];
        let response = send(server.address(), request("POST", "/api/v2/sessions", &json, &body)).await;
        let bearer = format!("Bearer {}", response.json()["token"].as_str().unwrap());
        Self { address: server.address(), bearer }
    }

    fn format_request(&self, method: &str, path: &str, header: &str, body: &str) -> String {
        let mut headers = vec![("Authorization", self.bearer.as_str())];
        if !body.is_empty() {
            headers.push(("Content-Type", "application/json"));
        }
        headers.extend(header.split_once(": "));
        request(method, &format!("/api/v2{path}"), &headers, body)
    }

    async fn send(&self, method: &str, path: &str, header: &str, body: &str) -> RawResponse {
        send(self.address, self.format_request(method, path, header, body)).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn if_match_follows_rfc_9110() {
    for_each_database(async |database| {
        let server = TestServer::start(database).await;
        let key = create(&server.ada, ORGANIZATION, key_named("old")).await.key;
        let other = ForeignClient::signed_in(&server).await;
        let path = format!("/api-keys/{}", key.id);
        for (header, status, version) in [
            ("If-Match: \"7\"", 412, 1),
            ("If-Match: W/\"1\"", 412, 1),
            ("If-Match: 1", 400, 1),
            ("If-Match: ", 400, 1),
            ("If-Match: \"1\"", 200, 2),
            ("If-Match: \"9\", \"2\"", 200, 3),
            ("If-Match: *", 200, 4),
        ] {
            let body = format!("{{\"note\":\"after version {version}\"}}");
            let response = other.send("PATCH", &path, header, &body).await;
            assert_eq!(response.status, status, "{} {header} {response:?}", database.name);
            assert_eq!(
                response.json()["detail"].to_string().contains("weak"),
                header.contains("W/"),
                "{response:?}"
            );
            let now = other.send("GET", &path, "", "").await;
            assert_eq!(now.json()["version"], version, "{header}");
            assert_eq!(now.header("etag"), Some(format!("\"{version}\"").as_str()));
        }
        let nobody =
            other.send("PATCH", "/api-keys/0193568e-0000-7000-8000-000000000000", "If-Match: *", "{}");
        assert_eq!(nobody.await.status, 404, "the key does not exist");
        let revoke = format!("{path}/revoke");
        let unless =
            "{\"unless_used_since\":\"2026-01-01T00:00:00Z\",\"even_if_used\":false,\"reason\":null}";
        assert_eq!(
            other.send("POST", &revoke, "If-Match: \"1\"", unless).await.problem(),
            "version-mismatch"
        );
        assert_eq!(other.send("POST", &revoke, "If-Match: 4", unless).await.problem(), "malformed-request");
        let done = other.send("POST", &revoke, "If-Match: \"4\"", unless).await;
        assert_eq!(done.status, 200, "empty fields do not count as the other form: {done:?}");
        server.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_location_header_points_to_the_created_key() {
    let server = TestServer::start(&Database::sqlite()).await;
    let other = ForeignClient::signed_in(&server).await;
    for list in ["/personal-api-keys", "/api-keys"] {
        let created = other.send("POST", list, "Idempotency-Key: 1", "{\"name\":\"Grafana\"}").await;
        let path = created.header("location").and_then(|location| location.strip_prefix("/api/v2")).unwrap();
        let found = other.send("GET", path, "", "").await;
        assert_eq!(found.json()["id"], created.json()["id"], "{path} {found:?}");
        let confirm = other.send("POST", &format!("{path}/confirm"), "", "").await;
        assert_eq!(confirm.status, 200, "{confirm:?}");
        let retried = other.send("POST", list, "Idempotency-Key: 1", "{\"name\":\"Grafana\"}").await;
        assert_eq!((retried.status, retried.header("location")), (200, None), "nothing was created");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_closes_its_write_half_gets_a_response() {
    for_each_database(async |database| {
        let server = TestServer::start(database).await;
        let other = ForeignClient::signed_in(&server).await;
        let requests = [
            (other.format_request("GET", "/me", "", ""), 200),
            (other.format_request("GET", "/api-keys", "", ""), 200),
            (
                other.format_request("POST", "/personal-api-keys", "Idempotency-Key: 1", "{\"name\":\"nc\"}"),
                201,
            ),
            (other.format_request("GET", "/openapi.json", "", ""), 200),
            (other.format_request("POST", "/personal-api-keys", "Content-Length: 90", ""), 400),
        ];
        for (request, status) in requests {
            let mut stream = TcpStream::connect(other.address).await.unwrap();
            stream.write_all(request.as_bytes()).await.unwrap();
            stream.shutdown().await.unwrap();
            let response = read_response(&mut stream).await;
            assert_eq!(
                response.as_ref().map(|response| response.status),
                Some(status),
                "{} {request}{response:?}",
                database.name
            );
        }
        server.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_connection_stays_open_after_an_unread_body() {
    let server = TestServer::start(&Database::sqlite()).await;
    let created = create(&server.ada, ORGANIZATION, key_named("proxy")).await;
    let key = format!("Bearer {}", created.secret.unwrap().expose());
    let json = ("Content-Type", "application/json");
    let cases = [
        ("POST", "/api/v2/auth", 204, vec![]),
        ("GET", "/api/v2/sites", 200, vec![]),
        ("DELETE", "/api/v2/sites", 405, vec![]),
        ("POST", "/api/v2/nothing", 404, vec![]),
        ("POST", "/api/v2/api-keys", 403, vec![("Origin", "https://evil.example"), json]),
        ("POST", "/api/v2/auth", 421, vec![("Host", "evil.example")]),
        ("POST", "/api/v2/sessions", 413, vec![json]),
    ];
    for (method, path, status, mut headers) in cases {
        if status != 413 {
            headers.push(("Authorization", &key));
        }
        let mut stream = TcpStream::connect(server.address()).await.unwrap();
        // A proxy sends the first part of the body with the request, and the second part after the reply.
        let (at_once, later) = ("x".repeat(70_000), "x".repeat(200_000));
        let length = (at_once.len() + later.len()).to_string();
        headers.push(("Content-Length", &length));
        stream.write_all(request(method, path, &headers, "").as_bytes()).await.unwrap();
        stream.write_all(at_once.as_bytes()).await.unwrap();
        let first = read_response(&mut stream).await;
        assert_eq!(first.as_ref().map(|response| response.status), Some(status), "{method} {path} {first:?}");
        stream.write_all(later.as_bytes()).await.unwrap();
        let next = request("GET", "/api/v2/auth", &[("Authorization", &key)], "");
        stream.write_all(next.as_bytes()).await.unwrap();
        let second = read_response(&mut stream).await;
        assert_eq!(second.map(|response| response.status), Some(204), "after {method} {path}");
    }
    server.stop().await;
}
