//! Case-insensitive substring and subsequence search, fast enough for 100,000 keys per key press.

use memchr::{memchr, memchr2};
use unicode_normalization::UnicodeNormalization as _;

/// A text to search for, in lower case and Unicode normalization form C, as names are stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SearchText(String);

impl SearchText {
    /// Prepares a text to search for. A masked secret may be typed in ASCII, as `sk_...5G08`.
    pub fn new(text: &str) -> Self {
        let text: String = text.nfc().collect::<String>().to_lowercase();
        Self(if text.starts_with("sk_...") { text.replacen("...", "…", 1) } else { text })
    }

    /// Returns the prepared text.
    pub fn text(&self) -> &str {
        &self.0
    }

    /// Returns whether `hay` is equal, ignoring case.
    pub fn equals_ignoring_case(&self, hay: &str) -> bool {
        if self.0.is_ascii() { hay.eq_ignore_ascii_case(&self.0) } else { hay.to_lowercase() == self.0 }
    }

    /// Returns whether `hay` contains the text, ignoring case.
    pub fn is_in(&self, hay: &str) -> bool {
        if self.0.is_ascii() {
            ascii_is_in(self.0.as_bytes(), hay.as_bytes())
        } else {
            !hay.is_ascii() && hay.to_lowercase().contains(&self.0)
        }
    }

    /// Returns whether the characters occur in `hay` in this order, ignoring case, with any others between them.
    pub fn is_subsequence_of(&self, hay: &str) -> bool {
        if self.0.is_ascii() {
            let mut rest = hay.as_bytes();
            return self.0.bytes().filter(|b| !b.is_ascii_whitespace()).all(|wanted| {
                let found = memchr2(wanted, wanted.to_ascii_uppercase(), rest);
                rest = found.map_or(&[], |at| &rest[at + 1..]);
                found.is_some()
            });
        }
        let mut wanted = self.0.chars().filter(|c| !c.is_whitespace()).peekable();
        for c in hay.chars().flat_map(char::to_lowercase) {
            if wanted.next_if_eq(&c).is_some() && wanted.peek().is_none() {
                return true;
            }
        }
        wanted.peek().is_none()
    }
}

/// Searches bytes instead of characters: in UTF-8 the bytes of other characters are never ASCII.
fn ascii_is_in(needle: &[u8], hay: &[u8]) -> bool {
    let Some((&first, rest)) = needle.split_first() else { return true };
    let upper = first.to_ascii_uppercase();
    let mut from = 0;
    while let Some(tail) = hay.get(from..) {
        let found = if upper == first { memchr(first, tail) } else { memchr2(first, upper, tail) };
        let Some(at) = found else { return false };
        let after = from + at + 1;
        if hay.get(after..after + rest.len()).is_some_and(|next| next.eq_ignore_ascii_case(rest)) {
            return true;
        }
        from = after;
    }
    false
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn case_and_composition_do_not_matter() {
        assert!(SearchText::new("POWER").is_in("Power BI – Sales"));
        assert!(SearchText::new("mu\u{308}ns").is_in("Werk MÜNSTER"));
        assert!(SearchText::new("– s").is_in("Power BI – Sales"));
        assert!(SearchText::new("SK_...5g08").is_in("sk_…5G08"));
        assert!(SearchText::new("pbsl").is_subsequence_of("Power BI – Sales"));
        assert!(!SearchText::new("lsbp").is_subsequence_of("Power BI – Sales"));
        assert!(!SearchText::new("biz").is_in("Power BI"));
    }

    proptest! {
        #[test]
        fn the_quick_search_finds_what_the_plain_one_finds(needle in "[aB –ö]{0,3}", hay in "[aAbB –öÖ]{0,12}") {
            let plain = hay.to_lowercase().contains(&needle.to_lowercase());
            prop_assert_eq!(SearchText::new(&needle).is_in(&hay), plain);
        }

        #[test]
        fn the_quick_fuzzy_search_too(needle in "[aB –ö]{0,3}", hay in "[aAbB –öÖ]{0,12}") {
            let mut rest = hay.to_lowercase().into_bytes();
            let plain = needle.to_lowercase().split_whitespace().collect::<String>().chars().all(|c| {
                let text = String::from_utf8(rest.clone()).unwrap();
                let found = text.find(c);
                rest = found.map_or_else(Vec::new, |at| text[at + c.len_utf8()..].into());
                found.is_some()
            });
            prop_assert_eq!(SearchText::new(&needle).is_subsequence_of(&hay), plain);
        }
    }
}
