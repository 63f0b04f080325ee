//! Benchmark of key verification over HTTP, compared with a bare handler of the same framework: `cargo bench --bench verify`.
//!
//! Both servers and the load generator run on this machine, so only the ratio is meaningful. Uses are recorded as usual.

#![expect(clippy::unwrap_used, reason = "a benchmark that cannot go on says so by panicking")]
#![expect(clippy::print_stdout, reason = "what was measured is printed")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use keyward::clock::{Clock, monotonic_now, random_bytes};
use keyward::domain::secret::{Token, TokenKind};
use keyward::domain::time::DAY;
use keyward::server::{self, RunningServer, Settings};
use keyward::store::{AdminInvitation, DatabaseLocation, OpenMode, Store};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};

const KEYS: usize = 200;
const CONNECTIONS: usize = 32;
const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_secs(2);

fn main() {
    let servers = Builder::new_multi_thread().enable_all().build().unwrap();
    let load = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let bare = servers.block_on(bare());
    let (running, _folder) = servers.block_on(keyward());
    let keys = servers.block_on(keys(running.addr, running.store()));
    let without: Vec<String> = vec![ask("/bare", "none")];
    let with: Vec<String> = keys.iter().map(|key| ask("/api/v2/auth", key)).collect();
    let mut ratios = Vec::new();
    for round in 0..ROUNDS {
        let floor = rate(&load, bare, &without);
        let ours = rate(&load, running.addr, &with);
        ratios.push(ours / floor);
        println!("round {}: bare {floor:.0}/s, keyward {ours:.0}/s, ratio {:.2}", round + 1, ours / floor);
    }
    ratios.sort_by(f64::total_cmp);
    println!("verification: {:.2} of the bare handler (median of {ROUNDS})", ratios[ROUNDS / 2]);
    servers.block_on(running.shutdown());
}

/// Starts the baseline: a handler that always returns the same text.
async fn bare() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new().route("/bare", get(async || "{\"valid\":true}"));
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

async fn keyward() -> (RunningServer, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let target = DatabaseLocation::Sqlite(folder.path().join("data").join("keys.db"));
    let clock = Clock::System;
    let store = Store::open(&target, OpenMode::Serve, clock.now(), random_bytes).await.unwrap();
    let settings = Settings { listen: "127.0.0.1:0".parse().unwrap(), ..Settings::default() };
    (server::start(settings, store, clock, None).await.unwrap(), folder)
}

/// Sets up an organization and creates keys over HTTP.
async fn keys(address: SocketAddr, store: &Store) -> Vec<String> {
    let code = Token::new(TokenKind::Code, random_bytes());
    let at = Clock::System.now();
    let digest = TokenKind::Code.digest(code.expose()).unwrap();
    let admin =
        AdminInvitation { email: "ada@plant.example".into(), code: digest, at, expires_at: at.plus(DAY) };
    store.set_up_organization("Plant".into(), admin, random_bytes).await.unwrap();
    let session = post(address, "sessions", "", &json!({"code": code.expose()})).await;
    let authorization = format!("Authorization: Bearer {}\r\n", session["token"].as_str().unwrap());
    let mut keys = Vec::new();
    for n in 0..KEYS {
        let headers = format!("{authorization}Idempotency-Key: {n}\r\n");
        let key = post(address, "api-keys", &headers, &json!({"name": format!("Key {n}")})).await;
        keys.push(key["secret"].as_str().unwrap().to_owned());
    }
    keys
}

async fn post(address: SocketAddr, path: &str, headers: &str, body: &Value) -> Value {
    let body = body.to_string();
    let request = format!(
        "POST /api/v2/{path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n{headers}\r\n{body}",
        body.len()
    );
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
}

fn ask(path: &str, key: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {key}\r\nUser-Agent: bench/1\r\n\r\n"
    )
}

/// Returns the responses per second, after a warm-up.
fn rate(load: &Runtime, address: SocketAddr, asks: &[String]) -> f64 {
    let (answered, counts, ends) =
        (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let asks: Arc<[String]> = asks.into();
    let connections: Vec<_> = (0..CONNECTIONS)
        .map(|n| {
            let (asks, answered, counts, ends) =
                (asks.clone(), answered.clone(), counts.clone(), ends.clone());
            load.spawn(async move {
                let mut stream = TcpStream::connect(address).await.unwrap();
                stream.set_nodelay(true).unwrap();
                let mut buffer = vec![0; 16 * 1024];
                let mut next = n;
                while !ends.load(Relaxed) {
                    stream.write_all(asks[next % asks.len()].as_bytes()).await.unwrap();
                    next += 1;
                    let read = stream.read(&mut buffer).await.unwrap();
                    let answer = &buffer[..read];
                    assert!(answer.starts_with(b"HTTP/1.1 20"), "{}", String::from_utf8_lossy(answer));
                    answered.fetch_add(u64::from(counts.load(Relaxed)), Relaxed);
                }
            })
        })
        .collect();
    load.block_on(async {
        tokio::time::sleep(ROUND / 4).await;
        counts.store(true, Relaxed);
        let started = monotonic_now();
        tokio::time::sleep(ROUND).await;
        counts.store(false, Relaxed);
        let took = monotonic_now() - started;
        ends.store(true, Relaxed);
        for connection in connections {
            connection.await.unwrap();
        }
        #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
        let answered = answered.load(Relaxed) as f64;
        answered / took.as_secs_f64()
    })
}
