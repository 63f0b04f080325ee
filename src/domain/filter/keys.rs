//! The filter fields of the key tables, such as `owner:removed`, `idle:>90d` and `flag:orphaned`.

use std::fmt;

use super::{DurationTest, FieldTest, FieldValue, Filter, FilterField, NumberTest, SearchText, quote};
use crate::domain::key::{Key, KeyKind};
use crate::domain::member::MemberStatus;
use crate::domain::staleness::{Flag, StalenessRules};
use crate::domain::words::words;

/// A filter for keys. Plain terms search the name and the masked secret.
pub type KeyFilter = Filter<KeyTest>;

/// A test of one filter field of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyTest {
    /// `owner:removed`: status of the creator.
    OwnerStatus(MemberStatus),
    /// `owner:ada`: name or email address of the creator.
    Owner(SearchText),
    /// `idle:>90d`: time since the last use, or since the creation of a key that was never used.
    Idle(DurationTest),
    /// `idle:never`: no use was recorded.
    NeverUsed,
    /// `age:>1y`: time since the creation.
    Age(DurationTest),
    /// `uses:>0`: number of uses.
    Uses(NumberTest),
    /// `agent:powerbi`: user agent of the last use.
    Agent(SearchText),
    /// `address:10.0.3`: client address of the last use.
    Address(SearchText),
    /// `flag:orphaned`: the flag is raised.
    Flag(Flag),
    /// `kind:personal`: the kind of the key.
    Kind(KeyKind),
    /// `is:in-use`: a condition that is true now.
    Is(KeyCondition),
    /// `name:sales`: searches the name but not the masked secret.
    Name(SearchText),
    /// `mask:5G08`: searches the masked secret but not the name.
    MaskedSecret(SearchText),
    /// `note:weekly`: searches the note.
    Note(SearchText),
    /// `id:019`: beginning of the id.
    Id(SearchText),
}

/// A condition of a key that `is:` tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyCondition {
    /// Used within the last 24 hours and not revoked.
    InUse,
    /// Revoked.
    Revoked,
    /// Not revoked.
    Active,
    /// At least one flag is raised.
    Stale,
    /// The old or the new key of a rotation that is not finished.
    Rotating,
    /// Marked on the screen.
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
    /// Parses a condition. `live` is the earlier word for `in-use` and still works.
    fn parse(value: &FieldValue) -> Result<Self, String> {
        match value {
            FieldValue::Word(word) if word.eq_ignore_ascii_case("live") => Ok(Self::InUse),
            _ => value.one_of(&Self::ALL.map(|condition| (condition.word(), condition))),
        }
    }

    fn holds(self, key: &Key, rules: &StalenessRules, marked: bool) -> bool {
        match self {
            Self::InUse => key.is_in_use(rules.now),
            Self::Revoked => key.revoked_at.is_some(),
            Self::Active => key.revoked_at.is_none(),
            Self::Stale => !rules.flags(key).is_empty(),
            Self::Rotating => {
                key.revoked_at.is_none() && (key.replaces.is_some() || key.replaced_by.is_some())
            }
            Self::Marked => marked,
        }
    }
}

/// `workspace` is the name of the organization's tab.
const KINDS: [(&str, KeyKind); 3] = [
    ("personal", KeyKind::Personal),
    ("organization", KeyKind::Organization),
    ("workspace", KeyKind::Organization),
];

