//! Decisions of a review that are not applied yet: journal on this machine, ids and words only, so that no lost connection loses one.
//!
//! They are journal as one line that holds them all and a line for each change since, so that deciding on thousands of keys stays cheap.

use std::collections::{BTreeMap, HashSet};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::id::Id;
use super::review::{Decision, ReviewRecord};
use super::text;
use super::time::Timestamp;

mod journal;

pub use journal::DraftChange;

/// One decision that is not applied yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Draft {
    /// What is decided.
    pub decision: Decision,
    /// Until when a journal key stays out of the queue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// The reviewer's note.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Up to when the reviewer has seen the key's use: a revoke is refused if it was used since.
    pub seen_until: Timestamp,
    /// Why the server did not apply it, if it was tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
}

impl Draft {
    /// A decision on a key whose use was seen up to this moment.
    pub fn new(decision: Decision, seen_until: Timestamp) -> Self {
        Self { decision, until: None, note: None, seen_until, refused: None }
    }
}

/// What was there before a step, so that it can be undone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct UndoStep {
    before: Vec<(Id, Option<Draft>)>,
}

/// All drafts of one sitting.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drafts {
    /// The review that they will belong to.
    pub review_id: Id,
    /// When the sitting began.
    pub begun_at: Timestamp,
    by_key: BTreeMap<Id, Draft>,
    #[serde(default)]
    steps: Vec<UndoStep>,
}

/// Most steps that can be undone.
const STEPS_KEPT: usize = 200;

impl Drafts {
    /// A new sitting.
    pub fn new(review_id: Id, begun_at: Timestamp) -> Self {
        Self { review_id, begun_at, by_key: BTreeMap::new(), steps: Vec::new() }
    }

    /// The draft on a key.
    pub fn get(&self, key: Id) -> Option<&Draft> {
        self.by_key.get(&key)
    }

    /// All drafts, by key.
    pub fn iter(&self) -> impl Iterator<Item = (Id, &Draft)> {
        self.by_key.iter().map(|(&id, draft)| (id, draft))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.by_key.len()
    }

    /// Whether nothing is decided.
    pub fn is_empty(&self) -> bool {
        self.by_key.is_empty()
    }

    /// Makes a change; the keys that it was about.
    pub fn apply(&mut self, change: DraftChange) -> Vec<Id> {
        match change {
            DraftChange::Decided { draft, keys } => {
                let before = keys.iter().map(|&id| (id, self.by_key.insert(id, draft.clone()))).collect();
                self.remember(UndoStep { before });
                keys
            }
            DraftChange::Undone => self.undo(),
            DraftChange::Applied(keys) => {
                self.applied(&keys);
                keys
            }
            DraftChange::Refused(key, why) => {
                if let Some(draft) = self.by_key.get_mut(&key) {
                    draft.refused = Some(why);
                }
                vec![key]
            }
        }
    }

    fn remember(&mut self, step: UndoStep) {
        if step.before.is_empty() {
            return;
        }
        self.steps.push(step);
        if self.steps.len() > STEPS_KEPT {
            self.steps.remove(0);
        }
    }

    fn undo(&mut self) -> Vec<Id> {
        let Some(step) = self.steps.pop() else { return Vec::new() };
        let mut keys = Vec::new();
        for (id, before) in step.before {
            match before {
                Some(draft) => self.by_key.insert(id, draft),
                None => self.by_key.remove(&id),
            };
            keys.push(id);
        }
        keys
    }

    /// Nothing brings these drafts back.
    fn applied(&mut self, keys: &[Id]) {
        let keys: HashSet<Id> = keys.iter().copied().collect();
        for key in &keys {
            self.by_key.remove(key);
        }
        for step in &mut self.steps {
            step.before.retain(|(id, _)| !keys.contains(id));
        }
        self.steps.retain(|step| !step.before.is_empty());
    }

    /// What the server has recorded for this sitting is applied, even where its answer was never seen here. The change that
    /// makes it so, if there is anything to change.
    pub fn settled_by(&self, records: &[ReviewRecord]) -> Option<DraftChange> {
        let ours = records.iter().filter(|record| record.review_id == self.review_id);
        let settled = ours.filter(|record| {
            self.by_key.get(&record.key_id).is_some_and(|draft| draft.is_recorded_by(record))
        });
        let keys: Vec<Id> = settled.map(|record| record.key_id).collect();
        (!keys.is_empty()).then_some(DraftChange::Applied(keys))
    }

