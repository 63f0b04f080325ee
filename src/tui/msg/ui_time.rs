//! The clock of the UI.

use std::time::Duration;

/// A point in time on the UI's monotonic clock, relative to the start of the UI. Used for deadlines and durations; never shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct UiTime(Duration);

impl UiTime {
    /// Creates the point in time `elapsed` after the start of the UI.
    pub const fn after_start(elapsed: Duration) -> Self {
        Self(elapsed)
    }

    /// Returns the time that has passed since the start of the UI.
    pub const fn since_start(self) -> Duration {
        self.0
    }

    /// Returns the point in time `delay` later.
    #[must_use]
    pub const fn plus(self, delay: Duration) -> Self {
        Self(self.0.saturating_add(delay))
    }

    /// Returns the time from `earlier` to this point in time; zero if `earlier` is later.
    pub const fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}
