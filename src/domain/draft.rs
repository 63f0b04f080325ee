//! Drafts: review decisions that have not been applied yet. They are saved on the reviewer's machine, without secrets, so that
//! none is lost when the connection is.
//!
//! The file is a journal: the first line contains all drafts, and each further line one change. Deciding about thousands of
//! keys therefore stays cheap. See [`Drafts::parse`].

use std::collections::{BTreeMap, HashSet};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::id::Id;
use super::review::{Decision, ReviewRecord};
use super::time::Timestamp;

mod journal;

/// A decision about one key that has not been applied yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Draft {
    /// What the reviewer decided to do with the key.
    pub decision: Decision,
    /// For *keep*: when the key returns to the review queue. `None` if it returns only when another flag is raised.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// The reviewer's note.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Time up to which the reviewer has seen the key's usage. If the key was used later, the server refuses to revoke it.
    pub seen_until: Timestamp,
    /// Why the server refused to apply the decision; `None` if the server has not refused it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
}

impl Draft {
    /// Creates a draft without a note and without a date. `seen_until` is the time up to which the reviewer has seen the key's
    /// usage.
    pub fn new(decision: Decision, seen_until: Timestamp) -> Self {
        Self { decision, until: None, note: None, seen_until, refused: None }
    }
}

/// A change to the drafts. The journal has one line per change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DraftChange {
    /// The reviewer made the same decision about several keys in one step.
    Decided {
        /// The draft that each of the keys gets.
        draft: Draft,
        /// Ids of the keys.
        keys: Vec<Id>,
    },
    /// The reviewer undid the last step. Decisions that have already been applied are not undone.
    Undone,
    /// The server applied the decisions about these keys. Undo does not restore their drafts.
    Applied(Vec<Id>),
    /// The server refused to apply the decision about the key, for the reason given. The draft is kept.
    Refused(Id, String),
}

/// The previous drafts of the keys that one step changed, so that the step can be undone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct UndoStep {
    before: Vec<(Id, Option<Draft>)>,
}

/// All drafts of one review, and the steps that can be undone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drafts {
    /// Id of the review. The server records each applied decision under it.
    pub review_id: Id,
    /// When the reviewer started the review.
    pub begun_at: Timestamp,
    by_key: BTreeMap<Id, Draft>,
    #[serde(default)]
    steps: Vec<UndoStep>,
}

/// Maximum number of steps that can be undone. Older steps are dropped.
const UNDO_STEPS_MAX: usize = 200;

impl Drafts {
    /// Creates a review without drafts.
    pub fn new(review_id: Id, begun_at: Timestamp) -> Self {
        Self { review_id, begun_at, by_key: BTreeMap::new(), steps: Vec::new() }
    }

    /// Returns the draft for a key, or `None` if the key has no draft.
    pub fn draft_for(&self, key: Id) -> Option<&Draft> {
        self.by_key.get(&key)
    }

    /// Iterates over key ids and their drafts, ordered by key id.
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

    /// Applies a change to the drafts and returns the ids of the affected keys.
    pub fn apply(&mut self, change: DraftChange) -> Vec<Id> {
        match change {
            DraftChange::Decided { draft, keys } => {
                let before = keys.iter().map(|&id| (id, self.by_key.insert(id, draft.clone()))).collect();
                self.push_undo_step(UndoStep { before });
                keys
            }
            DraftChange::Undone => self.undo(),
            DraftChange::Applied(keys) => {
                self.remove_applied(&keys);
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

    fn push_undo_step(&mut self, step: UndoStep) {
        if step.before.is_empty() {
            return;
        }
        self.steps.push(step);
        if self.steps.len() > UNDO_STEPS_MAX {
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

    /// Removes the drafts of these keys permanently: undo does not restore them.
    fn remove_applied(&mut self, keys: &[Id]) {
        let keys: HashSet<Id> = keys.iter().copied().collect();
        for key in &keys {
            self.by_key.remove(key);
        }
        for step in &mut self.steps {
            step.before.retain(|(id, _)| !keys.contains(id));
        }
        self.steps.retain(|step| !step.before.is_empty());
    }

    /// Returns the change that removes each draft whose decision the server has already recorded, or `None` if there is none.
    ///
    /// There can be one if the response to a decision was lost, or if another keyward process applied the decision.
    pub fn removal_of_recorded(&self, records: &[ReviewRecord]) -> Option<DraftChange> {
        let ours = records.iter().filter(|record| record.review_id == self.review_id);
        let recorded = ours.filter(|record| {
            self.by_key.get(&record.key_id).is_some_and(|draft| draft.is_recorded_by(record))
        });
        let keys: Vec<Id> = recorded.map(|record| record.key_id).collect();
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

    /// Returns the idempotency key of the request that applies a draft. Changing the decision, its date, its note or `seen_until`
    /// changes the idempotency key.
    pub fn idempotency_key(&self, key: Id, draft: &Draft) -> String {
        let parts = (self.review_id, key, draft.decision.word(), draft.until, &draft.note, draft.seen_until);
        let parts = serde_json::to_string(&parts).expect("ids, times and words can be serialized");
        let digest = Sha256::digest(parts);
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
    fn undo_reverts_a_step_for_all_of_its_keys() {
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
    fn undo_does_not_restore_applied_drafts() {
        let mut drafts = drafts();
        drafts.apply(decided(Decision::Keep, &[1]));
        drafts.apply(decided(Decision::Revoke, &[1]));
        drafts.apply(DraftChange::Applied(vec![id(1)]));
        assert!(drafts.apply(DraftChange::Undone).is_empty() && drafts.is_empty());
    }

    #[test]
    fn a_draft_is_removed_when_its_decision_is_recorded() {
        let key = key();
        let mut drafts = drafts();
        drafts.apply(DraftChange::Decided { draft: Draft::new(Decision::Revoke, NOW), keys: vec![key.id] });
        assert!(drafts.removal_of_recorded(&[review(&key, Decision::Keep)]).is_none(), "another decision");
        let change = drafts.removal_of_recorded(&[review(&key, Decision::Revoke)]).unwrap();
        drafts.apply(change);
        assert!(drafts.is_empty());
    }

    #[test]
    fn the_idempotency_key_changes_only_with_the_decision() {
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
