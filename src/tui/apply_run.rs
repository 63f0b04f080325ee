//! The drafts of a review that are being applied: what is sent, and the result of each decision.

use std::collections::VecDeque;

use crate::domain::id::Id;
use crate::domain::review::Decision;

/// Result of applying one decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DecisionResult {
    /// The server applied and recorded the decision.
    Applied(Decision),
    /// The decision was not applied, for this reason. It stays a draft.
    Failed(String),
}

/// One run of applying drafts. The review sends the requests; the popup shows the progress.
#[derive(Debug, Default)]
pub struct ApplyRun {
    /// Keys whose decision is not sent yet.
    pub waiting: VecDeque<Id>,
    /// Number of decisions that are sent and not answered.
    pub in_flight: usize,
    /// Results in the order of the replies.
    pub results: Vec<(Id, DecisionResult)>,
    /// Number of decisions in the run.
    pub total: usize,
}

impl ApplyRun {
    /// A run over these keys, nothing sent yet.
    pub fn new(keys: Vec<Id>) -> Self {
        Self { total: keys.len(), waiting: keys.into(), ..Self::default() }
    }

    /// Returns whether every decision that was sent has its result, and nothing more will be sent.
    pub fn is_over(&self) -> bool {
        self.waiting.is_empty() && self.in_flight == 0
    }

    /// Number of decisions that were not applied.
    pub fn failed(&self) -> usize {
        self.results.iter().filter(|(_, result)| matches!(result, DecisionResult::Failed(_))).count()
    }

    /// Sends nothing more. Decisions in flight get their results; the rest stay drafts.
    pub fn stop(&mut self) {
        self.waiting.clear();
    }
}
