//! Benchmark of key verification over HTTP, compared with a bare handler of the same framework: `cargo bench --bench verify`.
//!
//! Both servers and the load generator run on this machine, so only the ratio is meaningful. Uses are recorded as usual.

#![expect(clippy::unwrap_used, reason = "benchmarks fail by panicking")]
#![expect(clippy::print_stdout, reason = "benchmarks print their results")]

#[path = "../keyward/support/throughput.rs"]
mod throughput;

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use keyward::clock::{Clock, random_bytes};
use keyward::domain::secret::{Token, TokenKind};
use keyward::domain::time::DAY;
use keyward::server::{self, RunningServer, Settings};
use keyward::store::{AdminInvitation, DatabaseLocation, OpenMode, Store};
use serde_json::{Value, json};
use tempfile::TempDir;
use throughput::responses_per_second;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};

const KEY_COUNT: usize = 200;
const CONNECTIONS: usize = 32;
const ROUNDS: usize = 5;
const ROUND_DURATION: Duration = Duration::from_secs(2);

fn main() {
    let servers = Builder::new_multi_thread().enable_all().build().unwrap();
    let load = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let bare = servers.block_on(start_bare());
    let (running, _folder) = servers.block_on(start_keyward());
    let keys = servers.block_on(create_keys(running.addr, running.store()));
    let bare_requests: Vec<String> = vec![format_request("/bare", "none")];
    let key_requests: Vec<String> = keys.iter().map(|key| format_request("/api/v2/auth", key)).collect();
    let mut ratios = Vec::new();
    for round in 0..ROUNDS {
        let baseline = measure_throughput(&load, bare, &bare_requests);
        let ours = measure_throughput(&load, running.addr, &key_requests);
        ratios.push(ours / baseline);
        println!(
            "round {}: bare {baseline:.0}/s, keyward {ours:.0}/s, ratio {:.2}",
            round + 1,
            ours / baseline
        );
    }
    ratios.sort_by(f64::total_cmp);
    println!("verification: {:.2} of the bare handler (median of {ROUNDS})", ratios[ROUNDS / 2]);
    servers.block_on(running.shutdown());
}

/// Starts the baseline: a handler that always returns the same text.
async fn start_bare() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new().route("/bare", get(async || "{\"valid\":true}"));
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

async fn start_keyward() -> (RunningServer, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let target = DatabaseLocation::Sqlite(folder.path().join("data").join("keys.db"));
    let clock = Clock::System;
    let store = Store::open(&target, OpenMode::Serve, clock.now(), random_bytes).await.unwrap();
    let settings = Settings { listen: "127.0.0.1:0".parse().unwrap(), ..Settings::default() };
    (server::start(settings, store, clock, None).await.unwrap(), folder)
}

/// Sets up an organization and creates keys over HTTP.
async fn create_keys(address: SocketAddr, store: &Store) -> Vec<String> {
    let code = Token::new(TokenKind::Code, random_bytes());
    let at = Clock::System.now();
    let digest = TokenKind::Code.digest(code.expose()).unwrap();
    let admin =
        AdminInvitation { email: "ada@plant.example".into(), code: digest, at, expires_at: at.plus(DAY) };
    store.set_up_organization("Plant".into(), admin, random_bytes).await.unwrap();
    let session = post(address, "sessions", "", &json!({"code": code.expose()})).await;
    let authorization = format!("Authorization: Bearer {}\r\n", session["token"].as_str().unwrap());
    let mut keys = Vec::new();
    for n in 0..KEY_COUNT {
        let headers = format!("{authorization}Idempotency-Key: {n}\r\n");
        let key = post(address, "api-keys", &headers, &json!({"name": format!("Key {n}")})).await;
        keys.push(key["secret"].as_str().unwrap().to_owned());
    }
    keys
}

async fn post(address: SocketAddr, path: &str, headers: &str, body: &Value) -> Value {
    let body = body.to_string();
    let text = format!(
        "POST /api/v2/{path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n{headers}\r\n{body}",
        body.len()
    );
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(text.as_bytes()).await.unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).await.unwrap();
    serde_json::from_str(response.split_once("\r\n\r\n").unwrap().1).unwrap()
}

fn format_request(path: &str, key: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {key}\r\nUser-Agent: bench/1\r\n\r\n"
    )
}

fn measure_throughput(load: &Runtime, address: SocketAddr, requests: &[String]) -> f64 {
    load.block_on(responses_per_second(load.handle(), address, requests, CONNECTIONS, ROUND_DURATION))
}
