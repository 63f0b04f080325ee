//! The words of closed sets, such as roles and decisions, in flags, help, completions and the documentation of JSON.
//!
//! The words themselves belong to the enums of `domain` and `config`; no help text repeats them.

use clap::ValueEnum;
use clap::builder::PossibleValue;

use crate::config::{ColorMode, ThemeName};
use crate::domain::activity::Action;
use crate::domain::export::ExportFormat;
use crate::domain::key::KeyKind;
use crate::domain::member::{MemberStatus, Role};
use crate::domain::review::Decision;
use crate::domain::rotation::Phase;
use crate::domain::staleness::Flag;

macro_rules! value_enum {
    ($($type:ty),+ $(,)?) => {$(
        impl ValueEnum for $type {
            fn value_variants<'a>() -> &'a [Self] {
                &Self::ALL
            }

            fn to_possible_value(&self) -> Option<PossibleValue> {
                Some(PossibleValue::new(self.word()))
            }
        }
    )+};
}

value_enum!(Action, ColorMode, Decision, Flag, KeyKind, MemberStatus, Phase, Role, ThemeName);

impl ValueEnum for ExportFormat {
    fn value_variants<'a>() -> &'a [Self] {
        &Self::ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.word()).help(match self {
            Self::Markdown => "To read",
            Self::Csv => "For a spreadsheet",
            Self::Json => "For programs, with a digest",
        }))
    }
}

/// Returns the command-line words for all variants of an enum, in the order of declaration.
pub(super) fn words_of<T: ValueEnum>() -> Vec<String> {
    T::value_variants().iter().map(word_of).collect()
}

/// Returns the command-line word for an enum value.
pub(super) fn word_of<T: ValueEnum>(value: &T) -> String {
    value.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
}
