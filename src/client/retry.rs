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

/// Delays before the second and third attempts.
const RETRY_DELAYS: [Duration; 2] = [Duration::from_millis(300), Duration::from_millis(1_500)];

impl Client {
    /// Returns a client that shares this client's connections and retries safe calls (reads, and calls with an idempotency key) at most
    /// twice. Calls `on_retry` before each retry.
    #[must_use]
    pub(crate) fn with_retries(&self, on_retry: OnRetry) -> Self {
        Self { on_retry: Some(on_retry), ..self.clone() }
    }

    /// Sends a call. Retries it if this client was created by `Client::with_retries` and the call is safe to retry.
    ///
    /// # Errors
    /// Returns the error of the last attempt, see [`enum@ClientError`].
    pub async fn send<C: Call>(&self, request: CallRequest<C>) -> Result<C::Reply, ClientError> {
        Ok(self.send_sized(request).await?.0)
    }

    /// Sends a call like [`Client::send`]. Returns the reply and its length in bytes.
    pub(super) async fn send_sized<C: Call>(
        &self,
        request: CallRequest<C>,
    ) -> Result<(C::Reply, usize), ClientError> {
        let max = request.reply_max;
        let harmless = C::METHOD == Method::GET || request.idempotency_key.is_some();
        let prepared = self.prepare(&request)?;
        let Some(on_retry) = self.on_retry.filter(|_| harmless) else {
            return self.send_prepared::<C>(prepared, max).await;
        };
        let end = Instant::now() + REQUEST_TIMEOUT;
        for (attempt, after) in (2..).zip(RETRY_DELAYS) {
            let Some(copy) = prepared.try_clone() else { break };
            match self.send_prepared::<C>(limit_time(end, copy), max).await {
                // With less time than connecting may take, another attempt would fail.
                Err(error) if is_worth_retrying(&error) && Instant::now() + after + CONNECT_TIMEOUT < end => {
                    on_retry(RetryNotice { error: &error, attempt });
                }
                other => return other,
            }
            sleep(after).await;
        }
        self.send_prepared::<C>(limit_time(end, prepared), max).await
    }
}

/// Sets the request's time limit to the time that remains until `end`.
fn limit_time(end: Instant, mut request: reqwest::Request) -> reqwest::Request {
    *request.timeout_mut() = Some(end.saturating_duration_since(Instant::now()));
    request
}

/// Returns whether a retry may succeed after this error.
fn is_worth_retrying(error: &ClientError) -> bool {
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
