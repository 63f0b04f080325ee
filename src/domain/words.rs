//! Enums whose variants are stored, sent and shown as one word each.

/// Assigns a word to each variant of an enum, for formatting, parsing and lists of the valid words.
macro_rules! words {
    ($type:ident { $($variant:ident = $word:literal),+ $(,)? }) => {
        impl $type {
            /// Every variant, in the order of declaration.
            pub const ALL: [Self; [$($word),+].len()] = [$(Self::$variant),+];

            /// All words as alternatives, for help and error messages: `a, b or c`.
            pub const ALTERNATIVES: &'static str = $crate::domain::words::alternatives!($($word),+);

            /// Returns the variant's word, which JSON, the database and the screens use.
            pub fn word(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.word())
            }
        }

        impl std::str::FromStr for $type {
            type Err = $crate::domain::words::UnknownWord;

            fn from_str(text: &str) -> Result<Self, $crate::domain::words::UnknownWord> {
                match text {
                    $($word => Ok(Self::$variant),)+
                    _ => Err($crate::domain::words::UnknownWord { valid: &[$($word),+] }),
                }
            }
        }
    };
}
pub(crate) use words;

/// Joins words at compile time: `a, b or c`.
macro_rules! alternatives {
    ($last:literal) => { $last };
    ($first:literal, $last:literal) => { concat!($first, " or ", $last) };
    ($first:literal, $($rest:literal),+) => { concat!($first, ", ", $crate::domain::words::alternatives!($($rest),+)) };
}
pub(crate) use alternatives;

/// Error for a text that is not one of the valid words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("use one of: {}", .valid.join(", "))]
pub struct UnknownWord {
    /// The words that would have been valid.
    pub valid: &'static [&'static str],
}

#[cfg(test)]
mod tests {
    use serde::Serialize;
    use serde::de::DeserializeOwned;

    use crate::domain::activity::Action;
    use crate::domain::key::KeyKind;
    use crate::domain::member::{MemberStatus, Role};
    use crate::domain::review::Decision;
    use crate::domain::rotation::Phase;
    use crate::domain::staleness::Flag;

    /// Asserts that JSON and the database use the same word for each variant.
    fn assert_same_words<T>(all: &[T], word: fn(T) -> &'static str)
    where
        T: Copy + PartialEq + std::fmt::Debug + Serialize + DeserializeOwned + std::str::FromStr,
    {
        for &value in all {
            assert_eq!(serde_json::to_value(value).unwrap(), word(value));
            assert_eq!(serde_json::from_value::<T>(word(value).into()).unwrap(), value);
            assert_eq!(word(value).parse().ok(), Some(value));
        }
    }

    #[test]
    fn json_and_the_database_use_the_same_words() {
        assert_same_words(&Action::ALL, Action::word);
        assert_same_words(&KeyKind::ALL, KeyKind::word);
        assert_same_words(&Role::ALL, Role::word);
        assert_same_words(&MemberStatus::ALL, MemberStatus::word);
        assert_same_words(&Decision::ALL, Decision::word);
        assert_same_words(&Phase::ALL, Phase::word);
        assert_same_words(&Flag::ALL, Flag::word);
    }
}
