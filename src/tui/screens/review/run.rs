//! Applies the drafts, a few at a time, and records a result for each. Decisions that could not be applied stay drafts.

use super::State;
use crate::domain::draft::{Draft, DraftChange};
use crate::domain::id::Id;
use crate::domain::review::Decision;
use crate::domain::text;
use crate::domain::time::format_ago;
use crate::tui::apply_run::{ApplyRun, DecisionResult};
use crate::tui::context::{Connection, Context, ReplyTo};
use crate::tui::msg::{ApiRequest, Reply, RequestError};
use crate::tui::screen::Screen as _;
use crate::wire::problem::ProblemType;
use crate::wire::reviews::ApplyDecision;

/// Maximum number of decisions in flight. Several hide the network latency; few mean that a run stops soon after the user asks
/// for it.
const MAX_IN_FLIGHT: usize = 4;

impl State {
    /// Discards the drafts for the keys in `dropped` and starts to apply those for the keys in `applied`.
    pub fn apply_drafts(&mut self, context: &mut Context, dropped: Vec<Id>, applied: Vec<Id>) {
        if !dropped.is_empty() {
            self.change_drafts(context, DraftChange::Applied(dropped));
        }
        if applied.is_empty() {
            self.refilter(context);
        } else {
            context.apply_run = Some(ApplyRun::new(applied));
            self.send_decisions(context);
        }
    }

    fn send_decisions(&mut self, context: &mut Context) {
        let Some(mut run) = context.apply_run.take() else { return };
        while run.in_flight < MAX_IN_FLIGHT {
            let Some(id) = run.waiting.pop_front() else { break };
            let Some(draft) = self.drafts.draft_for(id) else { continue };
            let idempotency_key = self.drafts.idempotency_key(id, draft);
            let body = decide_body(self.drafts.review_id, id, draft);
            context.request(ReplyTo::Decide(id), ApiRequest::Decide { idempotency_key, body });
            run.in_flight += 1;
        }
        context.apply_run = Some(run);
    }

    /// Records the reply to a decision and sends the next decision.
    pub(super) fn apply_decision(
        &mut self,
        context: &mut Context,
        id: Id,
        result: Result<Reply, RequestError>,
    ) {
        let result = match result {
            Ok(Reply::Decided(decided)) => {
                let decision = decided.review.decision;
                self.decisions.add(&decided.review);
                self.change_drafts(context, DraftChange::Applied(vec![id]));
                if decision == Decision::Rotate {
                    self.to_rotate.push(id);
                }
                context.apply_key(decided.key);
                DecisionResult::Applied(decision)
            }
            Ok(_) => return,
            Err(failure) => {
                context.record_failure(&failure);
                let why = refusal_reason(context, &failure);
                self.change_drafts(context, DraftChange::Refused(id, why.clone()));
                DecisionResult::Failed(why)
            }
        };
        let is_connected = context.connection == Connection::Connected;
        if let Some(run) = &mut context.apply_run {
            // Without a connection every other decision would only time out.
            if matches!(result, DecisionResult::Failed(_)) && !is_connected {
                run.stop();
            }
            run.in_flight = run.in_flight.saturating_sub(1);
            run.results.push((id, result));
        }
        self.send_decisions(context);
        if context.apply_run.as_ref().is_some_and(ApplyRun::is_over) {
            self.rebuild(context);
        }
    }
}

/// Returns why a decision was not applied. If the server returned the key's last use, the reason includes it.
fn refusal_reason(context: &mut Context, failure: &RequestError) -> String {
    let RequestError::Refused(problem) = failure else { return failure.to_string() };
    let Some(key) = problem.key.as_deref() else {
        return text::sanitize_line(&problem.to_string()).into_owned();
    };
    context.apply_key(key.clone());
    match (problem.kind, key.last_used_at) {
        (ProblemType::UsedSince, Some(at)) => {
            let by = key.last_used_by.as_ref().map_or(String::new(), |by| format!(" by {by}"));
            format!("used {}{by}, since you last viewed it", format_ago(at, context.server_now()))
        }
        _ => text::sanitize_line(&problem.to_string()).into_owned(),
    }
}

fn decide_body(review_id: Id, key_id: Id, draft: &Draft) -> ApplyDecision {
    ApplyDecision {
        review_id,
        key_id,
        decision: draft.decision,
        until: draft.until,
        note: draft.note.clone(),
        unless_used_since: (draft.decision == Decision::Revoke).then_some(draft.seen_until),
    }
}
