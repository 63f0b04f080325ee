//! Staleness: the flags of a key with their evidence, and its risk in the review queue.
//!
//! Start reading with [`Flag`] and [`StalenessRules::flags`]. Flags are computed from facts and the time, and never stored.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::key::{Key, KeyKind};
use super::member::MemberStatus;
use super::policy::Policy;
use super::text;
use super::time::{TimeDelta, Timestamp, format_ago, format_duration};
use super::words::words;

/// A reason why a key needs a review.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Flag {
    /// An organization key whose creator is no longer an active member.
    Orphaned = 1,
    /// Never used, and older than the policy allows.
    NeverUsed = 2,
    /// Last used longer ago than the policy allows.
    Unused = 4,
    /// Older than the policy allows, and not being rotated.
    RotationDue = 8,
}

words!(Flag { Orphaned = "orphaned", NeverUsed = "never_used", Unused = "unused", RotationDue = "rotation_due" });

impl Flag {
    /// Returns the name of the flag on screens, such as `never used`.
    pub fn label(self) -> &'static str {
        match self {
            Self::Orphaned => "orphaned",
            Self::NeverUsed => "never used",
            Self::Unused => "unused",
            Self::RotationDue => "rotation due",
        }
    }

    /// Summarizes `count` keys that have this flag, of which `in_use` are in use: `7 keys have no owner left, 3 of them still in
    /// use`.
    pub fn summary_of_many(self, count: usize, in_use: usize) -> String {
        let (keys, have, are, were) =
            if count == 1 { ("key", "has", "is", "was") } else { ("keys", "have", "are", "were") };
        let still = match (in_use, count) {
            (0, _) => String::new(),
            (1, 1) => ", and it is still in use".to_owned(),
            _ if in_use == count => ", all of them still in use".to_owned(),
            _ => format!(", {in_use} of them still in use"),
        };
        match self {
            Self::Orphaned => format!("{count} {keys} {have} no owner left{still}"),
            Self::NeverUsed => format!("{count} {keys} {were} never seen in use"),
            Self::Unused => format!("{count} {keys} {have} been unused for too long"),
            Self::RotationDue => format!("{count} {keys} {are} due for rotation{still}"),
        }
    }
}

/// A set of flags in one byte, so that 100,000 keys can be evaluated quickly.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Flags(u8);

impl Flags {
    /// Returns whether the set contains a flag.
    pub fn has(self, flag: Flag) -> bool {
        self.0 & flag as u8 != 0
    }

    /// Returns whether the set is empty.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Iterates over the flags in the order of [`Flag::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Flag> {
        Flag::ALL.into_iter().filter(move |&f| self.has(f))
    }

    fn insert_if(&mut self, flag: Flag, applies: bool) {
        if applies {
            self.0 |= flag as u8;
        }
    }
}

impl FromIterator<Flag> for Flags {
    fn from_iter<I: IntoIterator<Item = Flag>>(raised: I) -> Self {
        let mut flags = Self::default();
        raised.into_iter().for_each(|flag| flags.insert_if(flag, true));
        flags
    }
}

/// What determines the flags of a key, apart from the key itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StalenessRules {
    /// The organization's thresholds for stale keys.
    pub policy: Policy,
    /// Current time according to the server, not the client.
    pub now: Timestamp,
    /// When the server started to record uses. Earlier uses are unknown.
    pub tracking_since: Timestamp,
}

/// A flag of a key, with the evidence for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Finding)]
pub struct RaisedFlag {
    /// Why the key needs a review.
    pub flag: Flag,
    /// The observation behind the flag, such as `creator removed 41 d ago`.
    pub evidence: String,
}

impl StalenessRules {
    /// Returns the flags of a key. A revoked key has no flags.
    pub fn flags(&self, key: &Key) -> Flags {
        let mut flags = Flags::default();
        if key.revoked_at.is_some() {
            return flags;
        }
        let days = |n: u32| TimeDelta::days(i64::from(n));
        let age = self.now.since(key.created_at);
        flags.insert_if(
            Flag::Orphaned,
            key.kind == KeyKind::Organization && key.created_by.status != MemberStatus::Active,
        );
        match key.last_used_at {
            None => flags.insert_if(Flag::NeverUsed, age > days(self.policy.never_used_after_days)),
            Some(at) => {
                flags.insert_if(Flag::Unused, self.now.since(at) > days(self.policy.unused_after_days));
            }
        }
        flags.insert_if(
            Flag::RotationDue,
            age > days(self.policy.rotate_after_days) && key.replaced_by.is_none(),
        );
        flags
    }

