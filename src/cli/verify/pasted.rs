//! A key as it was pasted, with everything that may have happened to it on the way: what is wrong with it, in words.

use crate::domain::secret::{SECRET_LENGTH, SECRET_PREFIX, SecretError, check_secret};

/// What was pasted.
pub(super) struct PastedKey<'a> {
    /// All of it, the line's end included.
    raw: &'a str,
    /// Whether it stood in quotes.
    quoted: bool,
    /// Whether `Authorization:` stood before it.
    header: bool,
    /// What stood between that and the key: `Bearer`, and whether a space followed.
    scheme: Scheme,
    /// The key alone, trimmed.
    key: &'a str,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Scheme {
    None,
    Bearer,
    /// `Bearersk_…`
    Glued,
}

impl<'a> PastedKey<'a> {
    pub(super) fn new(raw: &'a str) -> Self {
        let mut rest = raw.trim();
        let bare = rest.trim_matches(['"', '\'']).trim();
        let quoted = bare != rest;
        rest = bare;
        let header = strip(&mut rest, "authorization:");
        rest = rest.trim_start();
        let scheme = match () {
            () if !strip(&mut rest, "bearer") => Scheme::None,
            () if rest.starts_with(char::is_whitespace) => Scheme::Bearer,
            () => Scheme::Glued,
        };
        Self { raw, quoted, header, scheme, key: rest.trim() }
    }

    /// The key alone.
    pub(super) fn key(&self) -> &'a str {
        self.key
    }

    /// Whether it can stand in a header at all.
    pub(super) fn can_be_sent(&self) -> bool {
        !self.key.contains(|c: char| c.is_control() || c.is_whitespace())
    }

    /// The header to try: what was meant, so that the answer is about the key.
    pub(super) fn authorization(&self) -> zeroize::Zeroizing<String> {
        zeroize::Zeroizing::new(format!("Bearer {}", self.key))
    }

    /// What is wrong with it, each with what to do; nothing where it is well-formed and stands alone.
    pub(super) fn hints(&self) -> Vec<String> {
        let mut hints = Vec::new();
        if self.header && self.scheme == Scheme::None {
            hints.push("`Bearer` is missing before the key: send `Authorization: Bearer sk_…`.".to_owned());
        }
        if self.scheme == Scheme::Glued {
            hints.push("The space between `Bearer` and the key is missing.".to_owned());
        }
        if self.quoted {
            hints.push("Quotes stand around it: they are no part of the key.".to_owned());
        }
        if let Err(wrong) = check_secret(self.key) {
            hints.push(self.surrounded().unwrap_or_else(|| self.malformed(wrong)));
        }
        let ends_in_line = self.raw.trim_end_matches(' ').ends_with('\n');
        if ends_in_line && self.raw.trim_end_matches(['\n', '\r']).contains('\n') {
            hints.push("There is more than one line: only the key belongs there.".to_owned());
        } else if ends_in_line {
            hints.push(
                "A line break follows the key: harmless here, but a program that sends it along is refused."
                    .to_owned(),
            );
        }
        hints
    }

    /// Whether a whole key is in there, with something around it.
    fn surrounded(&self) -> Option<String> {
        let whole = |at: usize| {
            let word = self.key.get(at..at + SECRET_LENGTH)?;
            check_secret(word).is_ok().then_some(at)
        };
        let found: Vec<usize> =
            self.key.match_indices(SECRET_PREFIX).filter_map(|(at, _)| whole(at)).collect();
        match *found.as_slice() {
            [] => None,
            [at] => {
                let before = self.key[..at].chars().next_back();
                let what = match (before, self.key[at + SECRET_LENGTH..].chars().next()) {
                    (Some(c), _) => format!("before it, U+{:04X} last", u32::from(c)),
                    (None, Some(c)) => format!("after it, U+{:04X} first", u32::from(c)),
                    (None, None) => return None,
                };
                Some(format!(
                    "A whole key is in there, but something else stands {what}: only the key belongs there."
                ))
            }
            _ => Some("There is more than one key: only one belongs there.".to_owned()),
        }
    }

    fn malformed(&self, wrong: SecretError) -> String {
        let odd = |c: &char| !c.is_ascii_alphanumeric() && *c != '_';
        match wrong {
            SecretError::Prefix => match self.key.chars().take(4).collect::<Vec<_>>().as_slice() {
                ['s', 'e', 's', '_'] => "That is a session, not a key: a key begins with `sk_`.".to_owned(),
                ['i', 'n', 'v', '_'] => "That is a sign-in code, not a key: a key begins with `sk_`.".to_owned(),
                ['s', 'k', c, ..] if is_dash(*c) => format!("It begins with `sk{c}`: there must be an underscore, `sk_`, not a dash."),
                [s, k, '_', ..] if s.eq_ignore_ascii_case(&'s') && k.eq_ignore_ascii_case(&'k') => {
                    "It begins with capital letters: a key begins with `sk_`, and capitals matter.".to_owned()
                }
                _ => "It does not begin with `sk_`, so its beginning is missing or it is something else.".to_owned(),
            },
            SecretError::Length(n) if n < SECRET_LENGTH => {
                let missing = SECRET_LENGTH - n;
                let characters = if missing == 1 { "character is" } else { "characters are" };
                format!("It was truncated: a key has {SECRET_LENGTH} characters, and {missing} {characters} missing. Copy it again, whole.")
            }
            SecretError::Length(n) => {
                format!("It is too long: a key has {SECRET_LENGTH} characters, this has {n}. Something was copied with it.")
            }
            SecretError::Alphabet(at) => match self.key.chars().find(odd) {
                Some(c) if is_dash(c) => format!("Character {} is a dash (U+{:04X}): a key holds only letters, digits and the one underscore.", at + 1, u32::from(c)),
                Some(c) if c.is_whitespace() => format!("There is a space or line break inside it, after {at} characters: it was wrapped when it was copied."),
                Some(c) => format!("Character {} (U+{:04X}) cannot be part of a key: it was altered when it was copied.", at + 1, u32::from(c)),
                None => format!("Character {} cannot be part of a key: a key has one underscore only, after `sk`.", at + 1),
            },
            SecretError::Checksum => "It has the right length, but a character was mistyped or swapped (its checksum does not match). Copy it instead of typing it.".to_owned(),
        }
    }
}

