//! Sends a call again where repeating it is harmless, and tells the caller each time.

use std::time::Duration;

use http::Method;

use super::{Client, Error, Request, Trouble};
use crate::wire::Call;
use crate::wire::problem::ProblemType;

/// A call is about to be sent again.
#[derive(Clone, Copy, Debug)]
pub struct Retrying<'a> {
    /// Why the last attempt gave nothing.
    pub error: &'a Error,
    /// How long it waits before the next.
    pub after: Duration,
    /// Which attempt comes next, from 2.
    pub attempt: u32,
}

/// Waits before the second and the third attempt.
const WAITS: [Duration; 2] = [Duration::from_millis(300), Duration::from_millis(1_500)];

impl Client {
    /// Sends a call up to three times, if it only reads or carries an idempotency key; any other is sent once.
    /// `tell` hears of every repetition before it happens.
    ///
    /// # Errors
    /// That of the last attempt.
    pub async fn send_patiently<C: Call>(
        &self,
        request: Request<C>,
        mut tell: impl FnMut(Retrying<'_>),
    ) -> Result<C::Reply, Error> {
        let max = request.reply_max;
        let harmless = C::METHOD == Method::GET || request.idempotency_key.is_some();
        let prepared = self.prepare(&request)?;
        for (attempt, after) in (2..).zip(WAITS) {
            let Some(copy) = prepared.try_clone().filter(|_| harmless) else { break };
            match self.send_prepared::<C>(copy, max).await {
                Err(error) if worth_repeating(&error) => tell(Retrying { error: &error, after, attempt }),
                other => return other,
            }
            tokio::time::sleep(after).await;
        }
        self.send_prepared::<C>(prepared, max).await
    }
}

/// Whether the same call may succeed a moment later.
fn worth_repeating(error: &Error) -> bool {
    match error {
        // A timeout has cost 15 s already, and an untrusted certificate stays untrusted.
        Error::Unreachable { trouble, .. } => matches!(trouble, Trouble::NoConnection | Trouble::Broken),
        Error::Refused(problem) => matches!(
            problem.kind,
            ProblemType::Unavailable | ProblemType::OutcomeUnknown | ProblemType::IdempotencyInProgress
        ),
        Error::Garbled { status, .. } => matches!(status, Some(502..=504)),
    }
}
