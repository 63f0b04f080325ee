//! Verification of keys.

#[cfg(feature = "fault-injection")]
pub mod cached_verification;
pub mod first_use_batch;
pub mod key_cache;
pub mod lookup_batch;
pub mod revocation_lock;
pub mod use_buffer;
pub mod verifier;
