//! The clock of the UI.

use std::time::Duration;

/// A point in time on the UI's monotonic clock, counted from the start of the UI. For deadlines and spans; never shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct UiTime(Duration);

impl UiTime {
    /// The point in time `elapsed` after the start of the UI.
    pub const fn after_start(elapsed: Duration) -> Self {
        Self(elapsed)
    }

    /// Time since the start of the UI.
    pub const fn since_start(self) -> Duration {
        self.0
    }

    /// The point in time `delay` later.
    #[must_use]
    pub const fn plus(self, delay: Duration) -> Self {
        Self(self.0.saturating_add(delay))
    }

    /// Time since `earlier`; zero if `earlier` is in fact later.
    pub const fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}
