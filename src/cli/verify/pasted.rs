//! Analyses a pasted key and explains what happened to it: quotes, a header around it, truncation, swapped characters.

use crate::domain::secret::{SECRET_LENGTH, SECRET_PREFIX, SecretError, check_secret};

/// A pasted key, with the text around it.
pub(super) struct PastedKey<'a> {
    /// The pasted text, including its line break.
    raw: &'a str,
    /// Whether the text was in quotes.
    quoted: bool,
    /// Whether the text began with `Authorization:`.
    header: bool,
    /// Authorization scheme before the key.
    scheme: Scheme,
    /// The key alone, without white space around it.
    key: &'a str,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Scheme {
    None,
    Bearer,
    /// `Bearersk_…`: no space after the scheme.
    BearerWithoutSpace,
}

impl<'a> PastedKey<'a> {
    pub(super) fn new(raw: &'a str) -> Self {
        let mut rest = raw.trim();
        let unquoted = rest.trim_matches(['"', '\'']).trim();
        let quoted = unquoted != rest;
        rest = unquoted;
        let header = strip_prefix(&mut rest, "authorization:");
        rest = rest.trim_start();
        let scheme = if !strip_prefix(&mut rest, "bearer") {
            Scheme::None
        } else if rest.starts_with(char::is_whitespace) {
            Scheme::Bearer
        } else {
            Scheme::BearerWithoutSpace
        };
        Self { raw, quoted, header, scheme, key: rest.trim() }
    }

    pub(super) fn key(&self) -> &'a str {
        self.key
    }

    /// Returns whether the key can be sent in an HTTP header.
    pub(super) fn can_be_sent(&self) -> bool {
        !self.key.contains(|c: char| c.is_control() || c.is_whitespace())
    }

    /// Returns a well-formed `Authorization` header value, so that the server's reply is about the key rather than the text
    /// around it.
    pub(super) fn authorization(&self) -> zeroize::Zeroizing<String> {
        zeroize::Zeroizing::new(format!("Bearer {}", self.key))
    }

    /// Returns an explanation and a fix for each problem; empty if the text is just a well-formed key.
    pub(super) fn hints(&self) -> Vec<String> {
        let mut hints = Vec::new();
        if self.header && self.scheme == Scheme::None {
            hints.push("`Bearer` is missing before the key: send `Authorization: Bearer sk_…`.".to_owned());
        }
        if self.scheme == Scheme::BearerWithoutSpace {
            hints.push("The space between `Bearer` and the key is missing.".to_owned());
        }
        if self.quoted {
            hints.push("The key is in quotes, which are not part of it.".to_owned());
        }
        if let Err(error) = check_secret(self.key) {
            hints.push(self.explain_surroundings().unwrap_or_else(|| self.explain_error(error)));
        }
        let ends_in_line_break = self.raw.trim_end_matches(' ').ends_with('\n');
        if ends_in_line_break && self.raw.trim_end_matches(['\n', '\r']).contains('\n') {
            hints.push("There is more than one line. Paste only the key.".to_owned());
        } else if ends_in_line_break {
            hints.push(
                "A line break follows the key. It is harmless here, but a server refuses a key that is sent with one."
                    .to_owned(),
            );
        }
        hints
    }

    /// Explains that the text contains several keys, or a complete key with other text around it. Returns `None` otherwise.
    fn explain_surroundings(&self) -> Option<String> {
        let complete_key_at = |at: usize| {
            let word = self.key.get(at..at + SECRET_LENGTH)?;
            check_secret(word).is_ok().then_some(at)
        };
        let found: Vec<usize> =
            self.key.match_indices(SECRET_PREFIX).filter_map(|(at, _)| complete_key_at(at)).collect();
        match *found.as_slice() {
            [] => None,
            [at] => {
                let before = self.key[..at].chars().next_back();
                let position = match (before, self.key[at + SECRET_LENGTH..].chars().next()) {
                    (Some(c), _) => format!("before it, ending with U+{:04X}", u32::from(c)),
                    (None, Some(c)) => format!("after it, beginning with U+{:04X}", u32::from(c)),
                    (None, None) => return None,
                };
                Some(format!(
                    "The text contains a complete key, but also other text {position}. Paste only the key."
                ))
            }
            _ => Some("There is more than one key. Paste only one.".to_owned()),
        }
    }

    fn explain_error(&self, error: SecretError) -> String {
        let is_invalid = |c: &char| !c.is_ascii_alphanumeric() && *c != '_';
        match error {
            SecretError::Prefix => match self.key.chars().take(4).collect::<Vec<_>>().as_slice() {
                ['s', 'e', 's', '_'] => "This is a session token, not a key: a key begins with `sk_`.".to_owned(),
                ['i', 'n', 'v', '_'] => "This is a sign-in code, not a key: a key begins with `sk_`.".to_owned(),
                ['s', 'k', c, ..] if is_dash(*c) => format!("The text begins with `sk{c}`: it has a dash instead of the underscore in `sk_`."),
                [s, k, '_', ..] if s.eq_ignore_ascii_case(&'s') && k.eq_ignore_ascii_case(&'k') => {
                    "The text begins with capitals. A key begins with `sk_`, and upper and lower case differ.".to_owned()
                }
                _ => "The text does not begin with `sk_`: the beginning is missing, or this is not a key.".to_owned(),
            },
            SecretError::Length(n) if n < SECRET_LENGTH => {
                let missing = SECRET_LENGTH - n;
                let characters = if missing == 1 { "character is" } else { "characters are" };
                format!(
                    "The key was truncated: a key has {SECRET_LENGTH} characters, and {missing} {characters} missing. Copy the \
                     whole key again."
                )
            }
            SecretError::Length(n) => {
                format!("The text is too long: a key has {SECRET_LENGTH} characters, and this has {n}. Other text was copied with the key.")
            }
            SecretError::Alphabet(at) => match self.key.chars().find(is_invalid) {
                Some(c) if is_dash(c) => format!("Character {} is a dash (U+{:04X}): a key has only letters, digits and one underscore.", at + 1, u32::from(c)),
                Some(c) if c.is_whitespace() => format!("There is a space or line break after {at} characters: the key was wrapped when it was copied."),
                Some(c) => format!("Character {} (U+{:04X}) cannot be part of a key: the text was changed when it was copied.", at + 1, u32::from(c)),
                None => format!("Character {} cannot be part of a key: a key has only one underscore, after `sk`.", at + 1),
            },
            SecretError::Checksum => "The key has the right length, but its checksum does not match: a character was mistyped or swapped. Copy the key instead of typing it.".to_owned(),
        }
    }
}

