//! Filter fields of the activity log.

use std::fmt;

use super::columns::action_words;
use crate::domain::activity::Activity;
use crate::domain::filter::{DurationTest, FieldTest, FieldValue, FilterField, SearchText, quote_if_needed};
use crate::domain::staleness::StalenessRules;

/// Condition on one field of an entry, such as `by:ada`. A filter term without a field searches action, actor, key and details.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ActivityTest {
    /// `by:ada`: part of the name or the email address of the actor.
    By(SearchText),
    /// `action:revoked`: part of the action.
    Action(SearchText),
    /// `key:sales`: part of the key's name, or the key's id.
    Key(SearchText),
    /// `from:10.0.3`: part of the IP address that the request came from.
    From(SearchText),
    /// `age:<7d`: time since the entry was recorded.
    Age(DurationTest),
}

impl FieldTest for ActivityTest {
    const FIELDS: &'static [FilterField] = &[
        FilterField { name: "by", values: "part of a name or email address", finds: "who did it" },
        FilterField { name: "action", values: "part of an action, such as revoked", finds: "what was done" },
        FilterField { name: "key", values: "part of a key's name, or its id", finds: "to which key" },
        FilterField { name: "from", values: "part of an IP address", finds: "from where" },
        FilterField { name: "age", values: "a duration, such as <7d", finds: "how long ago" },
    ];

    fn parse(name: &str, value: &FieldValue) -> Result<Self, String> {
        let needle = SearchText::new(value.text());
        Ok(match name {
            "by" => Self::By(needle),
            "action" => Self::Action(needle),
            "key" => Self::Key(needle),
            "from" => Self::From(needle),
            _ => Self::Age(value.parse_duration_test()?),
        })
    }
}

impl fmt::Display for ActivityTest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, needle) = match self {
            Self::By(needle) => ("by", needle),
            Self::Action(needle) => ("action", needle),
            Self::Key(needle) => ("key", needle),
            Self::From(needle) => ("from", needle),
            Self::Age(duration) => return write!(f, "age:{duration}"),
        };
        write!(f, "{name}:{}", quote_if_needed(needle.text()))
    }
}

impl ActivityTest {
    pub(super) fn matches(&self, row: &Activity, rules: &StalenessRules) -> bool {
        match self {
            Self::By(needle) => {
                row.actor.as_ref().is_some_and(|by| needle.is_in(&by.name) || needle.is_in(&by.email))
            }
            Self::Action(needle) => needle.is_in(row.action.word()) || needle.is_in(action_words(row.action)),
            Self::Key(needle) => {
                row.key_name.as_deref().is_some_and(|name| needle.is_in(name))
                    || row.key_id.is_some_and(|id| needle.equals_ignoring_case(&id.to_string()))
            }
            Self::From(needle) => row.address.as_deref().is_some_and(|from| needle.is_in(from)),
            Self::Age(duration) => duration.matches(rules.now.since(row.at)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::filter::Filter;

    #[test]
    fn parsing_a_displayed_filter_returns_the_same_filter() {
        for text in ["by:ada", "!action:revoked key:\"power bi\"", "from:10.0 age:<7d"] {
            let filter: Filter<ActivityTest> = Filter::parse(text).unwrap();
            assert_eq!(filter.to_string(), text);
        }
    }
}
