//! Filter fields of the members table.

use std::fmt;

use crate::domain::filter::{DurationTest, FieldTest, FieldValue, FilterField, NumberTest};
use crate::domain::member::{MemberStatus, Role};
use crate::domain::staleness::StalenessRules;
use crate::wire::members::Member;

/// Condition on one field of a member, such as `role:admin`. A filter term without a field searches name and email address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MemberTest {
    /// `role:admin`.
    Role(Role),
    /// `status:removed`.
    Status(MemberStatus),
    /// `keys:>0`: number of organization keys that the member created.
    Keys(NumberTest),
    /// `personal:>0`: number of the member's personal keys.
    Personal(NumberTest),
    /// `idle:>90d`: time since the member was last seen, or since the invitation if never.
    Idle(DurationTest),
}

impl FieldTest for MemberTest {
    const FIELDS: &'static [FilterField] = &[
        FilterField { name: "role", values: Role::ALTERNATIVES, finds: "their role" },
        FilterField { name: "status", values: MemberStatus::ALTERNATIVES, finds: "where they stand" },
        FilterField {
            name: "keys",
            values: "a number, such as 3 or >0",
            finds: "organization keys they created",
        },
        FilterField { name: "personal", values: "a number, such as 3 or >0", finds: "personal keys" },
        FilterField {
            name: "idle",
            values: "a duration, such as >90d",
            finds: "time since they were last seen",
        },
    ];

    fn parse(name: &str, value: &FieldValue) -> Result<Self, String> {
        Ok(match name {
            "role" => Self::Role(value.parse_word(&Role::ALL.map(|role| (role.word(), role)))?),
            "status" => {
                Self::Status(value.parse_word(&MemberStatus::ALL.map(|status| (status.word(), status)))?)
            }
            "keys" => Self::Keys(value.parse_number_test()?),
            "personal" => Self::Personal(value.parse_number_test()?),
            _ => Self::Idle(value.parse_duration_test()?),
        })
    }
}

impl fmt::Display for MemberTest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Role(role) => write!(f, "role:{role}"),
            Self::Status(status) => write!(f, "status:{status}"),
            Self::Keys(n) => write!(f, "keys:{n}"),
            Self::Personal(n) => write!(f, "personal:{n}"),
            Self::Idle(duration) => write!(f, "idle:{duration}"),
        }
    }
}

impl MemberTest {
    pub(super) fn matches(&self, member: &Member, rules: &StalenessRules) -> bool {
        match self {
            Self::Role(role) => member.role == *role,
            Self::Status(status) => member.status == *status,
            Self::Keys(n) => n.matches(member.organization_keys),
            Self::Personal(n) => n.matches(member.personal_keys),
            Self::Idle(duration) => {
                duration.matches(rules.now.since(member.last_seen_at.unwrap_or(member.created_at)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::filter::Filter;

    #[test]
    fn parsing_a_displayed_filter_returns_the_same_filter() {
        for text in ["role:admin", "!status:removed keys:>0", "personal:0 idle:>90d \"ada a\""] {
            let filter: Filter<MemberTest> = Filter::parse(text).unwrap();
            assert_eq!(filter.to_string(), text);
        }
        assert!(Filter::<MemberTest>::parse("role:boss").is_err());
    }
}
