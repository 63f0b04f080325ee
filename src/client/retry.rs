//! Repeats a call where that is harmless, and tells the caller each time. All attempts together take no longer than one call may.

use std::time::Duration;

use http::Method;
use tokio::time::{Instant, sleep};

use super::{CONNECT_TIMEOUT, CallRequest, Client, ClientError, REQUEST_TIMEOUT, UnreachableCause};
use crate::wire::Call;
use crate::wire::problem::ProblemType;

/// A call is about to be sent again.
#[derive(Clone, Copy, Debug)]
pub struct RetryNotice<'a> {
    /// Why the last attempt gave nothing.
    pub error: &'a ClientError,
    /// How long it waits before the next.
    pub after: Duration,
    /// Which attempt comes next, from 2.
    pub attempt: u32,
}

/// Who hears of every repetition before it happens.
pub type OnRetry = fn(RetryNotice<'_>);

/// Waits before the second and the third attempt.
const WAITS: [Duration; 2] = [Duration::from_millis(300), Duration::from_millis(1_500)];

impl Client {
    /// The same connections, but each call that only reads or carries an idempotency key is sent up to three times; any other
    /// once, as ever.
    #[must_use]
    pub fn with_retries(&self, tell: OnRetry) -> Self {
        Self { tell: Some(tell), ..self.clone() }
    }

    /// Sends one call: once, or as [`Client::with_retries`] says.
    ///
    /// # Errors
    /// One of the three kinds of [`enum@ClientError`]; that of the last attempt.
    pub async fn send<C: Call>(&self, request: CallRequest<C>) -> Result<C::Reply, ClientError> {
        Ok(self.send_measured(request).await?.0)
    }

    /// The same, with the number of bytes that were received.
    pub(super) async fn send_measured<C: Call>(
        &self,
        request: CallRequest<C>,
    ) -> Result<(C::Reply, usize), ClientError> {
        let max = request.reply_max;
        let harmless = C::METHOD == Method::GET || request.idempotency_key.is_some();
        let prepared = self.prepare(&request)?;
        let Some(tell) = self.tell.filter(|_| harmless) else {
            return self.send_prepared::<C>(prepared, max).await;
        };
        let end = Instant::now() + REQUEST_TIMEOUT;
        for (attempt, after) in (2..).zip(WAITS) {
            let Some(copy) = prepared.try_clone() else { break };
            match self.send_prepared::<C>(until(end, copy), max).await {
                // A shorter time than it takes to connect is of no use.
                Err(error) if worth_repeating(&error) && Instant::now() + after + CONNECT_TIMEOUT < end => {
                    tell(RetryNotice { error: &error, after, attempt });
                }
                other => return other,
            }
            sleep(after).await;
        }
        self.send_prepared::<C>(until(end, prepared), max).await
    }
}

/// The request with the time that is left.
fn until(end: Instant, mut request: reqwest::Request) -> reqwest::Request {
    *request.timeout_mut() = Some(end.saturating_duration_since(Instant::now()));
    request
}

/// Whether the same call may succeed a moment later.
fn worth_repeating(error: &ClientError) -> bool {
    match error {
        // A timeout has cost 15 s already, and an untrusted certificate stays untrusted.
        ClientError::Unreachable { cause, .. } => {
            matches!(cause, UnreachableCause::NoConnection | UnreachableCause::Broken)
        }
        ClientError::Refused(problem) => match problem.kind {
            ProblemType::Unavailable | ProblemType::OutcomeUnknown | ProblemType::IdempotencyInProgress => {
                true
            }
            // That of a proxy.
            ProblemType::Unknown => matches!(problem.status, 502..=504),
            _ => false,
        },
        ClientError::InvalidReply { status, .. } => matches!(status, Some(502..=504)),
    }
}
