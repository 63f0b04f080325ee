//! Applying a batch: a few decisions at a time on their way, a result for each key, what failed kept as a draft.

use std::collections::VecDeque;

use super::State;
use crate::domain::draft::{Draft, DraftChange};
use crate::domain::id::Id;
use crate::domain::review::Decision;
use crate::domain::text;
use crate::domain::time::format_ago;
use crate::tui::context::{Context, ReplyTo};
use crate::tui::msg::{ApiRequest, Reply, RequestError};
use crate::tui::screens::keys;
use crate::wire::problem::ProblemType;
use crate::wire::reviews::ApplyDecision;

/// Decisions on their way at once: enough that the way does not matter, few enough that a stop comes soon.
const AT_ONCE: usize = 4;

/// What became of one decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DecisionResult {
    /// It is applied and recorded.
    Applied(Decision),
    /// It is not; why. It stays a draft.
    Failed(String),
}

/// A batch on its way.
#[derive(Debug, Default)]
pub struct ApplyRun {
    /// Not sent yet.
    pub waiting: VecDeque<Id>,
    /// Sent and not answered.
    pub flying: usize,
    /// Answered, in the order of the answers.
    pub results: Vec<(Id, DecisionResult)>,
    /// How many there are in all.
    pub total: usize,
}

impl ApplyRun {
    /// Whether all is answered.
    pub fn is_over(&self) -> bool {
        self.waiting.is_empty() && self.flying == 0
    }

    /// How many failed.
    pub fn failed(&self) -> usize {
        self.results.iter().filter(|(_, outcome)| matches!(outcome, DecisionResult::Failed(_))).count()
    }
}

impl State {
    /// Begins to apply the drafts on these keys.
    pub fn start_run(&mut self, context: &mut Context, keys: Vec<Id>) {
        self.run = Some(ApplyRun { total: keys.len(), waiting: keys.into(), ..ApplyRun::default() });
        self.send(context);
    }

    /// Stops after what is on its way; the rest stay drafts.
    pub fn stop_run(&mut self) {
        if let Some(run) = &mut self.run {
            run.waiting.clear();
        }
    }

    fn send(&mut self, context: &mut Context) {
        let Some(run) = &mut self.run else { return };
        while run.flying < AT_ONCE {
            let Some(id) = run.waiting.pop_front() else { return };
            let Some(draft) = self.drafts.get(id) else { continue };
            let idempotency_key = self.drafts.idempotency_key(id, draft);
            let body = request(self.drafts.review_id, id, draft);
            context.request(ReplyTo::Decide(id), ApiRequest::Decide { idempotency_key, body });
            run.flying += 1;
        }
    }

    /// One decision was answered.
    pub fn decided(
        &mut self,
        context: &mut Context,
        workspace: &mut keys::State,
        id: Id,
        result: Result<Reply, RequestError>,
    ) {
        let outcome = match result {
            Ok(Reply::Decided(decided)) => {
                let decision = decided.review.decision;
                self.decisions.add(&decided.review);
                self.change(context, DraftChange::Applied(vec![id]));
                if decision == Decision::Rotate {
                    self.to_rotate.push(id);
                }
                let changes = workspace.heard_key(context, decided.key);
                self.keys_changed(&workspace.key_list, &changes, workspace.look(context).rules);
                DecisionResult::Applied(decision)
            }
            Ok(_) => return,
            Err(failure) => {
                context.record_failure(&failure);
                let why = self.why(context, workspace, &failure);
                self.change(context, DraftChange::Refused(id, why.clone()));
                DecisionResult::Failed(why)
            }
        };
        if let Some(run) = &mut self.run {
            let lost = matches!(outcome, DecisionResult::Failed(_))
                && context.connection != crate::tui::context::Connection::Connected;
            run.flying = run.flying.saturating_sub(1);
            run.results.push((id, outcome));
            if lost {
                // Without a connection all others would only wait for their time to run out.
                run.waiting.clear();
            }
        }
        self.send(context);
        if self.run.as_ref().is_some_and(ApplyRun::is_over) {
            self.arrange(&workspace.key_list);
        }
    }

    /// Why a decision was not applied, with the new evidence where there is any.
    fn why(&mut self, context: &mut Context, workspace: &mut keys::State, failure: &RequestError) -> String {
        let RequestError::Refused(problem) = failure else { return failure.to_string() };
        let Some(key) = problem.key.as_deref() else {
            return text::sanitize_line(&problem.to_string()).into_owned();
        };
        let changes = workspace.heard_key(context, key.clone());
        self.keys_changed(&workspace.key_list, &changes, workspace.look(context).rules);
        match (problem.kind, key.last_used_at) {
            (ProblemType::UsedSince, Some(at)) => {
                let by = key.last_used_by.as_ref().map_or(String::new(), |by| format!(" by {by}"));
                text::sanitize_line(&format!(
                    "used {}{by}, after you looked",
                    format_ago(at, context.server_now())
                ))
                .into_owned()
            }
            _ => text::sanitize_line(&problem.to_string()).into_owned(),
        }
    }
}

fn request(review_id: Id, key_id: Id, draft: &Draft) -> ApplyDecision {
    ApplyDecision {
        review_id,
        key_id,
        decision: draft.decision,
        until: draft.until,
        note: draft.note.clone(),
        unless_used_since: (draft.decision == Decision::Revoke).then_some(draft.seen_until),
    }
}
