//! Guarantees about durations, measured only in the full run (`KEYWARD_TEST_SCALE=1`). The machine must be idle; on a busy one the
//! figures mean nothing.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use keyward::client::CallRequest;
use keyward::clock::{monotonic_now, random_bytes};
use keyward::domain::id::Id;
use keyward::domain::key::KeyKind;
use keyward::domain::member::Role;
use keyward::domain::secret::Secret;
use keyward::store::DatabaseLocation;
use keyward::wire::members::RemoveMember;
use sqlx::{AnyConnection, Connection as _};

use crate::support::keys::{create_key, even_if_used, key_named};
use crate::support::raw_http::{request, send};
use crate::support::test_server::{TestMember, TestServer};
use crate::support::throughput::responses_per_second;
use crate::support::{Database, for_each_database, is_full_run};
use tokio::runtime::Builder;

/// Held by a test while it measures, so that no other test measures at the same time.
static MEASUREMENT_LOCK: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// Number of keys for each kind of refusal in the full run. With only a few keys, their places in memory would influence the times.
const KEYS_PER_KIND: usize = 250;
/// Number of measured requests for each kind of refusal, after the same number of warm-up requests.
const SAMPLES_PER_KIND: usize = 10_000;
/// If the absolute `t` of Welch's test reaches this value, two kinds of refusal are distinguishable.
const MAX_WELCH_T: f64 = 4.5;

async fn create_key_and_secret(member: &TestMember, kind: KeyKind) -> (Id, String) {
    let created = create_key(&member.client, kind, key_named("timed")).await.unwrap();
    (created.key.id, created.secret.unwrap().expose().to_owned())
}

fn key_request(secret: &str) -> String {
    let bearer = format!("Bearer {secret}");
    request("GET", "/api/v2/sites", &[("Authorization", &bearer)], "")
}

/// Returns secrets that must get the same reply: unknown ones, those of revoked keys, and those of keys whose member was removed.
async fn refused_secrets(server: &TestServer) -> [Vec<String>; 3] {
    let keys = if is_full_run() { KEYS_PER_KIND } else { 10 };
    let unknown = (0..keys).map(|_| Secret::generate(random_bytes).expose().to_owned()).collect();
    let bo = server.add_member("bo@plant.example", Role::Normal).await;
    let (mut revoked, mut orphaned) = (Vec::new(), Vec::new());
    for _ in 0..keys {
        let (id, secret) = create_key_and_secret(&server.ada, KeyKind::Organization).await;
        let revoke = even_if_used("x");
        server.ada.client.revoke_key(KeyKind::Organization, id, revoke).await.unwrap();
        revoked.push(secret);
        orphaned.push(create_key_and_secret(&bo, KeyKind::Personal).await.1);
    }
    server.ada.client.send(CallRequest::to(RemoveMember).id(bo.id)).await.unwrap();
    [unknown, revoked, orphaned]
}

/// Guarantee 18: 401 helps without revealing existence.
#[tokio::test(flavor = "multi_thread")]
async fn refused_keys_are_indistinguishable_by_bytes_and_time() {
    let _alone = MEASUREMENT_LOCK.lock().await;
    for_each_database(async |database| {
        let server = TestServer::start(database).await;
        let kinds = refused_secrets(&server).await;
        let mut responses = Vec::new();
        for secret in kinds.iter().flatten() {
            let mut response = send(server.address(), key_request(secret)).await;
            assert_eq!(response.problem(), "key-invalid");
            response.headers.retain(|(name, _)| !["x-request-id", "date"].contains(&name.as_str()));
            responses.push(response);
        }
        assert!(
            responses.iter().all(|response| response == &responses[0]),
            "{}: {responses:?}",
            database.name
        );
        if is_full_run() {
            let times = tokio::task::block_in_place(|| measure_times(server.address(), &kinds));
            for (a, b, pair) in
                [(0, 1, "unknown, revoked"), (0, 2, "unknown, removed"), (1, 2, "revoked, removed")]
            {
                let t = welch_t(&times[a], &times[b]);
                print_figure(&format!("{}: {pair}: t = {t:.2}", database.name));
                assert!(t.abs() < MAX_WELCH_T, "{}: {pair}: t = {t:.2}", database.name);
            }
        }
        server.stop().await;
    })
    .await;
}

