//! Load generator: measures the responses per second of a server. The benchmark of verification includes this file too.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use keyward::clock::monotonic_now;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::runtime::Handle;

/// Returns the responses per second while `connections` connections send `requests` for `duration`, after a warm-up of a quarter of it.
///
/// The connections run on `load`, which should not be the server's runtime. Panics unless every response has a 2xx status.
pub async fn responses_per_second(
    load: &Handle,
    address: SocketAddr,
    requests: &[String],
    connections: usize,
    duration: Duration,
) -> f64 {
    let (answered, is_counting, is_over) =
        (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let requests: Arc<[String]> = requests.into();
    let connections: Vec<_> = (0..connections)
        .map(|first| {
            let (requests, answered) = (requests.clone(), answered.clone());
            let (is_counting, is_over) = (is_counting.clone(), is_over.clone());
            load.spawn(async move {
                let mut stream = TcpStream::connect(address).await.unwrap();
                stream.set_nodelay(true).unwrap();
                let mut buffer = vec![0; 16 * 1024];
                let mut next = first;
                while !is_over.load(Relaxed) {
                    stream.write_all(requests[next % requests.len()].as_bytes()).await.unwrap();
                    next += 1;
                    let length = stream.read(&mut buffer).await.unwrap();
                    let response = &buffer[..length];
                    assert!(response.starts_with(b"HTTP/1.1 20"), "{}", String::from_utf8_lossy(response));
                    answered.fetch_add(u64::from(is_counting.load(Relaxed)), Relaxed);
                }
            })
        })
        .collect();
    tokio::time::sleep(duration / 4).await;
    is_counting.store(true, Relaxed);
    let started = monotonic_now();
    tokio::time::sleep(duration).await;
    is_counting.store(false, Relaxed);
    let took = monotonic_now() - started;
    is_over.store(true, Relaxed);
    for connection in connections {
        connection.await.unwrap();
    }
    #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
    let answered = answered.load(Relaxed) as f64;
    answered / took.as_secs_f64()
}
