//! Places for connections: a bounded number in all, and no more from one address than leaves room for others.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::server::http::client_address::IpRange;
use crate::server::http::rate_limits::ClientNetwork;

/// The places of one listener. Cheap to clone.
#[derive(Clone)]
pub struct ConnectionLimits {
    all: Arc<Semaphore>,
    most: usize,
    /// Most for one address.
    each: usize,
    /// Addresses that stand for many clients.
    crowds: Arc<[IpRange]>,
    taken: Arc<Mutex<HashMap<ClientNetwork, usize>>>,
}

/// Why there is no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LimitReached {
    /// All are taken.
    Total,
    /// The address has its share.
    PerAddress,
}

/// A place; given back when it is dropped.
pub struct ConnectionSlot {
    _permit: OwnedSemaphorePermit,
    _share: Option<Share>,
}

/// One of the places that an address has.
struct Share {
    of: ClientNetwork,
    taken: Arc<Mutex<HashMap<ClientNetwork, usize>>>,
}

impl ConnectionLimits {
    /// `most` places, of which one address has at most `each`, but for this machine and for `crowds`, the proxies in front.
    pub fn new(most: usize, each: usize, crowds: &[IpRange]) -> Self {
        let all = Arc::new(Semaphore::new(most.min(Semaphore::MAX_PERMITS)));
        Self { all, most, each, crowds: crowds.into(), taken: Arc::default() }
    }

    /// A place for a connection from `peer`.
    ///
    /// # Errors
    /// There is none.
    pub fn take(&self, peer: IpAddr) -> Result<ConnectionSlot, LimitReached> {
        let permit = self.all.clone().try_acquire_owned().map_err(|_| LimitReached::Total)?;
        let peer = peer.to_canonical();
        if peer.is_loopback() || self.crowds.iter().any(|network| network.contains(peer)) {
            return Ok(ConnectionSlot { _permit: permit, _share: None });
        }
        let of = ClientNetwork::of(peer);
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let count = taken.entry(of).or_default();
        if *count >= self.each {
            return Err(LimitReached::PerAddress);
        }
        *count += 1;
        drop(taken);
        Ok(ConnectionSlot { _permit: permit, _share: Some(Share { of, taken: self.taken.clone() }) })
    }

    /// How many are taken now.
    pub fn taken(&self) -> usize {
        self.most.saturating_sub(self.all.available_permits())
    }

    /// How many there are.
    pub fn most(&self) -> usize {
        self.most
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        match taken.get_mut(&self.of) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(taken.remove(&self.of)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn one_address_leaves_room_for_others() {
        let places = ConnectionLimits::new(4, 2, &[]);
        let (first, second) = (places.take(at("192.0.2.1")), places.take(at("::ffff:192.0.2.1")));
        assert!(first.is_ok() && second.is_ok());
        assert_eq!(places.take(at("192.0.2.1")).err(), Some(LimitReached::PerAddress));
        let other = places.take(at("192.0.2.2"));
        assert!(other.is_ok());
        assert_eq!((places.taken(), places.most()), (3, 4));
        drop(first);
        assert_eq!(places.taken(), 2, "what is given back is free");
        let again = places.take(at("192.0.2.1"));
        assert!(again.is_ok());
        drop((second, other, again));
        assert!(places.taken.lock().unwrap().is_empty(), "who has left is forgotten");
    }

    #[test]
    fn proxies_and_this_machine_stand_for_many() {
        let places = ConnectionLimits::new(5, 1, &["10.0.0.0/8".parse().unwrap()]);
        let all = ["10.0.0.1", "10.0.0.1", "127.0.0.1", "127.0.0.1", "::1"].map(|peer| places.take(at(peer)));
        assert!(all.iter().all(Result::is_ok));
        assert_eq!(places.take(at("192.0.2.1")).err(), Some(LimitReached::Total));
    }
}