    /// Returns the flags of a key with their evidence.
    pub fn raised_flags(&self, key: &Key) -> Vec<RaisedFlag> {
        self.flags(key).iter().map(|flag| RaisedFlag { flag, evidence: self.evidence(flag, key) }).collect()
    }

    /// Describes the observation behind a flag, without claiming more than was observed.
    pub fn evidence(&self, flag: Flag, key: &Key) -> String {
        match flag {
            Flag::Orphaned => match key.created_by.removed_at {
                Some(at) => format!("creator removed {}", format_ago(at, self.now)),
                None => "creator is not an active member".to_owned(),
            },
            Flag::NeverUsed | Flag::Unused => self.last_use(key),
            Flag::RotationDue => format!("created {}", format_ago(key.created_at, self.now)),
        }
    }

    /// Describes the last use of a key, such as `last used 12 min ago by enlyze-powerbi/1.0.0`, `never used in 20 d` or `no use
    /// seen since tracking began 3 d ago`.
    pub fn last_use(&self, key: &Key) -> String {
        match (key.last_used_at, &key.last_used_by) {
            (Some(at), Some(by)) if !by.agent.is_empty() => {
                format!("last used {} by {}", format_ago(at, self.now), text::sanitize_line(&by.agent))
            }
            (Some(at), _) => format!("last used {}", format_ago(at, self.now)),
            (None, _) if key.created_at < self.tracking_since => {
                format!("no use seen since tracking began {}", format_ago(self.tracking_since, self.now))
            }
            (None, _) => format!("never used in {}", format_duration(self.now.since(key.created_at))),
        }
    }

    /// Describes the flags and the last use of a key in one line, such as `orphaned: creator removed 41 d ago · last used 12 min
    /// ago by enlyze-powerbi/1.0.0`.
    pub fn reasons(&self, key: &Key) -> String {
        let flags = self.flags(key);
        let mut parts: Vec<String> = Vec::new();
        for flag in flags.iter() {
            match flag {
                Flag::NeverUsed | Flag::Unused => {}
                _ => parts.push(format!("{}: {}", flag.label(), self.evidence(flag, key))),
            }
        }
        parts.push(self.last_use(key));
        parts.join(" · ")
    }

    /// Returns the key's risk, or `None` if the key needs no review.
    pub fn risk(&self, key: &Key) -> Option<Risk> {
        let flags = self.flags(key);
        let in_use = key.is_in_use(self.now);
        // In the order of the variants of `Risk`: the first match is the highest risk.
        [
            (flags.has(Flag::Orphaned) && !in_use, Risk::OrphanedIdle),
            (flags.has(Flag::NeverUsed), Risk::NeverUsed),
            (flags.has(Flag::Unused), Risk::Unused),
            (flags.has(Flag::Orphaned), Risk::OrphanedInUse),
            (flags.has(Flag::RotationDue), Risk::RotationDue),
        ]
        .into_iter()
        .find_map(|(applies, risk)| applies.then_some(risk))
    }
}