/// Takes a word away from the front, in any case.
fn strip(rest: &mut &str, word: &str) -> bool {
    let found = rest.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word));
    if found {
        *rest = &rest[word.len()..];
    }
    found
}

fn is_dash(c: char) -> bool {
    matches!(c, '-' | '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{AD}' | '\u{FE58}' | '\u{FE63}' | '\u{FF0D}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::secret::Secret;

    fn hint(pasted: &str) -> String {
        PastedKey::new(pasted).hints().join(" | ")
    }

    #[test]
    fn what_happened_to_a_key_is_said() {
        let secret = Secret::generate(|| [7; 64]);
        let key = secret.expose();
        assert_eq!(hint(key), "");
        assert_eq!(hint(&format!("Bearer {key}")), "");
        assert_eq!(hint(&format!("Authorization: Bearer {key}")), "");
        assert!(hint(&format!("Authorization: {key}")).contains("`Bearer` is missing"));
        assert!(hint(&format!("Bearer{key}")).contains("space between"));
        assert!(hint(&format!("{key}\n")).contains("line break follows"));
        assert!(hint(&key[..40]).contains("3 characters are missing"));
        assert!(hint(&key[..42]).contains("1 character is missing"));
        assert!(hint(&format!("{key}x")).contains("after it, U+0078"));
        assert!(hint(&format!("\u{feff}{key}")).contains("before it, U+FEFF"));
        assert!(hint(&format!("token={key}")).contains("before it"));
        assert!(hint(&format!("{key}{key}")).contains("more than one key"));
        assert!(hint(&format!("\"{key}\"")).contains("Quotes"));
        assert!(hint(&format!("{}{}", &key[..41], &key[3..20])).contains("too long"));
        assert!(hint(&key.replace('_', "-")).contains("underscore"));
        assert!(hint(&key.replace('_', "–")).contains("underscore"));
        assert!(hint(&key.replacen('7', "–", 1)).contains("U+2013"));
        assert!(hint(&key.to_uppercase()).contains("capitals"));
        assert!(hint(&format!("{} {}", &key[..20], &key[20..])).contains("after 20 characters"));
        assert!(hint("ses_abc").contains("session"));
        let swapped = format!(
            "sk_{}{}{}",
            &key[4..5],
            if key[3..4] == key[4..5] { "Z" } else { &key[3..4] },
            &key[5..]
        );
        assert!(hint(&swapped).contains("checksum"), "{}", hint(&swapped));
    }

    #[test]
    fn hints_never_repeat_the_key() {
        let secret = Secret::generate(|| [9; 64]);
        let key = secret.expose();
        for cut in 8..key.len() {
            assert!(!hint(&key[..cut]).contains(&key[..cut]));
        }
    }
}
