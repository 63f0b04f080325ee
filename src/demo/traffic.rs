//! Traffic of the demo: integrations that use their keys over HTTP every few seconds, so that *Last used* changes on screen.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};
use zeroize::Zeroizing;

use super::keys::Traffic;
use crate::clock;
use crate::domain::key::ClientInfo;
use crate::domain::secret::Secret;
use crate::wire::BASE;

/// Time after the start of the demo at which one integration switches to its new key.
const SWITCH_AFTER: Duration = Duration::from_mins(1);
/// Time limit for one request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// An integration that sends requests with its key while the demo runs.
pub struct TrafficSource {
    pub secret: Secret,
    pub traffic: Traffic,
    /// `User-Agent` and network address of the integration.
    pub client: ClientInfo,
}

/// Spawns a task for each integration, which sends requests until the runtime is shut down.
pub fn spawn_traffic(server: SocketAddr, sources: Vec<TrafficSource>) {
    let start = Instant::from_std(clock::monotonic_now());
    for (n, source) in sources.into_iter().enumerate() {
        // Spread over time.
        let offset = Duration::from_millis(250 + 370 * n as u64);
        tokio::spawn(source.run(server, start, offset));
    }
}

impl TrafficSource {
    async fn run(self, server: SocketAddr, start: Instant, offset: Duration) {
        let switch = start + SWITCH_AFTER;
        let (every, from, until) = match self.traffic {
            Traffic::Steady(every) => (every, start, None),
            Traffic::UntilSwitch(every) => (every, start, Some(switch)),
            Traffic::AfterSwitch(every) => (every, switch, None),
        };
        let mut ticks = interval_at(from + offset, Duration::from_secs(every));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            let tick = ticks.tick().await;
            if until.is_some_and(|end| tick >= end) {
                return;
            }
            // A real integration would ignore a failure and try again too.
            let _ = timeout(REQUEST_TIMEOUT, self.send_request(server)).await;
        }
    }

    /// Sends one request as if through a proxy, and discards the response.
    async fn send_request(&self, server: SocketAddr) -> std::io::Result<()> {
        let request = Zeroizing::new(format!(
            "GET {BASE}/sites HTTP/1.1\r\nHost: {server}\r\nUser-Agent: {agent}\r\nX-Forwarded-For: {address}\r\n\
             Authorization: Bearer {secret}\r\nConnection: close\r\n\r\n",
            agent = self.client.agent,
            address = self.client.address,
            secret = self.secret.expose(),
        ));
        let mut stream = TcpStream::connect(server).await?;
        stream.write_all(request.as_bytes()).await?;
        let mut response = [0; 4_096];
        while stream.read(&mut response).await? > 0 {}
        Ok(())
    }
}
