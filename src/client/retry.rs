//! Retries of safe calls. All attempts together take no longer than one call may take.

use std::time::Duration;

use http::Method;
use tokio::time::{Instant, sleep};

use super::api_client::{Client, OnRetry, RetryNotice};
use super::error::{ClientError, UnreachableCause};
use super::options::{CONNECT_TIMEOUT, REQUEST_TIMEOUT};
use super::request::CallRequest;
use crate::wire::Call;
use crate::wire::problem::ProblemType;

/// Delays before the second and the third attempt.
const WAITS: [Duration; 2] = [Duration::from_millis(300), Duration::from_millis(1_500)];

impl Client {
    /// Returns a client that shares the connections and retries safe calls up to twice: those that only read, and those with an
    /// idempotency key. `tell` is called before each retry.
    #[must_use]
    pub fn with_retries(&self, tell: OnRetry) -> Self {
        Self { tell: Some(tell), ..self.clone() }
    }

    /// Sends a call, once or with the retries of [`Client::with_retries`].
    ///
    /// # Errors
    /// See [`enum@ClientError`]; the error of the last attempt.
    pub async fn send<C: Call>(&self, request: CallRequest<C>) -> Result<C::Reply, ClientError> {
        Ok(self.send_measured(request).await?.0)
    }

    /// Sends a call like [`Client::send`] and also returns the length of the reply in bytes.
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
                // With less time than connecting may take, another attempt would fail.
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

/// Limits the request to the remaining time.
fn until(end: Instant, mut request: reqwest::Request) -> reqwest::Request {
    *request.timeout_mut() = Some(end.saturating_duration_since(Instant::now()));
    request
}

/// Returns whether the same call may succeed a moment later.
fn worth_repeating(error: &ClientError) -> bool {
    match error {
        // A timeout has already used up the time, and an untrusted certificate stays untrusted.
        ClientError::Unreachable { cause, .. } => {
            matches!(cause, UnreachableCause::NoConnection | UnreachableCause::Broken)
        }
        ClientError::Refused(problem) => match problem.kind {
            ProblemType::Unavailable | ProblemType::OutcomeUnknown | ProblemType::IdempotencyInProgress => {
                true
            }
            // Sent by a proxy, not by keyward.
            ProblemType::Unknown => matches!(problem.status, 502..=504),
            _ => false,
        },
        ClientError::InvalidReply { status, .. } => matches!(status, Some(502..=504)),
    }
}
