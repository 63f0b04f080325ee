//! An API key as everyone but its user sees it: all facts, never the secret.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::id::Id;
use super::member::MemberRef;
use super::secret::{SECRET_PREFIX, check_secret};
use super::time::{DAY, TimeDelta, Timestamp};
use super::words::words;

/// Whose key it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[schema(as = Kind)]
#[serde(rename_all = "lowercase")]
pub enum KeyKind {
    /// A member's own; revoked with the member.
    Personal,
    /// The organization's; survives its creator.
    Organization,
}

words!(KeyKind { Personal = "personal", Organization = "organization" });

impl KeyKind {
    /// The other of the two.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::Personal => Self::Organization,
            Self::Organization => Self::Personal,
        }
    }
}

/// What used a key, as it presented itself.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[schema(as = Client)]
pub struct ClientInfo {
    /// The `User-Agent` it claimed, cleaned, at most 200 bytes; empty if it sent none.
    pub agent: String,
    /// Its address, as text.
    pub address: String,
}

impl fmt::Display for ClientInfo {
    /// `enlyze-powerbi/1.0.0 from 10.0.3.7`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let agent = if self.agent.is_empty() { "an unnamed client" } else { &self.agent };
        write!(f, "{agent} from {}", self.address)
    }
}

/// A key, as in the contract.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Key {
    /// The id.
    #[schema(value_type = uuid::Uuid)]
    pub id: Id,
    /// Personal or the organization's.
    pub kind: KeyKind,
    /// What the administrator called it.
    pub name: String,
    /// The mask, `sk_…5G08`.
    pub masked: String,
    /// Free text.
    #[schema(required = true)]
    pub note: Option<String>,
    /// Counts changes of name, note, confirmation and revocation; never uses.
    pub version: i64,
    /// When it was created.
    #[schema(value_type = chrono::DateTime<chrono::Utc>)]
    pub created_at: Timestamp,
    /// Who created it; of a personal key, its owner.
    pub created_by: Arc<MemberRef>,
    /// When it was last used; nothing means never.
    #[schema(value_type = Option<chrono::DateTime<chrono::Utc>>, required = true)]
    pub last_used_at: Option<Timestamp>,
    /// What used it last.
    #[schema(required = true)]
    pub last_used_by: Option<ClientInfo>,
    /// How often it was used.
    pub use_count: i64,
    /// The key that this one was made to replace.
    #[schema(value_type = Option<uuid::Uuid>, required = true)]
    pub replaces: Option<Id>,
    /// The key that replaces this one and is not revoked.
    #[schema(value_type = Option<uuid::Uuid>, required = true)]
    pub replaced_by: Option<Id>,
    /// When it was revoked; nothing while it is accepted.
    #[schema(value_type = Option<chrono::DateTime<chrono::Utc>>, required = true)]
    pub revoked_at: Option<Timestamp>,
    /// Who revoked it.
    #[schema(required = true)]
    pub revoked_by: Option<Arc<MemberRef>>,
    /// Why, where a reason was asked for or given.
    #[schema(required = true)]
    pub revoke_reason: Option<String>,
}

/// A key used within this span wears the badge **live**, in milliseconds.
pub const IN_USE_WITHIN: TimeDelta = DAY;

impl Key {
    /// Used within the last 24 hours and not revoked: revoking it would break something now.
    pub fn is_in_use(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && self.last_used_at.is_some_and(|at| now.since(at) <= IN_USE_WITHIN)
    }

    /// The last four characters of the mask, which confirm a revoke when typed.
    pub fn last_four(&self) -> &str {
        last_four(&self.masked)
    }
}

/// The last four characters of a mask (fewer where the mask is shorter).
pub fn last_four(mask: &str) -> &str {
    let start = mask.char_indices().rev().nth(3).map_or(0, |(i, _)| i);
    &mask[start..]
}

/// Most characters of a name.
pub const NAME_MAX: usize = 100;
/// Most characters of a note or a reason.
pub const NOTE_MAX: usize = 1_000;

/// Why a name or note is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// Nothing, or only spaces.
    #[error("must not be empty")]
    Empty,
    /// Longer than allowed.
    #[error("has {length} characters, at most {most} are allowed")]
    Long {
        /// Characters it has.
        length: usize,
        /// Characters allowed.
        most: usize,
    },
    /// Control, format, blank-looking or line-separating characters, or piled-up accents.
    #[error("holds a character that cannot be shown safely (U+{:04X})", u32::from(*.0))]
    UnsafeChar(char),
    /// The text is a secret, pasted into the wrong field.
    #[error("is itself an API key; a secret must not be stored in plain sight")]
    IsSecret,
}

/// The name as it is stored: trimmed, in normalization form C.
///
/// # Errors
/// See [`TextError`].
pub fn normalize_name(text: &str) -> Result<String, TextError> {
    one_line(text, NAME_MAX)?.ok_or(TextError::Empty)
}

/// A note or reason as it is stored, nothing where it is blank.
///
/// # Errors
/// See [`TextError`].
pub fn normalize_note(text: &str) -> Result<Option<String>, TextError> {
    one_line(text, NOTE_MAX)
}