    /// How many there are of each decision, in the order of [`Decision`]'s variants.
    pub fn counts(&self) -> BTreeMap<Decision, usize> {
        let mut counts = BTreeMap::new();
        for draft in self.by_key.values() {
            *counts.entry(draft.decision).or_default() += 1;
        }
        counts
    }

    /// The `Idempotency-Key` under which a draft is applied: always the same for the same decision, and another one after any change.
    pub fn idempotency_key(&self, key: Id, draft: &Draft) -> String {
        let facts = (self.review_id, key, draft.decision.word(), draft.until, &draft.note, draft.seen_until);
        let facts = serde_json::to_string(&facts).expect("ids, times and words always become JSON");
        let digest = Sha256::digest(facts);
        format!("review-{}", text::to_hex(&digest[..16]))
    }
}

impl Draft {
    fn is_recorded_by(&self, record: &ReviewRecord) -> bool {
        record.decision == self.decision && record.until == self.until && record.note == self.note
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::queue::tests::review;
    use crate::domain::staleness::tests::{NOW, key};
    use crate::domain::time::MILLISECOND;

    fn id(n: u8) -> Id {
        Id::new(NOW, [n; 10])
    }

    fn drafts() -> Drafts {
        Drafts::new(id(8), NOW)
    }

    fn decided(decision: Decision, keys: &[u8]) -> DraftChange {
        DraftChange::Decided { draft: Draft::new(decision, NOW), keys: keys.iter().map(|&n| id(n)).collect() }
    }

    #[test]
    fn undo_takes_back_one_step_even_of_many_keys() {
        let mut drafts = drafts();
        drafts.apply(decided(Decision::Keep, &[1]));
        drafts.apply(decided(Decision::Revoke, &[1, 2, 3]));
        assert_eq!(drafts.counts()[&Decision::Revoke], 3);
        assert_eq!(drafts.apply(DraftChange::Undone).len(), 3);
        assert_eq!(drafts.iter().collect::<Vec<_>>(), [(id(1), &Draft::new(Decision::Keep, NOW))]);
        drafts.apply(DraftChange::Undone);
        assert!(drafts.is_empty() && drafts.apply(DraftChange::Undone).is_empty());
    }

    #[test]
    fn what_is_applied_does_not_come_back() {
        let mut drafts = drafts();
        drafts.apply(decided(Decision::Keep, &[1]));
        drafts.apply(decided(Decision::Revoke, &[1]));
        drafts.apply(DraftChange::Applied(vec![id(1)]));
        assert!(drafts.apply(DraftChange::Undone).is_empty() && drafts.is_empty());
    }

    #[test]
    fn a_record_of_this_sitting_settles_its_draft() {
        let key = key();
        let mut drafts = drafts();
        drafts.apply(DraftChange::Decided { draft: Draft::new(Decision::Revoke, NOW), keys: vec![key.id] });
        assert!(drafts.settled_by(&[review(&key, Decision::Keep)]).is_none(), "another decision");
        let change = drafts.settled_by(&[review(&key, Decision::Revoke)]).unwrap();
        drafts.apply(change);
        assert!(drafts.is_empty());
    }

    #[test]
    fn the_same_decision_has_the_same_key_and_a_changed_one_another() {
        let drafts = drafts();
        let draft = Draft::new(Decision::Revoke, NOW);
        let again: Drafts = serde_json::from_str(&serde_json::to_string(&drafts).unwrap()).unwrap();
        assert_eq!(drafts.idempotency_key(id(1), &draft), again.idempotency_key(id(1), &draft));
        let refused = Draft { refused: Some("the server was busy".into()), ..draft.clone() };
        assert_eq!(drafts.idempotency_key(id(1), &draft), drafts.idempotency_key(id(1), &refused));
        let later = Draft { seen_until: NOW.plus(MILLISECOND), ..draft.clone() };
        assert_ne!(drafts.idempotency_key(id(1), &draft), drafts.idempotency_key(id(1), &later));
        assert_ne!(drafts.idempotency_key(id(1), &draft), drafts.idempotency_key(id(2), &draft));
    }
}