impl FieldTest for KeyTest {
    const FIELDS: &'static [FilterField] = &[
        FilterField {
            name: "owner",
            values: "removed, active, invited or part of a name or address",
            finds: "who created it",
        },
        FilterField {
            name: "idle",
            values: "a span such as >90d, or never",
            finds: "how long it was not used",
        },
        FilterField { name: "age", values: "a span such as >1y", finds: "how long ago it was created" },
        FilterField { name: "uses", values: "a number such as >0", finds: "how often it was used" },
        FilterField { name: "agent", values: "part of an agent's name", finds: "what used it last" },
        FilterField { name: "address", values: "part of an address", finds: "from where it was used last" },
        FilterField { name: "flag", values: Flag::ALTERNATIVES, finds: "why it needs a review" },
        FilterField { name: "kind", values: KeyKind::ALTERNATIVES, finds: "whose key it is" },
        FilterField { name: "is", values: KeyCondition::ALTERNATIVES, finds: "what it is now" },
        FilterField { name: "name", values: "part of the name", finds: "the name alone" },
        FilterField { name: "mask", values: "part of the mask", finds: "the mask alone" },
        FilterField { name: "note", values: "part of the note", finds: "the note" },
        FilterField { name: "id", values: "the beginning of an id", finds: "the id" },
    ];

    fn parse(name: &str, value: &FieldValue) -> Result<Self, String> {
        let needle = SearchText::new(value.text());
        Ok(match (name, value) {
            ("owner", FieldValue::Word(_)) => {
                match value.one_of(&MemberStatus::ALL.map(|status| (status.word(), status))) {
                    Ok(status) => Self::OwnerStatus(status),
                    Err(_) => Self::Owner(needle),
                }
            }
            ("owner", FieldValue::Phrase(_)) => Self::Owner(needle),
            ("idle", FieldValue::Word(word)) if word.eq_ignore_ascii_case("never") => Self::NeverUsed,
            ("idle", _) => Self::Idle(value.duration()?),
            ("age", _) => Self::Age(value.duration()?),
            ("uses", _) => Self::Uses(value.number()?),
            ("agent", _) => Self::Agent(needle),
            ("address", _) => Self::Address(needle),
            ("flag", _) => Self::Flag(value.one_of(&Flag::ALL.map(|flag| (flag.word(), flag)))?),
            ("kind", _) => Self::Kind(value.one_of(&KINDS)?),
            ("is", _) => Self::Is(KeyCondition::parse(value)?),
            ("name", _) => Self::Name(needle),
            ("mask", _) => Self::MaskedSecret(needle),
            ("note", _) => Self::Note(needle),
            ("id", _) => Self::Id(needle),
            _ => return Err("is not offered here".to_owned()),
        })
    }
}

impl fmt::Display for KeyTest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = |f: &mut fmt::Formatter<'_>, field: &str, needle: &SearchText| {
            // An unquoted status word would be read as a status.
            let always = field == "owner" && needle.text().parse::<MemberStatus>().is_ok();
            write!(f, "{field}:{}", quote(needle.text(), always))
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
    fn holds(&self, key: &Key, rules: &StalenessRules, marked: bool) -> bool {
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
            Self::Is(condition) => condition.holds(key, rules, marked),
            Self::Name(needle) => needle.is_in(&key.name),
            Self::MaskedSecret(needle) => needle.is_in(&key.masked),
            Self::Note(needle) => key.note.as_deref().is_some_and(|note| needle.is_in(note)),
            Self::Id(needle) => key.id.to_string().starts_with(needle.text()),
        }
    }
}

impl KeyFilter {
    /// Returns whether a key matches that is not marked on a screen.
    pub fn matches(&self, key: &Key, rules: &StalenessRules) -> bool {
        self.matches_marked(key, rules, false)
    }

    /// Returns whether a key matches; `marked` is its mark on the screen.
    pub fn matches_marked(&self, key: &Key, rules: &StalenessRules, marked: bool) -> bool {
        self.matches_row(&[&key.name, &key.masked], |test| test.holds(key, rules, marked))
    }

    /// Returns whether the filter selects revoked keys, which lists otherwise hide.
    pub fn includes_revoked(&self) -> bool {
        self.terms().iter().any(|term| {
            !term.negated && term.test == super::TermPattern::Field(KeyTest::Is(KeyCondition::Revoked))
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
    fn every_field_finds_and_excludes() {
        let finds = [
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
        let excludes = [
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
        for text in finds {
            assert!(KeyFilter::parse(text).unwrap().matches(&sales(), &rules()), "{text}");
        }
        for text in excludes {
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
    fn revoked_keys_are_shown_when_asked_for() {
        assert!(KeyFilter::parse("x is:revoked").unwrap().includes_revoked());
        assert!(!KeyFilter::parse("!is:revoked").unwrap().includes_revoked());
    }
}
