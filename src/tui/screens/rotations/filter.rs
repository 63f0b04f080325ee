//! Filter fields of the rotations table.

use std::fmt;

use crate::domain::filter::{FieldTest, FieldValue, FilterField, SearchText, quote_if_needed};
use crate::domain::rotation::Phase;
use crate::domain::staleness::StalenessRules;
use crate::wire::keys::Rotation;

/// Condition on one field of a rotation, such as `phase:ready`. A filter term without a field searches the names and masked
/// secrets of both keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RotationTest {
    /// `phase:ready`.
    Phase(Phase),
    /// `agent:grafana`: part of the `User-Agent` of the client that last used the old key.
    Agent(SearchText),
}

impl FieldTest for RotationTest {
    const FIELDS: &'static [FilterField] = &[
        FilterField { name: "phase", values: Phase::ALTERNATIVES, finds: "current phase" },
        FilterField {
            name: "agent",
            values: "part of a client's name",
            finds: "client that last used the old key",
        },
    ];

    fn parse(name: &str, value: &FieldValue) -> Result<Self, String> {
        match name {
            "phase" => Ok(Self::Phase(value.parse_word(&Phase::ALL.map(|phase| (phase.word(), phase)))?)),
            _ => Ok(Self::Agent(SearchText::new(value.text()))),
        }
    }
}

impl fmt::Display for RotationTest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Phase(phase) => write!(f, "phase:{phase}"),
            Self::Agent(needle) => write!(f, "agent:{}", quote_if_needed(needle.text())),
        }
    }
}

impl RotationTest {
    pub(super) fn matches(&self, rotation: &Rotation, rules: &StalenessRules) -> bool {
        match self {
            Self::Phase(phase) => rotation.phase_at(rules.now) == *phase,
            Self::Agent(needle) => {
                rotation.old.last_used_by.as_ref().is_some_and(|by| needle.is_in(&by.agent))
            }
        }
    }
}
