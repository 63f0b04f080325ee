//! The drafts of a review that are being applied: what is sent, and the result of each decision.

use std::collections::VecDeque;

use crate::domain::id::Id;
use crate::domain::review::Decision;

/// Result of applying one review decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DecisionResult {
    /// The server applied and recorded the decision.
    Applied(Decision),
    /// The decision was not applied, for this reason. It remains a draft.
    Failed(String),
}

/// A run that applies the review drafts. The review screen sends the requests; a popup shows the progress.
#[derive(Debug, Default)]
pub struct ApplyRun {
    /// Keys whose decisions have not been sent yet.
    pub waiting: VecDeque<Id>,
    /// Number of decisions that were sent and have no reply yet.
    pub in_flight: usize,
    /// Results by key, in the order of the replies.
    pub results: Vec<(Id, DecisionResult)>,
    /// Number of decisions in the whole run.
    pub total: usize,
}

impl ApplyRun {
    /// Creates a run over these keys, with nothing sent yet.
    pub fn new(keys: Vec<Id>) -> Self {
        Self { total: keys.len(), waiting: keys.into(), ..Self::default() }
    }

    /// Returns whether the run has ended: every sent decision has a result, and none is waiting to be sent.
    pub fn is_over(&self) -> bool {
        self.waiting.is_empty() && self.in_flight == 0
    }

    /// Returns the number of decisions that were not applied.
    pub fn failed(&self) -> usize {
        self.results.iter().filter(|(_, result)| matches!(result, DecisionResult::Failed(_))).count()
    }

    /// Stops sending decisions. Those already sent still get results; the rest remain drafts.
    pub fn stop(&mut self) {
        self.waiting.clear();
    }
}