fn one_line(text: &str, most: usize) -> Result<Option<String>, TextError> {
    use unicode_normalization::UnicodeNormalization as _;
    // Nobody needs the exact count of a text that is absurdly long, and normalizing it would take its time.
    if text.len() > most * 64 {
        return Err(TextError::Long { length: text.chars().count(), most });
    }
    let text: String = text.trim().nfc().collect();
    let length = text.chars().count();
    if length > most {
        return Err(TextError::Long { length, most });
    }
    if let Some(c) = super::text::first_unsafe_char(&text) {
        return Err(TextError::UnsafeChar(c));
    }
    if contains_secret(&text) {
        return Err(TextError::IsSecret);
    }
    Ok((length > 0).then_some(text))
}

/// Whether a well-formed secret stands anywhere in the text as a word of its own.
pub fn contains_secret(text: &str) -> bool {
    text.match_indices(SECRET_PREFIX).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let word = &text[at..];
        let end = word
            .char_indices()
            .skip(SECRET_PREFIX.len())
            .find(|(_, c)| !c.is_ascii_alphanumeric())
            .map_or(word.len(), |(i, _)| i);
        !before.is_some_and(|c| c.is_alphanumeric() || c == '_') && check_secret(&word[..end]).is_ok()
    })
}

/// The kind that PRODUCT's table of use cases recommends for a key of this name, with the reason in words.
/// Nothing where the name does not tell.
pub fn recommended_kind(name: &str) -> Option<(KeyKind, &'static str)> {
    const RULES: [(&str, KeyKind, &str); 16] = [
        (
            "grafana",
            KeyKind::Organization,
            "Grafana serves many people: it should not stop when one of them leaves",
        ),
        (
            "power bi",
            KeyKind::Organization,
            "a shared Power BI report should not stop when its author leaves",
        ),
        ("powerbi", KeyKind::Organization, "a shared Power BI report should not stop when its author leaves"),
        ("sap", KeyKind::Organization, "production SAP should not stop when one person leaves"),
        ("prod", KeyKind::Organization, "production should not stop when one person leaves"),
        ("server", KeyKind::Organization, "server to server belongs to the organization"),
        ("backend", KeyKind::Organization, "server to server belongs to the organization"),
        ("gateway", KeyKind::Organization, "server to server belongs to the organization"),
        ("mes", KeyKind::Organization, "server to server belongs to the organization"),
        ("notebook", KeyKind::Personal, "a notebook on one's own machine should end with its owner"),
        ("jupyter", KeyKind::Personal, "a notebook on one's own machine should end with its owner"),
        ("laptop", KeyKind::Personal, "a script on one's own machine should end with its owner"),
        ("script", KeyKind::Personal, "a script on one's own machine should end with its owner"),
        ("local", KeyKind::Personal, "a script on one's own machine should end with its owner"),
        ("my", KeyKind::Personal, "what is yours alone should end with you"),
        ("test", KeyKind::Personal, "a trial on one's own machine should end with its owner"),
    ];
    let name = name.to_lowercase();
    let words: Vec<&str> = name.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty()).collect();
    let joined = format!(" {} ", words.join(" "));
    RULES.iter().find(|(word, ..)| joined.contains(&format!(" {word} "))).map(|&(_, kind, why)| (kind, why))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::secret::Secret;

    #[test]
    fn names_are_trimmed_normalized_and_bounded() {
        assert_eq!(normalize_name("  Power BI – Sales "), Ok("Power BI – Sales".into()));
        assert_eq!(normalize_name("Mu\u{308}nster"), Ok("Münster".into()));
        assert_eq!(normalize_name(&"x".repeat(100)).map(|n| n.len()), Ok(100));
        assert_eq!(normalize_name(&"x".repeat(101)), Err(TextError::Long { length: 101, most: 100 }));
        assert_eq!(normalize_name(" \t "), Err(TextError::Empty));
        for c in ['\u{1b}', '\u{202e}', '\u{200b}', '\u{2028}', '\u{3164}', '\u{e0041}', '\u{9b}', '\n'] {
            assert_eq!(normalize_name(&format!("a{c}b")), Err(TextError::UnsafeChar(c)), "{c:?}");
        }
    }

    #[test]
    fn a_secret_is_refused_as_a_name() {
        let s = Secret::generate(|| [200; 64]);
        assert_eq!(normalize_name(s.expose()), Err(TextError::IsSecret));
        assert_eq!(normalize_note(&format!("old one: {}.", s.expose())), Err(TextError::IsSecret));
        assert!(normalize_name("sk_ is our prefix").is_ok());
    }

    #[test]
    fn the_last_four_of_a_mask() {
        assert_eq!(last_four("sk_…5G08"), "5G08");
        assert_eq!(last_four("é"), "é");
    }

    #[test]
    fn names_suggest_a_kind_by_whole_words() {
        assert_eq!(recommended_kind("Power BI – Sales").map(|r| r.0), Some(KeyKind::Organization));
        assert_eq!(recommended_kind("my notebook").map(|r| r.0), Some(KeyKind::Personal));
        assert_eq!(recommended_kind("Sapphire"), None);
    }
}
