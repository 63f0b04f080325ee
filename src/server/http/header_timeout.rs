//! The timer that closes a connection whose next request does not arrive in time.
//!
//! Nearly every request arrives long before its deadline. So the runtime's timer is not reset for each request. Instead it fires at the
//! first deadline and, if a later deadline has replaced that one, is reset to it. This saves most of the cost of a timer per request.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use hyper::rt::{Sleep, Timer};

use crate::clock::monotonic_now;

/// Limits how long one connection may take to send the headers of its next request. Each deadline must be later than all earlier
/// ones.
#[derive(Clone, Default)]
pub(super) struct HeaderTimer {
    sleep: SharedSleep,
}

/// The connection's only Tokio timer, set to the latest deadline or to an earlier one.
type SharedSleep = Arc<Mutex<Option<Pin<Box<tokio::time::Sleep>>>>>;

/// A future that completes at one deadline.
struct HeaderDeadline {
    deadline: tokio::time::Instant,
    sleep: SharedSleep,
}

impl Timer for HeaderTimer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        self.sleep_until(monotonic_now() + duration)
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn Sleep>> {
        Box::pin(HeaderDeadline { deadline: deadline.into(), sleep: self.sleep.clone() })
    }

    fn now(&self) -> Instant {
        monotonic_now()
    }
}

impl Sleep for HeaderDeadline {}

impl Future for HeaderDeadline {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut sleep = self.sleep.lock().unwrap_or_else(PoisonError::into_inner);
        let sleep = sleep.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(self.deadline)));
        while sleep.as_mut().poll(cx).is_ready() {
            if sleep.deadline() >= self.deadline {
                return Poll::Ready(());
            }
            sleep.as_mut().reset(self.deadline);
        }
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn the_timer_fires_at_the_latest_deadline() {
        let timer = HeaderTimer::default();
        let begin = monotonic_now();
        let after = |ms| begin + Duration::from_millis(ms);
        // A request that arrived in time: its deadline was requested, polled and dropped.
        let _ = timer.sleep_until(after(5)).now_or_never();
        timer.sleep_until(after(40)).await;
        assert!(monotonic_now() >= after(40), "fired at a deadline that was dropped");
        timer.sleep_until(after(60)).await;
        assert!(monotonic_now() >= after(60), "does not fire again after it fired once");
    }
}
