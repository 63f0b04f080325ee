//! The timer that ends a connection whose next request does not come in time.
//!
//! Nearly all requests come long before. So the runtime's timer is not set anew for each: it rings for the first deadline, finds that
//! a later one has taken its place, and is set to that. What is saved is most of what a timer costs a verification.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use hyper::rt::{Sleep, Timer};

use crate::clock::monotonic_now;

/// The timer of one connection. Each deadline asked for is later than those before.
#[derive(Clone, Default)]
pub(in crate::server) struct HeaderTimer {
    alarm: Alarm,
}

/// Set to the deadline asked for last, or to an earlier one.
type Alarm = Arc<Mutex<Option<Pin<Box<tokio::time::Sleep>>>>>;

/// Waits for one deadline.
struct Until {
    deadline: tokio::time::Instant,
    alarm: Alarm,
}

impl Timer for HeaderTimer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        self.sleep_until(monotonic_now() + duration)
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn Sleep>> {
        Box::pin(Until { deadline: deadline.into(), alarm: self.alarm.clone() })
    }

    fn now(&self) -> Instant {
        monotonic_now()
    }
}

impl Sleep for Until {}

impl Future for Until {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut alarm = self.alarm.lock().unwrap_or_else(PoisonError::into_inner);
        let alarm = alarm.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(self.deadline)));
        while alarm.as_mut().poll(cx).is_ready() {
            if alarm.deadline() >= self.deadline {
                return Poll::Ready(());
            }
            alarm.as_mut().reset(self.deadline);
        }
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn it_rings_for_the_last_deadline() {
        let timer = HeaderTimer::default();
        let begin = monotonic_now();
        let after = |ms| begin + Duration::from_millis(ms);
        // A request that came in time: asked for, waited for, given up.
        let _ = timer.sleep_until(after(5)).now_or_never();
        timer.sleep_until(after(40)).await;
        assert!(monotonic_now() >= after(40), "rang for a deadline that was given up");
        // Rung once, it rings again for the next.
        timer.sleep_until(after(60)).await;
        assert!(monotonic_now() >= after(60));
    }
}
