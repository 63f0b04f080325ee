//! A cache of accepted keys, as a bug of [`crate::fault_injection`]: for tests that must notice it.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::clock::monotonic_now;
use crate::domain::secret::Digest;
use crate::fault_injection::{self, Fault};
use crate::server::error::ApiError;
use crate::server::verification::verifier::VerifiedKey;

/// How long a key is accepted without looking again.
const FOR: Duration = Duration::from_secs(2);

static ACCEPTED: LazyLock<Mutex<HashMap<Digest, (Instant, VerifiedKey)>>> = LazyLock::new(Mutex::default);

/// What was found out, or, for a key that was accepted a moment ago, what was found out then.
pub(in crate::server) fn cached(
    digest: Digest,
    found: Result<VerifiedKey, ApiError>,
) -> Result<VerifiedKey, ApiError> {
    if !fault_injection::is(Fault::CachedVerification) {
        return found;
    }
    let mut accepted = ACCEPTED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Ok(verified) = &found {
        accepted.insert(digest, (monotonic_now(), verified.clone()));
    }
    match accepted.get(&digest) {
        Some((at, verified)) if at.elapsed() < FOR => Ok(verified.clone()),
        _ => found,
    }
}