/// Returns the durations of the requests of each kind, in microseconds. The order is random, so that other load affects all kinds
/// alike. The slowest 5 % are left out, because other causes dominate them.
fn measure_times(address: SocketAddr, kinds: &[Vec<String>; 3]) -> [Vec<f64>; 3] {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_nodelay(true).unwrap();
    let requests =
        kinds.each_ref().map(|secrets| secrets.iter().map(|secret| key_request(secret)).collect::<Vec<_>>());
    let mut times: [Vec<f64>; 3] = Default::default();
    let mut buffer = [0; 4_096];
    let mut asked = 0;
    while times.iter().any(|times| times.len() < SAMPLES_PER_KIND) {
        let [kind, key, ..] = random_bytes::<8>().map(usize::from);
        let kind = kind % 3;
        let started = monotonic_now();
        stream.write_all(requests[kind][key % requests[kind].len()].as_bytes()).unwrap();
        let read = stream.read(&mut buffer).unwrap();
        let took = started.elapsed();
        assert!(buffer[..read].starts_with(b"HTTP/1.1 401") && buffer[..read].ends_with(b"}"));
        asked += 1;
        if asked > SAMPLES_PER_KIND && times[kind].len() < SAMPLES_PER_KIND {
            times[kind].push(took.as_secs_f64() * 1e6);
        }
    }
    let mut all_times: Vec<f64> = times.iter().flatten().copied().collect();
    all_times.sort_by(f64::total_cmp);
    let most = all_times[all_times.len() / 20 * 19];
    times.map(|times| times.into_iter().filter(|&took| took <= most).collect())
}

/// Returns Welch's `t` of two samples: the difference of their means in standard errors.
fn welch_t(a: &[f64], b: &[f64]) -> f64 {
    let mean_and_error = |sample: &[f64]| {
        let n = f64::from(u32::try_from(sample.len()).unwrap());
        let mean = sample.iter().sum::<f64>() / n;
        let variance = sample.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (n - 1.0);
        (mean, variance / n)
    };
    let ((mean_a, error_a), (mean_b, error_b)) = (mean_and_error(a), mean_and_error(b));
    (mean_a - mean_b) / (error_a + error_b).sqrt()
}

/// Prints a measured figure.
fn print_figure(line: &str) {
    std::io::stderr().write_all(format!("{line}\n").as_bytes()).unwrap();
}

const CONNECTIONS: usize = 16;
const ROUNDS: usize = 15;
const ROUND_DURATION: Duration = Duration::from_millis(1_500);
/// How long each database write is delayed.
const WRITE_DELAY: Duration = Duration::from_millis(500);

/// Guarantee 15: recording never slows verification.
#[tokio::test(flavor = "multi_thread")]
async fn slow_writes_do_not_slow_verification() {
    if !is_full_run() {
        return;
    }
    let _alone = MEASUREMENT_LOCK.lock().await;
    let load = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let measure = async |server: &TestServer, request: &String| {
        let requests = std::slice::from_ref(request);
        responses_per_second(load.handle(), server.address(), requests, CONNECTIONS, ROUND_DURATION).await
    };
    for_each_database(async |database| {
        let server = TestServer::start(database).await;
        let (_, secret) = create_key_and_secret(&server.ada, KeyKind::Organization).await;
        assert_eq!(send(server.address(), key_request(&secret)).await.status, 200);
        let request = key_request(&secret);
        let mut ratios = Vec::new();
        for _ in 0..ROUNDS {
            let free = measure(&server, &request).await;
            let stop = Arc::new(AtomicBool::new(false));
            let holding = tokio::spawn(delay_writes(
                connect(database).await,
                database.allows_several_servers(),
                stop.clone(),
            ));
            let slowed = measure(&server, &request).await;
            stop.store(true, Ordering::SeqCst);
            holding.await.unwrap();
            print_figure(&format!("{}: {free:.0}/s, {slowed:.0}/s with slow writes", database.name));
            // Compares neighbouring rounds, so that other load affects both.
            ratios.push(slowed / free);
        }
        ratios.sort_by(f64::total_cmp);
        let ratio = ratios[ROUNDS / 2];
        print_figure(&format!("{}: {ratio:.2} of the throughput", database.name));
        assert!(ratio >= 0.9, "{}: {ratio:.2} of the throughput", database.name);
        server.stop().await;
    })
    .await;
    load.shutdown_background();
}

async fn connect(database: &Database) -> AnyConnection {
    let url = match &database.target {
        DatabaseLocation::Sqlite(path) => format!("sqlite://{}", path.display()),
        DatabaseLocation::Postgres(url) => url.clone(),
    };
    AnyConnection::connect(&url).await.unwrap()
}

/// Repeatedly holds the lock that writing uses needs, each time for [`WRITE_DELAY`].
async fn delay_writes(mut connection: AnyConnection, postgres: bool, stop: Arc<AtomicBool>) {
    let take = if postgres { "BEGIN; LOCK TABLE keys IN EXCLUSIVE MODE" } else { "BEGIN IMMEDIATE" };
    while !stop.load(Ordering::SeqCst) {
        if sqlx::raw_sql(take).execute(&mut connection).await.is_ok() {
            tokio::time::sleep(WRITE_DELAY).await;
            sqlx::raw_sql("ROLLBACK").execute(&mut connection).await.unwrap();
        }
        // Lets a waiting write take the lock.
        tokio::time::sleep(WRITE_DELAY / 10).await;
    }
}
