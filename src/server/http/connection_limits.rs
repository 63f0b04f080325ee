//! Limits on open connections: in total, and per client network, so that one client cannot use up all connections.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::server::network::{ClientNetwork, IpRange};

/// The connection limits of one listener. Cheap to clone.
#[derive(Clone)]
pub(in crate::server) struct ConnectionLimits {
    total: Arc<Semaphore>,
    max: usize,
    max_per_network: usize,
    /// Address ranges that are exempt from the limit per client network.
    exempt: Arc<[IpRange]>,
    open: Arc<Mutex<HashMap<ClientNetwork, usize>>>,
}

/// The limit because of which a connection is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LimitReached {
    Total,
    PerNetwork,
}

/// Permission to keep a connection open. Dropping it lets another connection take its place.
pub(super) struct ConnectionSlot {
    _permit: OwnedSemaphorePermit,
    _network: Option<NetworkSlot>,
}

/// One connection that counts towards the limit of its client network. Dropping it subtracts the connection again.
struct NetworkSlot {
    network: ClientNetwork,
    open: Arc<Mutex<HashMap<ClientNetwork, usize>>>,
}

impl ConnectionLimits {
    /// Creates limits of `max` connections in total and `max_per_network` from each client network. Loopback addresses and the
    /// ranges in `exempt`, such as those of proxies, only count towards `max`.
    pub(in crate::server) fn new(max: usize, max_per_network: usize, exempt: &[IpRange]) -> Self {
        let total = Arc::new(Semaphore::new(max.min(Semaphore::MAX_PERMITS)));
        Self { total, max, max_per_network, exempt: exempt.into(), open: Arc::default() }
    }

    /// Acquires a slot for a connection from `peer`, or returns the limit that was reached.
    pub(super) fn acquire(&self, peer: IpAddr) -> Result<ConnectionSlot, LimitReached> {
        let permit = self.total.clone().try_acquire_owned().map_err(|_| LimitReached::Total)?;
        let peer = peer.to_canonical();
        if peer.is_loopback() || self.exempt.iter().any(|range| range.contains(peer)) {
            return Ok(ConnectionSlot { _permit: permit, _network: None });
        }
        let network = ClientNetwork::from_address(peer);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.entry(network).or_default();
        if *count >= self.max_per_network {
            return Err(LimitReached::PerNetwork);
        }
        *count += 1;
        drop(open);
        Ok(ConnectionSlot {
            _permit: permit,
            _network: Some(NetworkSlot { network, open: self.open.clone() }),
        })
    }

    /// Returns the number of open connections.
    pub(in crate::server) fn open_count(&self) -> usize {
        self.max.saturating_sub(self.total.available_permits())
    }

    pub(in crate::server) fn max(&self) -> usize {
        self.max
    }
}

impl Drop for NetworkSlot {
    fn drop(&mut self) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        match open.get_mut(&self.network) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(open.remove(&self.network)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn one_client_network_cannot_use_up_all_connections() {
        let limits = ConnectionLimits::new(4, 2, &[]);
        let first = limits.acquire(address("192.0.2.1"));
        let second = limits.acquire(address("::ffff:192.0.2.1"));
        assert!(first.is_ok() && second.is_ok());
        assert_eq!(limits.acquire(address("192.0.2.1")).err(), Some(LimitReached::PerNetwork));
        let other = limits.acquire(address("192.0.2.2"));
        assert!(other.is_ok());
        assert_eq!((limits.open_count(), limits.max()), (3, 4));
        drop(first);
        assert_eq!(limits.open_count(), 2, "a dropped slot was not released");
        let again = limits.acquire(address("192.0.2.1"));
        assert!(again.is_ok());
        drop((second, other, again));
        assert!(limits.open.lock().unwrap().is_empty(), "a network without connections still takes memory");
    }

    #[test]
    fn proxies_and_loopback_are_exempt_from_the_limit_per_network() {
        let limits = ConnectionLimits::new(5, 1, &["10.0.0.0/8".parse().unwrap()]);
        let slots = ["10.0.0.1", "10.0.0.1", "127.0.0.1", "127.0.0.1", "::1"]
            .map(|peer| limits.acquire(address(peer)));
        assert!(slots.iter().all(Result::is_ok));
        assert_eq!(limits.acquire(address("192.0.2.1")).err(), Some(LimitReached::Total));
    }
}
