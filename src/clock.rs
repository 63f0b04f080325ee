//! The only place that asks the machine for the time or for chance.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use crate::domain::time::Timestamp;

/// Tells the time: the system's, or one that a test moves by hand.
#[derive(Clone, Debug, Default)]
pub enum Clock {
    /// The machine's clock.
    #[default]
    System,
    /// A clock that stands still until it is moved.
    Fixed(Arc<AtomicI64>),
}

impl Clock {
    /// A clock that stands at `at`.
    pub fn fixed(at: Timestamp) -> Self {
        Self::Fixed(Arc::new(AtomicI64::new(at.0)))
    }

    /// The present moment.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that asks for the time")]
    pub fn now(&self) -> Timestamp {
        match self {
            Self::System => Timestamp(chrono::Utc::now().timestamp_millis()),
            Self::Fixed(at) => Timestamp(at.load(Ordering::SeqCst)),
        }
    }

    /// Moves a fixed clock on. The system's clock is left alone.
    pub fn advance(&self, by: Duration) {
        if let Self::Fixed(at) = self {
            at.fetch_add(i64::try_from(by.as_millis()).unwrap_or(i64::MAX), Ordering::SeqCst);
        }
    }
}

/// A point of the machine's monotonic clock, for measuring spans only.
#[expect(clippy::disallowed_methods, reason = "this is the one place that asks for the time")]
pub fn monotonic_now() -> std::time::Instant {
    std::time::Instant::now()
}

/// `N` bytes from the operating system's generator.
///
/// # Panics
/// The operating system gives no randomness: nothing safe can be done then.
#[expect(clippy::disallowed_methods, reason = "this is the one place that asks for chance")]
pub fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the operating system's random generator does not answer");
    bytes
}
