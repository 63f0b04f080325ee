//! Refuses a retry with the same idempotency key while the first request is still running in this process.
//!
//! Finished requests are recorded in the database; see `store::idempotency`.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use sha2::{Digest as _, Sha256};

use super::error::ApiError;
use crate::domain::id::Id;
use crate::store::IdempotentRequest;

/// Identifies a request by member, operation and idempotency key.
type RequestKey = (Id, &'static str, String);

/// The requests with an idempotency key that are currently running in this process. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(super) struct InFlightRequests(Arc<Mutex<HashSet<RequestKey>>>);

/// Registration of a running request. Dropping it removes the registration.
pub(super) struct InFlightRequest {
    requests: InFlightRequests,
    key: RequestKey,
}

impl InFlightRequests {
    /// Registers a request as running until the returned value is dropped.
    ///
    /// # Errors
    /// Returns [`ApiError::IdempotencyInProgress`] if the member is already running this operation with the same idempotency key.
    pub(super) fn begin(&self, request: &IdempotentRequest) -> Result<InFlightRequest, ApiError> {
        let key = (request.member, request.operation, request.key.clone());
        if self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(key.clone()) {
            Ok(InFlightRequest { requests: self.clone(), key })
        } else {
            Err(ApiError::IdempotencyInProgress)
        }
    }
}

impl Drop for InFlightRequest {
    fn drop(&mut self) {
        self.requests.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
    }
}

/// Returns a digest of a request's fields, for detecting a retry with different fields.
pub(super) fn digest_of_fields(fields: &impl serde::Serialize) -> Result<[u8; 32], ApiError> {
    let text = serde_json::to_vec(fields).map_err(|_| ApiError::Internal)?;
    Ok(Sha256::digest(text).into())
}