/// The risk of a stale key. The review queue is in the order of the variants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Risk {
    /// Orphaned and not in use.
    OrphanedIdle,
    /// Flagged as never used.
    NeverUsed,
    /// Flagged as unused.
    Unused,
    /// Orphaned, but in use.
    OrphanedInUse,
    /// Due for rotation, without any other flag.
    RotationDue,
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::domain::id::Id;
    use crate::domain::key::ClientInfo;
    use crate::domain::member::MemberRef;

    pub(crate) const NOW: Timestamp = Timestamp(1_795_000_000_000);

    /// Creates an organization key that was created now by an active member and never used.
    pub(crate) fn key() -> Key {
        let id = Id::new(NOW, [1; 10]);
        let created_by = Arc::new(MemberRef {
            id,
            name: "Ada Ampere".into(),
            email: "ada@plant.example".into(),
            status: MemberStatus::Active,
            removed_at: None,
        });
        Key::new(id, KeyKind::Organization, "Grafana", "sk_…5G08", NOW, created_by)
    }

    fn rules() -> StalenessRules {
        StalenessRules {
            policy: Policy::default(),
            now: NOW,
            tracking_since: NOW.minus(TimeDelta::days(1_000)),
        }
    }

    fn orphan(mut key: Key) -> Key {
        let by = MemberRef {
            status: MemberStatus::Removed,
            removed_at: Some(NOW.minus(TimeDelta::days(41))),
            ..key.created_by.as_ref().clone()
        };
        key.created_by = Arc::new(by);
        key
    }

    #[test]
    fn flags_are_raised_after_the_number_of_days_in_the_policy() {
        let flags = |created: i64, used: Option<i64>| {
            let mut k = key();
            k.created_at = NOW.minus(TimeDelta::days(created));
            k.last_used_at = used.map(|d| NOW.minus(TimeDelta::days(d)));
            rules().flags(&k).iter().collect::<Vec<_>>()
        };
        let table: [(i64, Option<i64>, &[Flag]); 10] = [
            (13, None, &[]),
            (14, None, &[]),
            (15, None, &[Flag::NeverUsed]),
            (100, Some(89), &[]),
            (100, Some(90), &[]),
            (100, Some(91), &[Flag::Unused]),
            (365, Some(1), &[]),
            (366, Some(1), &[Flag::RotationDue]),
            (366, None, &[Flag::NeverUsed, Flag::RotationDue]),
            (366, Some(91), &[Flag::Unused, Flag::RotationDue]),
        ];
        for (created, used, expected) in table {
            assert_eq!(flags(created, used), expected, "created {created} d ago, used {used:?} d ago");
        }
    }

    #[test]
    fn only_organization_keys_are_orphaned() {
        let mut k = orphan(key());
        assert!(rules().flags(&k).has(Flag::Orphaned));
        k.kind = KeyKind::Personal;
        assert!(!rules().flags(&k).has(Flag::Orphaned));
        k.kind = KeyKind::Organization;
        k.revoked_at = Some(NOW);
        assert!(rules().flags(&k).is_empty());
    }

    #[test]
    fn a_key_that_is_being_rotated_is_not_due_for_rotation() {
        let mut k = key();
        k.created_at = NOW.minus(TimeDelta::days(400));
        k.last_used_at = Some(NOW);
        k.replaced_by = Some(k.id);
        assert!(rules().flags(&k).is_empty());
    }

    #[test]
    fn evidence_never_claims_more_than_was_observed() {
        let mut k = orphan(key());
        k.created_at = NOW.minus(TimeDelta::days(20));
        assert_eq!(rules().reasons(&k), "orphaned: creator removed 41 d ago · never used in 20 d");
        let young = StalenessRules { tracking_since: NOW.minus(TimeDelta::days(3)), ..rules() };
        assert_eq!(
            young.reasons(&k),
            "orphaned: creator removed 41 d ago · no use seen since tracking began 3 d ago"
        );
        k.last_used_at = Some(NOW.minus(TimeDelta::minutes(12)));
        k.last_used_by =
            Some(ClientInfo { agent: "enlyze-powerbi/1.0.0".into(), address: "10.0.3.7".into() });
        assert_eq!(
            rules().reasons(&k),
            "orphaned: creator removed 41 d ago · last used 12 min ago by enlyze-powerbi/1.0.0"
        );
    }

    #[test]
    fn the_queue_is_ordered_by_risk() {
        let with = |orphaned: bool, created: i64, used: Option<i64>| {
            let mut k = if orphaned { orphan(key()) } else { key() };
            k.created_at = NOW.minus(TimeDelta::days(created));
            k.last_used_at = used.map(|d| NOW.minus(TimeDelta::days(d)));
            rules().risk(&k)
        };
        assert_eq!(with(true, 20, Some(2)), Some(Risk::OrphanedIdle));
        assert_eq!(with(false, 20, None), Some(Risk::NeverUsed));
        assert_eq!(with(false, 200, Some(91)), Some(Risk::Unused));
        assert_eq!(with(true, 20, Some(0)), Some(Risk::OrphanedInUse));
        assert_eq!(with(false, 400, Some(0)), Some(Risk::RotationDue));
        assert_eq!(with(false, 20, Some(0)), None);
        assert!(Risk::OrphanedIdle < Risk::NeverUsed && Risk::OrphanedInUse < Risk::RotationDue);
    }

    #[test]
    fn summaries_agree_in_number_with_their_keys() {
        assert_eq!(Flag::Orphaned.summary_of_many(7, 3), "7 keys have no owner left, 3 of them still in use");
        assert_eq!(Flag::Orphaned.summary_of_many(1, 1), "1 key has no owner left, and it is still in use");
        assert_eq!(Flag::RotationDue.summary_of_many(2, 0), "2 keys are due for rotation");
    }
}
