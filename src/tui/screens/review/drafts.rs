//! Drafted decisions of a review, which are saved on this machine after each change.

use super::State;
use crate::domain::draft::{Draft, DraftChange, Drafts};
use crate::domain::id::Id;
use crate::domain::key::KeyKind;
use crate::domain::review::Decision;
use crate::domain::time::{DAY, TimeDelta, Timestamp};
use crate::tui::context::{Context, StartOptions};
use crate::tui::msg::Effect;

/// Age after which a review without drafts is closed, so that the next decision begins a new review.
const REVIEW_MAX_AGE: TimeDelta = DAY;

impl State {
    /// Returns the server time up to which every use of the listed keys is known.
    fn seen_until(&self, context: &Context) -> Timestamp {
        context.keys(KeyKind::Organization).as_of.or(self.rules.map(|rules| rules.now)).unwrap_or_default()
    }

    /// Drafts a decision for the marked keys or the selected one.
    pub(super) fn decide(&mut self, context: &mut Context, decision: Decision) {
        let draft = Draft::new(decision, self.seen_until(context));
        self.add_draft(context, draft);
    }

    /// Drafts the decision to keep the marked keys or the selected one until a date. `None` keeps them until another flag is raised.
    pub fn keep(&mut self, context: &mut Context, until: Option<Timestamp>, note: Option<String>) {
        let draft = Draft { until, note, ..Draft::new(Decision::Keep, self.seen_until(context)) };
        self.add_draft(context, draft);
    }

    fn add_draft(&mut self, context: &mut Context, draft: Draft) {
        let keys = self.chosen_ids(context);
        if keys.is_empty() {
            return;
        }
        self.begin_review_if_old(context);
        self.change_drafts(context, DraftChange::Decided { draft, keys });
        self.list.table.marks.clear();
        self.select_next_undecided(context);
    }

    /// Begins a new review if the current one has no drafts and is older than [`REVIEW_MAX_AGE`], so that today's decisions are not
    /// recorded under last week's review.
    fn begin_review_if_old(&mut self, context: &Context) {
        let now = context.server_now();
        if self.drafts.is_empty() && now.since(self.drafts.begun_at) > REVIEW_MAX_AGE {
            self.reviews_begun += 1;
            self.drafts = Drafts::new(new_review_id(&context.start, now, self.reviews_begun), now);
            self.is_saved = false;
        }
    }

    pub(super) fn undo(&mut self, context: &mut Context) {
        let Some(&first) = self.change_drafts(context, DraftChange::Undone).first() else {
            context.report_unavailable("there is nothing to undo");
            return;
        };
        // Only a key with nothing wrong any more leaves the list.
        let listed = self.list.table.shown_rows().len();
        self.update_table(context, |table, keys, _, keep| table.refilter(keys, keep));
        if let Some(rules) = self.rules.filter(|_| self.list.table.shown_rows().len() != listed) {
            self.summarize_listed(context, &rules);
        }
        self.list.table.select_id(context.keys(KeyKind::Organization).keys(), first);
    }

    /// Changes the drafts in memory and on disk. Returns the keys whose draft changed.
    pub(super) fn change_drafts(&mut self, context: &mut Context, change: DraftChange) -> Vec<Id> {
        let line = self.is_saved.then(|| change.to_line());
        let keys = self.drafts.apply(change);
        if keys.is_empty() {
            return keys;
        }
        self.is_saved = true;
        context.effects.push(match line {
            Some(line) => Effect::AppendDrafts(line),
            None => Effect::SaveDrafts(self.drafts.to_line()),
        });
        keys
    }
}

/// Returns the id of a new review, derived from the random bytes in `start`. `count` distinguishes the reviews of one run of the UI.
pub(super) fn new_review_id(start: &StartOptions, now: Timestamp, count: u8) -> Id {
    let mut random = [0; 10];
    random.copy_from_slice(&start.seed[..10]);
    random[9] ^= count;
    Id::new(now, random)
}
