//! Wakes the loop at a moment, once. The runtime's own timers wake up to three times on the way to one that is seconds away, which
//! would be most of what an idle screen does.

use std::io;
use std::os::fd::OwnedFd;
use std::time::Instant;

use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
};
use tokio::io::unix::AsyncFd;

use super::event_loop::watched;
use crate::clock;

const ZERO: Timespec = Timespec { tv_sec: 0, tv_nsec: 0 };

/// A timer of the system.
pub(super) struct Timer {
    timer: AsyncFd<OwnedFd>,
    set: Option<Instant>,
}

impl Timer {
    pub(super) fn new() -> io::Result<Self> {
        let flags = TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK;
        let timer = watched(timerfd_create(TimerfdClockId::Monotonic, flags)?)?;
        Ok(Self { timer, set: None })
    }

    /// Waits until `at`, or for ever. May be dropped and asked again.
    pub(super) async fn at(&mut self, at: Option<Instant>) -> io::Result<()> {
        if self.set != at {
            self.set(at)?;
        }
        let mut rung = self.timer.readable().await?;
        rung.clear_ready();
        // Rings again only after it was set again.
        self.set = None;
        Ok(())
    }

    fn set(&mut self, at: Option<Instant>) -> io::Result<()> {
        let wait = at.map(|at| at.saturating_duration_since(clock::monotonic_now()));
        let it_value = match wait {
            // Zero would switch it off.
            Some(wait) if wait.is_zero() => Timespec { tv_sec: 0, tv_nsec: 1 },
            Some(wait) => Timespec::try_from(wait).unwrap_or(Timespec { tv_sec: i64::MAX, tv_nsec: 0 }),
            None => ZERO,
        };
        let spec = Itimerspec { it_interval: ZERO, it_value };
        timerfd_settime(self.timer.get_ref(), TimerfdTimerFlags::empty(), &spec)?;
        self.set = at;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn it_rings_once_and_not_before() {
        let mut alarm = Timer::new().unwrap();
        let soon = clock::monotonic_now() + Duration::from_millis(5);
        alarm.at(Some(soon)).await.unwrap();
        assert!(clock::monotonic_now() >= soon);
        // What has passed rings at once, also the same moment asked for again.
        alarm.at(Some(soon)).await.unwrap();
        tokio::select! {
            biased;
            _ = alarm.at(None) => panic!("rang without being set"),
            () = tokio::task::yield_now() => {}
        }
        // Set by one who did not wait for it, it rings for the next who asks for the same.
        let later = clock::monotonic_now() + Duration::from_millis(5);
        tokio::select! {
            biased;
            _ = alarm.at(Some(later)) => {}
            () = tokio::task::yield_now() => {}
        }
        alarm.at(Some(later)).await.unwrap();
        assert!(clock::monotonic_now() >= later);
    }
}
