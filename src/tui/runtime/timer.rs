//! A timer of the operating system that wakes the event loop once. The timers of tokio wake up to three times before one that is
//! seconds away, which would be most of the work of an idle screen.

use std::io;
use std::os::fd::OwnedFd;
use std::time::Instant;

use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use crate::clock;

const ZERO: Timespec = Timespec { tv_sec: 0, tv_nsec: 0 };

/// A timer of the operating system.
pub(super) struct Timer {
    descriptor: AsyncFd<OwnedFd>,
    /// When the timer will fire; `None` if it is not set.
    fires_at: Option<Instant>,
}

impl Timer {
    pub(super) fn new() -> io::Result<Self> {
        let flags = TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK;
        let descriptor = watch_readable(timerfd_create(TimerfdClockId::Monotonic, flags)?)?;
        Ok(Self { descriptor, fires_at: None })
    }

    /// Waits until `at`, or forever if it is `None`. Cancel safe.
    pub(super) async fn wait_until(&mut self, at: Option<Instant>) -> io::Result<()> {
        if self.fires_at != at {
            self.set(at)?;
        }
        let mut readiness = self.descriptor.readable().await?;
        readiness.clear_ready();
        // It fires again only after it was set again.
        self.fires_at = None;
        Ok(())
    }

    fn set(&mut self, at: Option<Instant>) -> io::Result<()> {
        let wait = at.map(|at| at.saturating_duration_since(clock::monotonic_now()));
        let it_value = match wait {
            // Zero would disarm the timer.
            Some(wait) if wait.is_zero() => Timespec { tv_sec: 0, tv_nsec: 1 },
            Some(wait) => Timespec::try_from(wait).unwrap_or(Timespec { tv_sec: i64::MAX, tv_nsec: 0 }),
            None => ZERO,
        };
        let spec = Itimerspec { it_interval: ZERO, it_value };
        timerfd_settime(self.descriptor.get_ref(), TimerfdTimerFlags::empty(), &spec)?;
        self.fires_at = at;
        Ok(())
    }
}

#[expect(
    deprecated,
    reason = "its successor is unsafe, for types that may close or change their descriptor; this one does not"
)]
pub(super) fn watch_readable(descriptor: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    AsyncFd::with_interest(descriptor, Interest::READABLE)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn the_timer_fires_once_and_not_early() {
        let mut timer = Timer::new().unwrap();
        let soon = clock::monotonic_now() + Duration::from_millis(5);
        timer.wait_until(Some(soon)).await.unwrap();
        assert!(clock::monotonic_now() >= soon);
        // A time in the past fires at once, also the second time.
        timer.wait_until(Some(soon)).await.unwrap();
        tokio::select! {
            biased;
            _ = timer.wait_until(None) => panic!("the timer fired without being set"),
            () = tokio::task::yield_now() => {}
        }
        // Set by a wait that was cancelled, it fires for the next wait until the same time.
        let later = clock::monotonic_now() + Duration::from_millis(5);
        tokio::select! {
            biased;
            _ = timer.wait_until(Some(later)) => {}
            () = tokio::task::yield_now() => {}
        }
        timer.wait_until(Some(later)).await.unwrap();
        assert!(clock::monotonic_now() >= later);
    }
}
