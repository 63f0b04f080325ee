//! Fault injection: a cache that keeps accepting a key for two seconds. Tests must detect that a revoked key still works.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::verifier::AcceptedKey;
use crate::clock::monotonic_now;
use crate::domain::secret::Digest;
use crate::fault_injection::{self, Fault};
use crate::server::error::ApiError;

const CACHED_FOR: Duration = Duration::from_secs(2);

static ACCEPTED_KEYS: LazyLock<Mutex<HashMap<Digest, (Instant, AcceptedKey)>>> =
    LazyLock::new(Mutex::default);

/// Returns the cached result if the key was accepted within the last [`CACHED_FOR`]; otherwise, or if the fault is not injected,
/// returns `verified`.
pub(super) fn override_with_cached(
    digest: Digest,
    verified: Result<AcceptedKey, ApiError>,
) -> Result<AcceptedKey, ApiError> {
    if !fault_injection::is_injected(Fault::CachedVerification) {
        return verified;
    }
    let mut cache = ACCEPTED_KEYS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Ok(accepted) = &verified {
        cache.insert(digest, (monotonic_now(), accepted.clone()));
    }
    match cache.get(&digest) {
        Some((at, accepted)) if at.elapsed() < CACHED_FOR => Ok(accepted.clone()),
        _ => verified,
    }
}
