//! The review queue: the organization keys that need a decision, ordered by risk, and a summary of their flags.

use std::collections::HashMap;

use super::id::Id;
use super::key::{Key, KeyKind};
use super::review::{Decision, ReviewRecord};
use super::staleness::{Flag, Flags, Risk, StalenessRules};
use super::time::Timestamp;

/// The latest applied decision for each key.
#[derive(Clone, Debug, Default)]
pub struct LatestDecisions {
    by_key: HashMap<Id, LatestDecision>,
}

/// The latest applied decision for a key, reduced to what determines whether the key is in the review queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LatestDecision {
    /// What was decided.
    pub decision: Decision,
    /// When the decision was applied.
    pub at: Timestamp,
    /// For *keep*: when the key returns to the queue. `None` if it returns only when another flag is raised.
    pub until: Option<Timestamp>,
    /// Flags that the key had when the decision was applied.
    flags: Flags,
    record: Id,
}

impl From<&ReviewRecord> for LatestDecision {
    fn from(review: &ReviewRecord) -> Self {
        Self {
            decision: review.decision,
            at: review.reviewed_at,
            until: review.until,
            flags: review.findings.iter().map(|finding| finding.flag).collect(),
            record: review.id,
        }
    }
}

impl LatestDecisions {
    /// Adds a decision. If a key has several decisions, the latest one counts.
    pub fn add(&mut self, review: &ReviewRecord) {
        let new = LatestDecision::from(review);
        let latest = self.by_key.entry(review.key_id).or_insert(new);
        if (latest.at, latest.record) < (new.at, new.record) {
            *latest = new;
        }
    }

    /// Returns the latest decision for a key, or `None` if there is none.
    pub fn latest_for(&self, key: Id) -> Option<&LatestDecision> {
        self.by_key.get(&key)
    }
}

/// Returns whether a key's latest decision keeps it out of the queue.
///
/// *Keep* does so until its date, or until the key gets a flag that it did not have when the decision was applied. *Rotate* does so
/// while the rotation is under way.
pub fn is_settled(key: &Key, latest: &LatestDecision, rules: &StalenessRules) -> bool {
    match latest.decision {
        Decision::Keep => {
            let in_time = latest.until.is_none_or(|until| rules.now < until);
            in_time && rules.flags(key).iter().all(|flag| latest.flags.has(flag))
        }
        Decision::Rotate => key.replaced_by.is_some(),
        Decision::Revoke | Decision::Skip => false,
    }
}

/// Returns the key's risk, which determines its place in the queue, or `None` if the key needs no decision now.
pub fn risk(key: &Key, decisions: &LatestDecisions, rules: &StalenessRules) -> Option<Risk> {
    if key.kind != KeyKind::Organization {
        return None;
    }
    let risk = rules.risk(key)?;
    match decisions.latest_for(key.id) {
        Some(latest) if is_settled(key, latest, rules) => None,
        _ => Some(risk),
    }
}

/// Returns the indices of the keys that need a decision, ordered by risk. Within a risk, the keys that have been unused for longest
/// come first.
pub fn review_queue<'a>(
    keys: impl IntoIterator<Item = &'a Key>,
    decisions: &LatestDecisions,
    rules: &StalenessRules,
) -> Vec<usize> {
    let mut rows: Vec<(Risk, Timestamp, Id, usize)> = keys
        .into_iter()
        .enumerate()
        .filter_map(|(i, key)| {
            let unused_since = key.last_used_at.unwrap_or(key.created_at);
            risk(key, decisions, rules).map(|risk| (risk, unused_since, key.id, i))
        })
        .collect();
    rows.sort_unstable();
    rows.into_iter().map(|row| row.3).collect()
}

