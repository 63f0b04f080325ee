//! Time and randomness. This is the only module that reads the system clock or the system's random generator; everything else
//! receives them as arguments.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use crate::domain::time::Timestamp;

/// A source of the current time.
#[derive(Clone, Debug, Default)]
pub enum Clock {
    /// The system clock.
    #[default]
    System,
    /// A clock for tests, in milliseconds since 1970. It does not move until [`Clock::advance`] is called.
    Fixed(Arc<AtomicI64>),
}

impl Clock {
    /// Creates a clock for tests that starts at `at`.
    pub fn fixed(at: Timestamp) -> Self {
        Self::Fixed(Arc::new(AtomicI64::new(at.0)))
    }

    /// Returns the current time.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that asks for the time")]
    pub fn now(&self) -> Timestamp {
        match self {
            Self::System => Timestamp(chrono::Utc::now().timestamp_millis()),
            Self::Fixed(at) => Timestamp(at.load(Ordering::SeqCst)),
        }
    }

    /// Advances a fixed clock. Has no effect on the system clock.
    pub fn advance(&self, by: Duration) {
        if let Self::Fixed(at) = self {
            at.fetch_add(i64::try_from(by.as_millis()).unwrap_or(i64::MAX), Ordering::SeqCst);
        }
    }
}

/// Returns the current time of the monotonic clock, for measuring elapsed time.
#[expect(clippy::disallowed_methods, reason = "this is the one place that asks for the time")]
pub fn monotonic_now() -> std::time::Instant {
    std::time::Instant::now()
}

/// Returns `N` bytes from the operating system's random generator.
///
/// # Panics
/// Panics if the generator fails, since keyward cannot work securely without it.
#[expect(clippy::disallowed_methods, reason = "this is the one place that asks for chance")]
pub fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the operating system's random generator must work");
    bytes
}
