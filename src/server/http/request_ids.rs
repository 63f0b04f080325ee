//! Request ids, for `X-Request-Id` and the log.

use std::sync::atomic::{AtomicU64, Ordering};

use axum::body::Bytes;
use http::HeaderValue;

/// Generates request ids of 16 hexadecimal digits.
///
/// The ids of one process never repeat. Those of different processes are very unlikely to collide, because each process starts at a
/// random seed.
pub(in crate::server) struct RequestIds {
    seed: u64,
    count: AtomicU64,
}

impl RequestIds {
    pub(in crate::server) fn new(seed: [u8; 8]) -> Self {
        Self { seed: u64::from_le_bytes(seed), count: AtomicU64::new(0) }
    }

    /// Returns the next request id, as a header value.
    pub(in crate::server) fn generate(&self) -> HeaderValue {
        // Multiplication by an odd number permutes u64, so no two counts collide.
        let n = self.count.fetch_add(1, Ordering::Relaxed).wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ self.seed;
        let bytes = n.to_be_bytes();
        let digits: [u8; 16] = std::array::from_fn(|i| {
            let nibble = if i % 2 == 0 { bytes[i / 2] >> 4 } else { bytes[i / 2] & 15 };
            b"0123456789abcdef"[usize::from(nibble)]
        });
        HeaderValue::from_maybe_shared(Bytes::copy_from_slice(&digits))
            .expect("hexadecimal digits are a valid header value")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn request_ids_do_not_repeat() {
        let ids = RequestIds::new([7; 8]);
        let all: std::collections::HashSet<_> = (0..10_000).map(|_| ids.generate()).collect();
        assert_eq!(all.len(), 10_000);
        assert!(all.iter().all(|id| id.len() == 16));
    }
}
