//! The filter fields of the key tables, such as `owner:removed`, `idle:>90d` and `flag:orphaned`.

use std::fmt;

use super::{
    DurationTest, FieldTest, FieldValue, Filter, FilterField, NumberTest, SearchText, quote, quote_if_needed,
};
use crate::domain::key::{Key, KeyKind};
use crate::domain::member::MemberStatus;
use crate::domain::staleness::{Flag, StalenessRules};
use crate::domain::words::words;

/// A filter for keys. Plain terms search the name and the masked secret.
pub type KeyFilter = Filter<KeyTest>;

/// A test of one field of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyTest {
    /// `owner:removed`: the creator has this status.
    OwnerStatus(MemberStatus),
    /// `owner:ada`: the creator's name or email address contains this text.
    Owner(SearchText),
    /// `idle:>90d`: time since the last use, or since creation if the key was never used.
    Idle(DurationTest),
    /// `idle:never`: no use of the key is recorded.
    NeverUsed,
    /// `age:>1y`: time since the key was created.
    Age(DurationTest),
    /// `uses:>0`: number of recorded uses.
    Uses(NumberTest),
    /// `agent:powerbi`: the user agent of the last use contains this text.
    Agent(SearchText),
    /// `address:10.0.3`: the client address of the last use contains this text.
    Address(SearchText),
    /// `flag:orphaned`: the key has this flag.
    Flag(Flag),
    /// `kind:personal`: the key is of this kind.
    Kind(KeyKind),
    /// `is:in-use`: the key currently satisfies this condition.
    Is(KeyCondition),
    /// `name:sales`: the name contains this text. The masked secret is not searched.
    Name(SearchText),
    /// `mask:5G08`: the masked secret contains this text. The name is not searched.
    MaskedSecret(SearchText),
    /// `note:weekly`: the note contains this text.
    Note(SearchText),
    /// `id:019`: the id begins with this text.
    Id(SearchText),
}

/// A condition that the filter field `is:` tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyCondition {
    /// The key was used within the last 24 hours and is not revoked.
    InUse,
    /// The key is revoked.
    Revoked,
    /// The key is not revoked.
    Active,
    /// The key has at least one flag.
    Stale,
    /// The key is the old or the new key of an unfinished rotation.
    Rotating,
    /// The key is marked in the table.
    Marked,
}

words!(KeyCondition {
    InUse = "in-use",
    Revoked = "revoked",
    Active = "active",
    Stale = "stale",
    Rotating = "rotating",
    Marked = "marked",
});

impl KeyCondition {
    /// Parses a condition. `live`, the former word for `in-use`, is still accepted.
    fn parse(value: &FieldValue) -> Result<Self, String> {
        match value {
            FieldValue::Word(word) if word.eq_ignore_ascii_case("live") => Ok(Self::InUse),
            _ => value.parse_word(&Self::ALL.map(|condition| (condition.word(), condition))),
        }
    }

    fn is_met_by(self, key: &Key, rules: &StalenessRules, is_marked: bool) -> bool {
        match self {
            Self::InUse => key.is_in_use(rules.now),
            Self::Revoked => key.revoked_at.is_some(),
            Self::Active => key.revoked_at.is_none(),
            Self::Stale => !rules.flags(key).is_empty(),
            Self::Rotating => {
                key.revoked_at.is_none() && (key.replaces.is_some() || key.replaced_by.is_some())
            }
            Self::Marked => is_marked,
        }
    }
}

/// Values of the filter field `kind:`. `workspace` is the name of the tab with the organization's keys.
const KINDS: [(&str, KeyKind); 3] = [
    ("personal", KeyKind::Personal),
    ("organization", KeyKind::Organization),
    ("workspace", KeyKind::Organization),
];

