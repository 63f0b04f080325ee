//! Drafts: decisions of a review that are not applied yet. They are saved on the reviewer's machine, without secrets, so that a
//! lost connection loses none of them.
//!
//! The file is a journal: a first line with every draft, then one line for each change, so that deciding on thousands of keys
//! stays cheap. See [`Drafts::parse`].

use std::collections::{BTreeMap, HashSet};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::id::Id;
use super::review::{Decision, ReviewRecord};
use super::time::Timestamp;

mod journal;

/// A decision about one key that is not applied yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Draft {
    /// The chosen decision.
    pub decision: Decision,
    /// Date until which a kept key stays out of the queue. `None` keeps it out until its evidence gets worse.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// The reviewer's note.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Moment up to which the reviewer has seen uses of the key. A revocation is refused if the key was used later.
    pub seen_until: Timestamp,
    /// Reason why the server refused to apply the decision, after an attempt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
}

impl Draft {
    /// Creates a draft without note and date for a reviewer who has seen uses up to `seen_until`.
    pub fn new(decision: Decision, seen_until: Timestamp) -> Self {
        Self { decision, until: None, note: None, seen_until, refused: None }
    }
}

/// A change of the drafts, one line of the journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DraftChange {
    /// The reviewer made the same decision about several keys in one step.
    Decided {
        /// The decision for each of the keys.
        draft: Draft,
        /// The keys that the decision is about.
        keys: Vec<Id>,
    },
    /// The reviewer undid the last step. Keys whose decisions were applied meanwhile are not affected.
    Undone,
    /// The server applied the decisions about these keys. Undo does not restore the drafts.
    Applied(Vec<Id>),
    /// The server refused to apply the decision about this key for this reason. The draft stays.
    Refused(Id, String),
}

/// The drafts before a step, to undo it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct UndoStep {
    before: Vec<(Id, Option<Draft>)>,
}

/// Every draft of one review.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drafts {
    /// Identifies the review on the server.
    pub review_id: Id,
    /// When the review was begun.
    pub begun_at: Timestamp,
    by_key: BTreeMap<Id, Draft>,
    #[serde(default)]
    steps: Vec<UndoStep>,
}

/// Steps that can be undone; older ones are dropped.
const STEPS_KEPT: usize = 200;

impl Drafts {
    /// Starts a review without drafts.
    pub fn new(review_id: Id, begun_at: Timestamp) -> Self {
        Self { review_id, begun_at, by_key: BTreeMap::new(), steps: Vec::new() }
    }

    /// Returns the draft for a key.
    pub fn get(&self, key: Id) -> Option<&Draft> {
        self.by_key.get(&key)
    }

    /// Iterates over the drafts in the order of key ids.
    pub fn iter(&self) -> impl Iterator<Item = (Id, &Draft)> {
        self.by_key.iter().map(|(&id, draft)| (id, draft))
    }

    /// Returns the number of drafts.
    pub fn len(&self) -> usize {
        self.by_key.len()
    }

    /// Returns whether there are no drafts.
    pub fn is_empty(&self) -> bool {
        self.by_key.is_empty()
    }

    /// Applies a change and returns the keys that it affects.
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

    /// Removes drafts for good: undo does not restore them.
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

    /// Returns the change that removes every draft with a matching record on the server, or `None` if there is nothing to remove.
    ///
    /// A record matches if its reply was lost, or if the decision was applied by another run of the program.
    pub fn settled_by(&self, records: &[ReviewRecord]) -> Option<DraftChange> {
        let ours = records.iter().filter(|record| record.review_id == self.review_id);
        let settled = ours.filter(|record| {
            self.by_key.get(&record.key_id).is_some_and(|draft| draft.is_recorded_by(record))
        });
        let keys: Vec<Id> = settled.map(|record| record.key_id).collect();
        (!keys.is_empty()).then_some(DraftChange::Applied(keys))
    }

    /// Counts the drafts by decision.
    pub fn counts(&self) -> BTreeMap<Decision, usize> {
        let mut counts = BTreeMap::new();
        for draft in self.by_key.values() {
            *counts.entry(draft.decision).or_default() += 1;
        }
        counts
    }

    /// Returns the idempotency key for applying a draft. It is the same for the same decision and differs after any change.
    pub fn idempotency_key(&self, key: Id, draft: &Draft) -> String {
        let facts = (self.review_id, key, draft.decision.word(), draft.until, &draft.note, draft.seen_until);
        let facts = serde_json::to_string(&facts).expect("ids, times and words always become JSON");
        let digest = Sha256::digest(facts);
        format!("review-{}", hex::encode(&digest[..16]))
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
