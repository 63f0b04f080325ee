//! API keys: every field except the secret, and the rules for names and notes.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::id::Id;
use super::member::MemberRef;
use super::secret::{SECRET_PREFIX, check_secret};
use super::time::{DAY, TimeDelta, Timestamp};
use super::words::words;

/// The kind of an API key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[schema(as = Kind)]
#[serde(rename_all = "lowercase")]
pub enum KeyKind {
    /// Belongs to a member and is revoked when the member is removed.
    Personal,
    /// Belongs to the organization and stays active when its creator is removed.
    Organization,
}

words!(KeyKind { Personal = "personal", Organization = "organization" });

impl KeyKind {
    /// Returns the other kind.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::Personal => Self::Organization,
            Self::Organization => Self::Personal,
        }
    }
}

/// A client that sent a request with a key or a session.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[schema(as = Client)]
pub struct ClientInfo {
    /// Sanitized `User-Agent` header, at most 200 bytes; empty if the client sent none. It proves nothing, since a client can send
    /// any text.
    pub agent: String,
    /// IP address of the client, as text.
    pub address: String,
}

impl fmt::Display for ClientInfo {
    /// Formats the client as in `enlyze-powerbi/1.0.0 from 10.0.3.7`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let agent = if self.agent.is_empty() { "an unnamed client" } else { &self.agent };
        write!(f, "{agent} from {}", self.address)
    }
}

/// An API key, without its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Key {
    /// Unique id of the key. Ids sort by creation time.
    #[schema(value_type = uuid::Uuid)]
    pub id: Id,
    /// Whether this is a personal key or an organization key.
    pub kind: KeyKind,
    /// Name chosen by a member, 1 to 100 characters.
    pub name: String,
    /// Masked secret, such as `sk_…5G08`.
    pub masked: String,
    /// Note about the key, at most 1,000 characters.
    #[schema(required = true)]
    pub note: Option<String>,
    /// Version of the key, for the `If-Match` header. Increases when the key is edited, confirmed or revoked, but not when it is
    /// used.
    pub version: i64,
    /// When the key was created.
    #[schema(value_type = chrono::DateTime<chrono::Utc>)]
    pub created_at: Timestamp,
    /// Member who created the key. A personal key belongs to its creator.
    pub created_by: Arc<MemberRef>,
    /// When the key was last used successfully; `null` if it was never used.
    #[schema(value_type = Option<chrono::DateTime<chrono::Utc>>, required = true)]
    pub last_used_at: Option<Timestamp>,
    /// Client that last used the key; `null` if the key was never used.
    #[schema(required = true)]
    pub last_used_by: Option<ClientInfo>,
    /// Number of accepted uses of the key.
    pub use_count: i64,
    /// Id of the key that this key replaces in a rotation; `null` if it replaces none.
    #[schema(value_type = Option<uuid::Uuid>, required = true)]
    pub replaces: Option<Id>,
    /// Id of the active key that replaces this key in a rotation; `null` if there is none.
    #[schema(value_type = Option<uuid::Uuid>, required = true)]
    pub replaced_by: Option<Id>,
    /// When the key was revoked; `null` while the key is active.
    #[schema(value_type = Option<chrono::DateTime<chrono::Utc>>, required = true)]
    pub revoked_at: Option<Timestamp>,
    /// Member who revoked the key, if any.
    #[schema(required = true)]
    pub revoked_by: Option<Arc<MemberRef>>,
    /// Reason for the revocation, if one was given.
    #[schema(required = true)]
    pub revoke_reason: Option<String>,
}

/// A key counts as *in use* for this long after its last use.
pub const IN_USE_WITHIN: TimeDelta = DAY;

impl Key {
    /// Creates an active key that was never used. All optional fields are `None`.
    pub fn new(
        id: Id,
        kind: KeyKind,
        name: impl Into<String>,
        masked: impl Into<String>,
        created_at: Timestamp,
        created_by: Arc<MemberRef>,
    ) -> Self {
        Self {
            id,
            kind,
            name: name.into(),
            masked: masked.into(),
            note: None,
            version: 1,
            created_at,
            created_by,
            last_used_at: None,
            last_used_by: None,
            use_count: 0,
            replaces: None,
            replaced_by: None,
            revoked_at: None,
            revoked_by: None,
            revoke_reason: None,
        }
    }

    /// Returns whether the key is in use: not revoked, and used within the last 24 hours. Revoking it would probably break a
    /// client.
    pub fn is_in_use(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && self.last_used_at.is_some_and(|at| now.since(at) <= IN_USE_WITHIN)
    }

    /// Returns the last four characters of the masked secret, which the user types to confirm a revocation.
    pub fn last_four(&self) -> &str {
        last_four(&self.masked)
    }
}

/// Returns the last four characters of a masked secret, or the whole text if it is shorter.
pub fn last_four(masked: &str) -> &str {
    let start = masked.char_indices().rev().nth(3).map_or(0, |(i, _)| i);
    &masked[start..]
}

/// Maximum length of a key name in characters.
pub const NAME_MAX: usize = 100;
/// Maximum length of a note or a reason in characters.
pub const NOTE_MAX: usize = 1_000;

