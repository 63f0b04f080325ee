//! Enums that are stored, sent and shown as one word each.

/// Gives an enum its words, once for all directions.
macro_rules! words {
    ($type:ident { $($variant:ident = $word:literal),+ $(,)? }) => {
        impl $type {
            /// The word used in the contract, the database and on screens.
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
                    _ => Err($crate::domain::words::UnknownWord { wanted: &[$($word),+] }),
                }
            }
        }
    };
}
pub(crate) use words;

/// A word that is none of those that were possible.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("use one of: {}", .wanted.join(", "))]
pub struct UnknownWord {
    /// The words that would have been understood.
    pub wanted: &'static [&'static str],
}