impl FieldTest for KeyTest {
    const FIELDS: &'static [FilterField] = &[
        FilterField {
            name: "owner",
            values: "removed, active, invited, or part of a name or email address",
            finds: "creator",
        },
        FilterField {
            name: "idle",
            values: "a duration such as >90d, or never",
            finds: "time since the last use",
        },
        FilterField { name: "age", values: "a duration such as >1y", finds: "time since creation" },
        FilterField { name: "uses", values: "a number, or a comparison such as >0", finds: "number of uses" },
        FilterField { name: "agent", values: "part of a user agent", finds: "client that last used the key" },
        FilterField {
            name: "address",
            values: "part of an IP address",
            finds: "address that last used the key",
        },
        FilterField { name: "flag", values: Flag::ALTERNATIVES, finds: "reason for a review" },
        FilterField { name: "kind", values: KeyKind::ALTERNATIVES, finds: "personal or organization key" },
        FilterField { name: "is", values: KeyCondition::ALTERNATIVES, finds: "current state" },
        FilterField { name: "name", values: "part of the name", finds: "name only" },
        FilterField { name: "mask", values: "part of the masked secret", finds: "masked secret only" },
        FilterField { name: "note", values: "part of the note", finds: "note" },
        FilterField { name: "id", values: "the beginning of an id", finds: "id" },
    ];

    fn parse(name: &str, value: &FieldValue) -> Result<Self, String> {
        let needle = SearchText::new(value.text());
        Ok(match (name, value) {
            ("owner", FieldValue::Word(_)) => {
                match value.parse_word(&MemberStatus::ALL.map(|status| (status.word(), status))) {
                    Ok(status) => Self::OwnerStatus(status),
                    Err(_) => Self::Owner(needle),
                }
            }
            ("owner", FieldValue::Phrase(_)) => Self::Owner(needle),
            ("idle", FieldValue::Word(word)) if word.eq_ignore_ascii_case("never") => Self::NeverUsed,
            ("idle", _) => Self::Idle(value.parse_duration_test()?),
            ("age", _) => Self::Age(value.parse_duration_test()?),
            ("uses", _) => Self::Uses(value.parse_number_test()?),
            ("agent", _) => Self::Agent(needle),
            ("address", _) => Self::Address(needle),
            ("flag", _) => Self::Flag(value.parse_word(&Flag::ALL.map(|flag| (flag.word(), flag)))?),
            ("kind", _) => Self::Kind(value.parse_word(&KINDS)?),
            ("is", _) => Self::Is(KeyCondition::parse(value)?),
            ("name", _) => Self::Name(needle),
            ("mask", _) => Self::MaskedSecret(needle),
            ("note", _) => Self::Note(needle),
            ("id", _) => Self::Id(needle),
            _ => return Err("is not a field of this table".to_owned()),
        })
    }
}

impl fmt::Display for KeyTest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = |f: &mut fmt::Formatter<'_>, field: &str, needle: &SearchText| {
            // Without quotes, a status word would be parsed as a status.
            let is_status = field == "owner" && needle.text().parse::<MemberStatus>().is_ok();
            let value = if is_status { quote(needle.text()) } else { quote_if_needed(needle.text()) };
            write!(f, "{field}:{value}")
        };
        match self {
            Self::OwnerStatus(status) => write!(f, "owner:{status}"),
            Self::Owner(needle) => word(f, "owner", needle),
            Self::Idle(duration) => write!(f, "idle:{duration}"),
            Self::NeverUsed => f.write_str("idle:never"),
            Self::Age(duration) => write!(f, "age:{duration}"),
            Self::Uses(number) => write!(f, "uses:{number}"),
            Self::Agent(needle) => word(f, "agent", needle),
            Self::Address(needle) => word(f, "address", needle),
            Self::Flag(flag) => write!(f, "flag:{flag}"),
            Self::Kind(kind) => write!(f, "kind:{kind}"),
            Self::Is(condition) => write!(f, "is:{condition}"),
            Self::Name(needle) => word(f, "name", needle),
            Self::MaskedSecret(needle) => word(f, "mask", needle),
            Self::Note(needle) => word(f, "note", needle),
            Self::Id(needle) => word(f, "id", needle),
        }
    }
}

impl KeyTest {
    fn is_met_by(&self, key: &Key, rules: &StalenessRules, is_marked: bool) -> bool {
        let last = key.last_used_by.as_ref();
        match self {
            Self::OwnerStatus(status) => key.created_by.status == *status,
            Self::Owner(needle) => needle.is_in(&key.created_by.name) || needle.is_in(&key.created_by.email),
            Self::Idle(duration) => {
                duration.matches(rules.now.since(key.last_used_at.unwrap_or(key.created_at)))
            }
            Self::NeverUsed => key.last_used_at.is_none(),
            Self::Age(duration) => duration.matches(rules.now.since(key.created_at)),
            Self::Uses(number) => number.matches(key.use_count),
            Self::Agent(needle) => last.is_some_and(|by| needle.is_in(&by.agent)),
            Self::Address(needle) => last.is_some_and(|by| needle.is_in(&by.address)),
            Self::Flag(flag) => rules.flags(key).has(*flag),
            Self::Kind(kind) => key.kind == *kind,
            Self::Is(condition) => condition.is_met_by(key, rules, is_marked),
            Self::Name(needle) => needle.is_in(&key.name),
            Self::MaskedSecret(needle) => needle.is_in(&key.masked),
            Self::Note(needle) => key.note.as_deref().is_some_and(|note| needle.is_in(note)),
            Self::Id(needle) => key.id.to_string().starts_with(needle.text()),
        }
    }
}

