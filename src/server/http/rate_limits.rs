//! Rate limits as token buckets: sign-in attempts and refused credentials per client network, management requests per session.
//!
//! A valid key is never limited: refused credentials are counted after the response is known.

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
use crate::server::network::ClientNetwork;
use crate::server::settings::TrafficLimits;

/// Maximum number of clients or sessions that have a bucket of their own. All others share one bucket, so that memory use is
/// bounded.
const BUCKETS_MAX: usize = 10_000;

/// Limits the rates of sign-ins, refused credentials and management requests.
pub(in crate::server) struct RateLimiter {
    sign_ins: TokenBuckets<Option<ClientNetwork>>,
    failures: TokenBuckets<Option<ClientNetwork>>,
    sessions: TokenBuckets<Option<u64>>,
    hasher: RandomState,
}

impl RateLimiter {
    pub(in crate::server) fn new(limits: &TrafficLimits) -> Self {
        Self {
            sign_ins: TokenBuckets::new(limits.sign_ins_per_minute),
            failures: TokenBuckets::new(limits.failures_per_minute),
            sessions: TokenBuckets::new(limits.requests_per_minute),
            hasher: RandomState::new(),
        }
    }

    /// Counts an attempt to redeem a sign-in code.
    ///
    /// # Errors
    /// Fails with 429 if the client's network exceeds its limit.
    pub(in crate::server) fn count_sign_in(&self, address: IpAddr) -> Result<(), ApiError> {
        self.sign_ins
            .take_token(Some(ClientNetwork::from_address(address)), monotonic_now())
            .map_err(ApiError::RateLimited)
    }

    /// Counts a refused credential.
    ///
    /// # Errors
    /// Fails with 429 if the client's network exceeds its limit.
    pub(in crate::server) fn count_failure(&self, address: IpAddr) -> Result<(), ApiError> {
        self.failures
            .take_token(Some(ClientNetwork::from_address(address)), monotonic_now())
            .map_err(ApiError::RateLimited)
    }

    /// Counts a management request towards the limit of its session, which is identified by the `Authorization` header.
    ///
    /// # Errors
    /// Fails with 429 if the session exceeds its limit.
    pub(in crate::server) fn count_request(&self, headers: &HeaderMap) -> Result<(), ApiError> {
        let Some(session) = headers.get(AUTHORIZATION) else { return Ok(()) };
        let session = self.hasher.hash_one(session.as_bytes());
        self.sessions.take_token(Some(session), monotonic_now()).map_err(ApiError::RateLimited)
    }
}

/// One token bucket per client `K`. Clients beyond [`BUCKETS_MAX`] share the bucket of `K::default()`.
struct TokenBuckets<K> {
    /// Capacity of each bucket, which is also the number of tokens that it gains per minute.
    per_minute: u32,
    buckets: Mutex<HashMap<K, TokenBucket>>,
}

#[derive(Clone, Copy)]
struct TokenBucket {
    /// Number of tokens that were left at `updated_at`.
    tokens: f64,
    updated_at: Instant,
}

impl<K: Hash + Eq + Default> TokenBuckets<K> {
    fn new(per_minute: u32) -> Self {
        Self { per_minute, buckets: Mutex::new(HashMap::new()) }
    }

    /// Takes one token from the client's bucket, or returns the time until a token is available.
    fn take_token(&self, client: K, now: Instant) -> Result<(), Duration> {
        let capacity = f64::from(self.per_minute);
        let per_second = capacity / 60.0;
        let refilled = |b: &TokenBucket| {
            capacity.min(b.tokens + now.saturating_duration_since(b.updated_at).as_secs_f64() * per_second)
        };
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= BUCKETS_MAX && !buckets.contains_key(&client) {
            buckets.retain(|_, bucket| refilled(bucket) < capacity);
        }
        let has_room = buckets.len() < BUCKETS_MAX || buckets.contains_key(&client);
        let client = if has_room { client } else { K::default() };
        let bucket = buckets.entry(client).or_insert(TokenBucket { tokens: capacity, updated_at: now });
        let tokens = refilled(bucket);
        if tokens < 1.0 {
            let wait = if per_second > 0.0 { (1.0 - tokens) / per_second } else { 60.0 };
            return Err(Duration::from_secs_f64(wait.ceil()));
        }
        *bucket = TokenBucket { tokens: tokens - 1.0, updated_at: now };
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_empties_and_refills() {
        let buckets = TokenBuckets::<Option<u64>>::new(60);
        let start = monotonic_now();
        for _ in 0..60 {
            assert_eq!(buckets.take_token(Some(1), start), Ok(()));
        }
        assert_eq!(buckets.take_token(Some(1), start), Err(Duration::from_secs(1)));
        assert_eq!(buckets.take_token(Some(2), start), Ok(()), "one client's limit affects another");
        let later = start + Duration::from_secs(1);
        assert_eq!(buckets.take_token(Some(1), later), Ok(()));
        assert!(buckets.take_token(Some(1), later).is_err());
        assert!(buckets.take_token(Some(1), start).is_err(), "a clock that went backward refills the bucket");
    }

    #[test]
    fn the_number_of_buckets_is_bounded() {
        let buckets = TokenBuckets::<Option<usize>>::new(3);
        let now = monotonic_now();
        for client in 0..BUCKETS_MAX + 2 {
            assert_eq!(buckets.take_token(Some(client), now), Ok(()));
        }
        assert_eq!(buckets.take_token(Some(BUCKETS_MAX + 3), now), Ok(()));
        assert!(buckets.take_token(Some(BUCKETS_MAX + 4), now).is_err(), "the shared bucket is not empty");
        assert!(buckets.buckets.lock().unwrap().len() <= BUCKETS_MAX + 1);
        let later = now + Duration::from_mins(1);
        assert_eq!(buckets.take_token(Some(BUCKETS_MAX + 5), later), Ok(()), "full buckets are not removed");
        assert!(buckets.buckets.lock().unwrap().len() < 10);
    }
}