/// Summarizes the flags of several keys in one sentence per flag, such as `7 keys have no owner left, 3 of them still in use`.
pub fn summarize_flags<'a>(keys: impl IntoIterator<Item = &'a Key>, rules: &StalenessRules) -> Vec<String> {
    let mut counts = [(0, 0); Flag::ALL.len()];
    for key in keys {
        let (flags, is_in_use): (Flags, bool) = (rules.flags(key), key.is_in_use(rules.now));
        for (flag, (count, in_use)) in Flag::ALL.into_iter().zip(&mut counts) {
            if flags.has(flag) {
                *count += 1;
                *in_use += usize::from(is_in_use);
            }
        }
    }
    let raised = Flag::ALL.into_iter().zip(counts).filter(|&(_, (count, _))| count > 0);
    raised.map(|(flag, (count, in_use))| flag.summary_of_many(count, in_use)).collect()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::domain::policy::Policy;
    use crate::domain::staleness::RaisedFlag;
    use crate::domain::staleness::tests::{NOW, key};
    use crate::domain::time::{DAY, MILLISECOND, TimeDelta};

    pub(crate) fn rules() -> StalenessRules {
        StalenessRules {
            policy: Policy::default(),
            now: NOW,
            tracking_since: NOW.minus(TimeDelta::days(1_000)),
        }
    }

    /// Creates a key whose last use was `days` ago.
    fn unused(n: u8, days: i64) -> Key {
        let mut key = key();
        key.id = Id::new(NOW, [n; 10]);
        key.created_at = NOW.minus(TimeDelta::days(300));
        key.last_used_at = Some(NOW.minus(TimeDelta::days(days)));
        key
    }

    pub(crate) fn review(key: &Key, decision: Decision) -> ReviewRecord {
        ReviewRecord {
            id: Id::new(NOW, [9; 10]),
            review_id: Id::new(NOW, [8; 10]),
            key_id: key.id,
            key_name: key.name.clone(),
            key_masked: key.masked.clone(),
            decision,
            until: None,
            note: None,
            reviewer: key.created_by.as_ref().clone(),
            reviewed_at: NOW.minus(DAY),
            findings: vec![RaisedFlag { flag: Flag::Unused, evidence: "last used 99 d ago".into() }],
            last_used_at: key.last_used_at,
        }
    }

    fn settled(key: &Key, review: &ReviewRecord) -> bool {
        is_settled(key, &LatestDecision::from(review), &rules())
    }

    #[test]
    fn the_riskiest_and_longest_unused_keys_come_first() {
        let mut never = unused(1, 0);
        never.last_used_at = None;
        let keys = [unused(2, 100), unused(3, 200), never, unused(4, 1)];
        assert_eq!(review_queue(&keys, &LatestDecisions::default(), &rules()), [2, 1, 0]);
    }

    #[test]
    fn a_kept_key_stays_out_of_the_queue_until_its_date_or_another_flag() {
        let mut key = unused(1, 100);
        let mut kept = review(&key, Decision::Keep);
        assert!(settled(&key, &kept));
        kept.until = Some(NOW.plus(MILLISECOND));
        assert!(settled(&key, &kept));
        kept.until = Some(NOW);
        assert!(!settled(&key, &kept));
        kept.until = None;
        key.created_at = NOW.minus(TimeDelta::days(400));
        assert!(!settled(&key, &kept), "rotation is due as well now");
    }

    #[test]
    fn only_keep_and_a_rotation_under_way_settle_a_key() {
        let mut key = unused(1, 100);
        assert!(!settled(&key, &review(&key, Decision::Skip)));
        assert!(!settled(&key, &review(&key, Decision::Rotate)));
        key.replaced_by = Some(key.id);
        assert!(settled(&key, &review(&key, Decision::Rotate)));
    }

    #[test]
    fn the_latest_decision_counts() {
        let key = unused(1, 100);
        let mut decisions = LatestDecisions::default();
        let mut later = review(&key, Decision::Skip);
        later.reviewed_at = NOW;
        decisions.add(&later);
        decisions.add(&review(&key, Decision::Keep));
        assert_eq!(risk(&key, &decisions, &rules()), Some(Risk::Unused));
    }

    #[test]
    fn the_summary_mentions_only_flags_that_occur() {
        let keys = [unused(1, 100), unused(2, 100), unused(3, 1)];
        assert_eq!(summarize_flags(&keys, &rules()), ["2 keys have been unused for too long"]);
    }
}