/// Why a name, note or reason is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// Empty, or only white space.
    #[error("must not be empty")]
    Empty,
    /// Longer than allowed.
    #[error("has {length} characters; at most {max} are allowed")]
    Long {
        /// Actual length in characters.
        length: usize,
        /// Maximum length in characters.
        max: usize,
    },
    /// Contains a control, format, blank-looking or line-separating character, or too many combining marks in a row.
    #[error("contains a character that cannot be shown safely (U+{:04X})", u32::from(*.0))]
    UnsafeChar(char),
    /// Contains the secret of a key, probably pasted into the wrong field.
    #[error("contains the secret of an API key; secrets must not be stored in plain text")]
    IsSecret,
}

/// Validates a name and returns it as it is stored: trimmed and in Unicode normalization form C.
///
/// # Errors
/// Fails if the text is not an acceptable name; see [`TextError`].
pub fn normalize_name(text: &str) -> Result<String, TextError> {
    normalize_line(text, NAME_MAX)?.ok_or(TextError::Empty)
}

/// Validates a note or reason and returns it as it is stored, or `None` if it is blank.
///
/// # Errors
/// Fails if the text is not an acceptable note; see [`TextError`].
pub fn normalize_note(text: &str) -> Result<Option<String>, TextError> {
    normalize_line(text, NOTE_MAX)
}

fn normalize_line(text: &str, max: usize) -> Result<Option<String>, TextError> {
    use unicode_normalization::UnicodeNormalization as _;
    // Normalizing an extremely long text would take long, and its exact length after that does not matter.
    if text.len() > max * 64 {
        return Err(TextError::Long { length: text.chars().count(), max });
    }
    let text: String = text.trim().nfc().collect();
    let length = text.chars().count();
    if length > max {
        return Err(TextError::Long { length, max });
    }
    if let Some(c) = super::text::first_unsafe_char(&text) {
        return Err(TextError::UnsafeChar(c));
    }
    if contains_secret(&text) {
        return Err(TextError::IsSecret);
    }
    Ok((length > 0).then_some(text))
}

/// Returns whether the text contains a well-formed secret as a separate word.
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

/// Suggests which kind a key with this name should be, and gives the reason. Returns `None` if the name does not suggest a kind.
///
/// The rules follow the use cases in `docs/concepts.md`.
pub fn recommended_kind(name: &str) -> Option<(KeyKind, &'static str)> {
    const RULES: [(&str, KeyKind, &str); 16] = [
        (
            "grafana",
            KeyKind::Organization,
            "Grafana serves many people and should not stop when one of them leaves",
        ),
        (
            "power bi",
            KeyKind::Organization,
            "a shared Power BI report should not stop when its author leaves",
        ),
        ("powerbi", KeyKind::Organization, "a shared Power BI report should not stop when its author leaves"),
        ("sap", KeyKind::Organization, "production SAP should not stop when one person leaves"),
        ("prod", KeyKind::Organization, "production should not stop when one person leaves"),
        ("server", KeyKind::Organization, "server-to-server keys belong to the organization"),
        ("backend", KeyKind::Organization, "server-to-server keys belong to the organization"),
        ("gateway", KeyKind::Organization, "server-to-server keys belong to the organization"),
        ("mes", KeyKind::Organization, "server-to-server keys belong to the organization"),
        ("notebook", KeyKind::Personal, "a personal notebook should lose access when its owner leaves"),
        ("jupyter", KeyKind::Personal, "a personal notebook should lose access when its owner leaves"),
        ("laptop", KeyKind::Personal, "a personal script should lose access when its owner leaves"),
        ("script", KeyKind::Personal, "a personal script should lose access when its owner leaves"),
        ("local", KeyKind::Personal, "a personal script should lose access when its owner leaves"),
        ("my", KeyKind::Personal, "a key that only you use should be revoked when you leave"),
        ("test", KeyKind::Personal, "a test key should be revoked when its owner leaves"),
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
    fn names_are_trimmed_normalized_and_limited_in_length() {
        assert_eq!(normalize_name("  Power BI – Sales "), Ok("Power BI – Sales".into()));
        assert_eq!(normalize_name("Mu\u{308}nster"), Ok("Münster".into()));
        assert_eq!(normalize_name(&"x".repeat(100)).map(|n| n.len()), Ok(100));
        assert_eq!(normalize_name(&"x".repeat(101)), Err(TextError::Long { length: 101, max: 100 }));
        assert_eq!(normalize_name(" \t "), Err(TextError::Empty));
        for c in ['\u{1b}', '\u{202e}', '\u{200b}', '\u{2028}', '\u{3164}', '\u{e0041}', '\u{9b}', '\n'] {
            assert_eq!(normalize_name(&format!("a{c}b")), Err(TextError::UnsafeChar(c)), "{c:?}");
        }
    }

    #[test]
    fn secrets_are_refused_as_names_and_notes() {
        let s = Secret::generate(|| [200; 64]);
        assert_eq!(normalize_name(s.expose()), Err(TextError::IsSecret));
        assert_eq!(normalize_note(&format!("old one: {}.", s.expose())), Err(TextError::IsSecret));
        assert!(normalize_name("sk_ is our prefix").is_ok());
    }

    #[test]
    fn the_last_four_characters_of_a_masked_secret() {
        assert_eq!(last_four("sk_…5G08"), "5G08");
        assert_eq!(last_four("é"), "é");
    }

    #[test]
    fn only_whole_words_of_a_name_suggest_a_kind() {
        assert_eq!(recommended_kind("Power BI – Sales").map(|r| r.0), Some(KeyKind::Organization));
        assert_eq!(recommended_kind("my notebook").map(|r| r.0), Some(KeyKind::Personal));
        assert_eq!(recommended_kind("Sapphire"), None);
    }
}