/// Removes the prefix `word` from `rest`, ignoring case. Returns whether it was there.
fn strip_prefix(rest: &mut &str, word: &str) -> bool {
    let is_found = rest.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word));
    if is_found {
        *rest = &rest[word.len()..];
    }
    is_found
}

fn is_dash(c: char) -> bool {
    matches!(c, '-' | '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{AD}' | '\u{FE58}' | '\u{FE63}' | '\u{FF0D}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::secret::Secret;

    fn hints_for(pasted: &str) -> String {
        PastedKey::new(pasted).hints().join(" | ")
    }

    #[test]
    fn every_kind_of_copying_mistake_is_explained() {
        let secret = Secret::generate(|| [7; 64]);
        let key = secret.expose();
        assert_eq!(hints_for(key), "");
        assert_eq!(hints_for(&format!("Bearer {key}")), "");
        assert_eq!(hints_for(&format!("Authorization: Bearer {key}")), "");
        assert!(hints_for(&format!("Authorization: {key}")).contains("`Bearer` is missing"));
        assert!(hints_for(&format!("Bearer{key}")).contains("space between"));
        assert!(hints_for(&format!("{key}\n")).contains("line break follows"));
        assert!(hints_for(&key[..40]).contains("3 characters are missing"));
        assert!(hints_for(&key[..42]).contains("1 character is missing"));
        assert!(hints_for(&format!("{key}x")).contains("after it, beginning with U+0078"));
        assert!(hints_for(&format!("\u{feff}{key}")).contains("before it, ending with U+FEFF"));
        assert!(hints_for(&format!("token={key}")).contains("before it"));
        assert!(hints_for(&format!("{key}{key}")).contains("more than one key"));
        assert!(hints_for(&format!("\"{key}\"")).contains("quotes"));
        assert!(hints_for(&format!("{}{}", &key[..41], &key[3..20])).contains("too long"));
        assert!(hints_for(&key.replace('_', "-")).contains("underscore"));
        assert!(hints_for(&key.replace('_', "–")).contains("underscore"));
        assert!(hints_for(&key.replacen('7', "–", 1)).contains("U+2013"));
        assert!(hints_for(&key.to_uppercase()).contains("capitals"));
        assert!(hints_for(&format!("{} {}", &key[..20], &key[20..])).contains("after 20 characters"));
        assert!(hints_for("ses_abc").contains("session"));
        let swapped = format!(
            "sk_{}{}{}",
            &key[4..5],
            if key[3..4] == key[4..5] { "Z" } else { &key[3..4] },
            &key[5..]
        );
        assert!(hints_for(&swapped).contains("checksum"), "{}", hints_for(&swapped));
    }

    #[test]
    fn a_hint_never_contains_the_key() {
        let secret = Secret::generate(|| [9; 64]);
        let key = secret.expose();
        for cut in 8..key.len() {
            assert!(!hints_for(&key[..cut]).contains(&key[..cut]));
        }
    }
}
