//! How often who may ask: buckets that fill up again with time.
//!
//! A valid key is never refused: failures are counted after the answer is known.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher as _, Hash};
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use http::HeaderMap;
use http::header::AUTHORIZATION;

use crate::clock::monotonic_now;
use crate::server::error::ApiError;
use crate::server::settings::ServerLimits;

/// Most who are told apart at a time. All others share one bucket, so that memory is bounded.
const TRACKED_MAX: usize = 10_000;

/// The limits in force, and what was used up of them.
pub struct RateLimiter {
    sign_ins: TokenBuckets<Option<ClientNetwork>>,
    failures: TokenBuckets<Option<ClientNetwork>>,
    sessions: TokenBuckets<Option<u64>>,
    hasher: RandomState,
}

impl RateLimiter {
    /// Nothing used up yet.
    pub fn new(limits: &ServerLimits) -> Self {
        Self {
            sign_ins: TokenBuckets::new(limits.sign_ins_per_minute),
            failures: TokenBuckets::new(limits.failures_per_minute),
            sessions: TokenBuckets::new(limits.requests_per_minute),
            hasher: RandomState::new(),
        }
    }

    /// An attempt to redeem a sign-in code.
    ///
    /// # Errors
    /// 429 for too many from there.
    pub fn sign_in(&self, address: IpAddr) -> Result<(), ApiError> {
        self.sign_ins.take(Some(ClientNetwork::of(address)), monotonic_now()).map_err(ApiError::RateLimited)
    }

    /// A credential that was refused.
    ///
    /// # Errors
    /// 429 for too many from there.
    pub fn failure(&self, address: IpAddr) -> Result<(), ApiError> {
        self.failures.take(Some(ClientNetwork::of(address)), monotonic_now()).map_err(ApiError::RateLimited)
    }

    /// A request on the management plane, by its session.
    ///
    /// # Errors
    /// 429 for too many of that session.
    pub fn request(&self, headers: &HeaderMap) -> Result<(), ApiError> {
        let Some(session) = headers.get(AUTHORIZATION) else { return Ok(()) };
        let session = self.hasher.hash_one(session.as_bytes());
        self.sessions.take(Some(session), monotonic_now()).map_err(ApiError::RateLimited)
    }
}

/// An IPv4 address, or the 64 bits that one site has of IPv6.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ClientNetwork(u64);

impl ClientNetwork {
    /// The one that the address lies in.
    pub fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(v4) => Self(v4.to_bits().into()),
            // The upper half is never below 2^32 for a global address.
            IpAddr::V6(v6) => Self(u64::try_from(v6.to_bits() >> 64).unwrap_or_default()),
        }
    }
}

/// One bucket for each `K`; `K::default()` is shared by those for whom there is no room.
struct TokenBuckets<K> {
    per_minute: u32,
    buckets: Mutex<HashMap<K, TokenBucket>>,
}

#[derive(Clone, Copy)]
struct TokenBucket {
    left: f64,
    at: Instant,
}

impl<K: Hash + Eq + Default> TokenBuckets<K> {
    fn new(per_minute: u32) -> Self {
        Self { per_minute, buckets: Mutex::new(HashMap::new()) }
    }

    /// Takes one, or says how long to wait for it.
    fn take(&self, who: K, now: Instant) -> Result<(), Duration> {
        let full = f64::from(self.per_minute);
        let per_second = full / 60.0;
        let filled = |b: &TokenBucket| {
            full.min(b.left + now.saturating_duration_since(b.at).as_secs_f64() * per_second)
        };
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= TRACKED_MAX && !buckets.contains_key(&who) {
            buckets.retain(|_, bucket| filled(bucket) < full);
        }
        let who = if buckets.len() < TRACKED_MAX || buckets.contains_key(&who) { who } else { K::default() };
        let bucket = buckets.entry(who).or_insert(TokenBucket { left: full, at: now });
        let left = filled(bucket);
        if left < 1.0 {
            let wait = if per_second > 0.0 { (1.0 - left) / per_second } else { 60.0 };
            return Err(Duration::from_secs_f64(wait.ceil()));
        }
        *bucket = TokenBucket { left: left - 1.0, at: now };
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_empties_and_fills_again() {
        let buckets = TokenBuckets::<Option<u64>>::new(60);
        let start = monotonic_now();
        for _ in 0..60 {
            assert_eq!(buckets.take(Some(1), start), Ok(()));
        }
        assert_eq!(buckets.take(Some(1), start), Err(Duration::from_secs(1)));
        assert_eq!(buckets.take(Some(2), start), Ok(()), "another is not held up");
        let later = start + Duration::from_secs(1);
        assert_eq!(buckets.take(Some(1), later), Ok(()));
        assert!(buckets.take(Some(1), later).is_err());
        assert!(buckets.take(Some(1), start).is_err(), "time that runs back gives nothing");
    }

    #[test]
    fn memory_is_bounded() {
        let buckets = TokenBuckets::<Option<usize>>::new(3);
        let now = monotonic_now();
        for who in 0..TRACKED_MAX + 2 {
            assert_eq!(buckets.take(Some(who), now), Ok(()));
        }
        assert_eq!(buckets.take(Some(TRACKED_MAX + 3), now), Ok(()));
        assert!(buckets.take(Some(TRACKED_MAX + 4), now).is_err(), "the shared bucket is empty");
        assert!(buckets.buckets.lock().unwrap().len() <= TRACKED_MAX + 1);
        let later = now + Duration::from_mins(1);
        assert_eq!(buckets.take(Some(TRACKED_MAX + 5), later), Ok(()), "who waited is forgotten");
        assert!(buckets.buckets.lock().unwrap().len() < 10);
    }

    #[test]
    fn a_site_has_one_bucket() {
        let network = |text: &str| ClientNetwork::of(text.parse().unwrap()).0;
        assert_eq!(network("2001:db8::1"), network("2001:db8::ffff:2"));
        assert_ne!(network("2001:db8::1"), network("2001:db8:0:1::1"));
        assert_eq!(network("::ffff:192.0.2.1"), network("192.0.2.1"));
    }
}