impl KeyFilter {
    /// Returns whether the key matches the filter, treating it as not marked.
    pub fn matches(&self, key: &Key, rules: &StalenessRules) -> bool {
        self.matches_with_mark(key, rules, false)
    }

    /// Returns whether a key matches the filter. `is_marked` is `true` if the key is marked in the table.
    pub fn matches_with_mark(&self, key: &Key, rules: &StalenessRules, is_marked: bool) -> bool {
        self.matches_row(&[&key.name, &key.masked], |test| test.is_met_by(key, rules, is_marked))
    }

    /// Returns `true` if the filter contains `is:revoked`. Without it, lists hide revoked keys.
    pub fn includes_revoked(&self) -> bool {
        self.terms().iter().any(|term| {
            !term.negated && term.pattern == super::TermPattern::Field(KeyTest::Is(KeyCondition::Revoked))
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::domain::key::ClientInfo;
    use crate::domain::policy::Policy;
    use crate::domain::staleness::tests::{NOW, key};
    use crate::domain::time::TimeDelta;

    fn rules() -> StalenessRules {
        StalenessRules {
            policy: Policy::default(),
            now: NOW,
            tracking_since: NOW.minus(TimeDelta::days(1_000)),
        }
    }

    fn sales() -> Key {
        let mut key = key();
        key.name = "Power BI – Sales".into();
        key.created_at = NOW.minus(TimeDelta::days(400));
        key.last_used_at = Some(NOW.minus(TimeDelta::days(91)));
        key.last_used_by =
            Some(ClientInfo { agent: "enlyze-powerbi/1.0.0".into(), address: "10.0.3.7".into() });
        key.use_count = 12;
        let mut creator = key.created_by.as_ref().clone();
        creator.status = MemberStatus::Removed;
        key.created_by = Arc::new(creator);
        key.note = Some("weekly report".into());
        key
    }

    #[test]
    fn every_field_matches_and_excludes_keys() {
        let matching = [
            "sales",
            "SALES power",
            "5g08",
            "sk_…5G08",
            "sk_...5g08",
            "~pwsls",
            "\"bi – s\"",
            "!grafana",
            "owner:removed",
            "owner:ampere",
            "owner:ada@plant",
            "owner:\"ada am\"",
            "!owner:active",
            "idle:>90d",
            "idle:91d",
            "idle:<4mo",
            "idle:=91d",
            "age:>1y",
            "age:>=400d",
            "uses:>0",
            "uses:12",
            "agent:powerbi",
            "address:10.0.3",
            "flag:orphaned",
            "flag:unused",
            "flag:rotation-due",
            "kind:organization",
            "is:active",
            "is:stale",
            "!is:in-use",
            "!is:live",
            "name:sales",
            "mask:5G08",
            "note:week",
            "",
            "   ",
        ];
        let excluding = [
            "grafana",
            "!sales",
            "sales grafana",
            "~slspw",
            "owner:active",
            "owner:\"removed\"",
            "idle:>91d",
            "idle:<90d",
            "idle:never",
            "age:<1y",
            "uses:0",
            "agent:grafana",
            "flag:never_used",
            "kind:personal",
            "is:revoked",
            "is:in_use",
            "is:live",
            "is:marked",
            "note:sales",
            "name:5g08",
            "mask:sales",
        ];
        for text in matching {
            assert!(KeyFilter::parse(text).unwrap().matches(&sales(), &rules()), "{text}");
        }
        for text in excluding {
            assert!(!KeyFilter::parse(text).unwrap().matches(&sales(), &rules()), "{text}");
        }
    }

    #[test]
    fn a_key_that_was_never_used_is_idle_since_its_creation() {
        let mut key = key();
        key.created_at = NOW.minus(TimeDelta::days(100));
        assert!(KeyFilter::parse("idle:>90d idle:never").unwrap().matches(&key, &rules()));
    }

    #[test]
    fn the_help_for_owner_lists_every_status() {
        let owner = KeyTest::FIELDS.iter().find(|field| field.name == "owner").unwrap();
        for status in MemberStatus::ALL {
            assert!(owner.values.contains(status.word()), "{status} is missing in {}", owner.values);
        }
    }

    #[test]
    fn only_the_filter_is_revoked_includes_revoked_keys() {
        assert!(KeyFilter::parse("x is:revoked").unwrap().includes_revoked());
        assert!(!KeyFilter::parse("!is:revoked").unwrap().includes_revoked());
    }
}
