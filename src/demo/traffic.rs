//! The integrations of the plant: each uses its key over HTTP every few seconds, so that *Last used* moves while one looks.

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

/// When the one integration is switched over to its new key, after the start.
const SWITCH_AFTER: Duration = Duration::from_mins(1);
/// Longer than a request on this machine takes, unless it is asleep.
const PATIENCE: Duration = Duration::from_secs(10);

/// A program of the plant with its key.
pub struct TrafficSource {
    /// The key.
    pub secret: Secret,
    /// What it does.
    pub act: Traffic,
    /// What it calls itself, and where it stands.
    pub client: ClientInfo,
}

/// Sets them to work, until the runtime ends.
pub fn set_to_work(server: SocketAddr, integrations: Vec<TrafficSource>) {
    let start = Instant::from_std(clock::monotonic_now());
    for (n, integration) in integrations.into_iter().enumerate() {
        // Not all in the same moment.
        let offset = Duration::from_millis(250 + 370 * n as u64);
        tokio::spawn(integration.work(server, start, offset));
    }
}

impl TrafficSource {
    async fn work(self, server: SocketAddr, start: Instant, offset: Duration) {
        let switch = start + SWITCH_AFTER;
        let (every, from, until) = match self.act {
            Traffic::Uses(every) => (every, start, None),
            Traffic::UsesUntilSwitch(every) => (every, start, Some(switch)),
            Traffic::TakesOver(every) => (every, switch, None),
        };
        let mut ticks = interval_at(from + offset, Duration::from_secs(every));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            let tick = ticks.tick().await;
            if until.is_some_and(|end| tick >= end) {
                return;
            }
            // A refusal or a server that is busy is what an integration meets as well; it tries again.
            let _ = timeout(PATIENCE, self.call(server)).await;
        }
    }

    /// One request, as such a program would send it through the plant's proxy.
    async fn call(&self, server: SocketAddr) -> std::io::Result<()> {
        let request = Zeroizing::new(format!(
            "GET {BASE}/sites HTTP/1.1\r\nHost: {server}\r\nUser-Agent: {agent}\r\nX-Forwarded-For: {address}\r\n\
             Authorization: Bearer {secret}\r\nConnection: close\r\n\r\n",
            agent = self.client.agent,
            address = self.client.address,
            secret = self.secret.expose(),
        ));
        let mut stream = TcpStream::connect(server).await?;
        stream.write_all(request.as_bytes()).await?;
        let mut answer = [0; 4_096];
        while stream.read(&mut answer).await? > 0 {}
        Ok(())
    }
}
