//! Case-insensitive substring and subsequence search, fast enough for 100,000 keys per key press.

use memchr::{memchr, memchr2};
use unicode_normalization::UnicodeNormalization as _;

/// A text to search for, in lower case. Like stored names, it is in Unicode normalization form C.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SearchText(String);

impl SearchText {
    /// Creates a search text from what was typed. The ellipsis of a masked secret may be typed as three dots: `sk_...5G08`.
    pub fn new(text: &str) -> Self {
        let text: String = text.nfc().collect::<String>().to_lowercase();
        Self(if text.starts_with("sk_...") { text.replacen("...", "…", 1) } else { text })
    }

    /// Returns the normalized text.
    pub fn text(&self) -> &str {
        &self.0
    }

    /// Returns whether `haystack` equals this text, ignoring case.
    pub fn equals_ignoring_case(&self, haystack: &str) -> bool {
        if self.0.is_ascii() {
            haystack.eq_ignore_ascii_case(&self.0)
        } else {
            haystack.to_lowercase() == self.0
        }
    }

    /// Returns whether `haystack` contains this text, ignoring case.
    pub fn is_in(&self, haystack: &str) -> bool {
        if self.0.is_ascii() {
            is_ascii_substring(self.0.as_bytes(), haystack.as_bytes())
        } else {
            !haystack.is_ascii() && haystack.to_lowercase().contains(&self.0)
        }
    }

    /// Returns whether `haystack` contains the characters of this text in the same order, possibly with others between them,
    /// ignoring case.
    pub fn is_subsequence_of(&self, haystack: &str) -> bool {
        if self.0.is_ascii() {
            let mut rest = haystack.as_bytes();
            return self.0.bytes().filter(|b| !b.is_ascii_whitespace()).all(|wanted| {
                let found = memchr2(wanted, wanted.to_ascii_uppercase(), rest);
                rest = found.map_or(&[], |at| &rest[at + 1..]);
                found.is_some()
            });
        }
        let mut wanted = self.0.chars().filter(|c| !c.is_whitespace()).peekable();
        for c in haystack.chars().flat_map(char::to_lowercase) {
            if wanted.next_if_eq(&c).is_some() && wanted.peek().is_none() {
                return true;
            }
        }
        wanted.peek().is_none()
    }
}

/// Returns whether `haystack` contains `needle`, ignoring ASCII case. Comparing bytes is safe because UTF-8 uses ASCII bytes for
/// ASCII characters only.
fn is_ascii_substring(needle: &[u8], haystack: &[u8]) -> bool {
    let Some((&first, rest)) = needle.split_first() else { return true };
    let upper = first.to_ascii_uppercase();
    let mut from = 0;
    while let Some(tail) = haystack.get(from..) {
        let found = if upper == first { memchr(first, tail) } else { memchr2(first, upper, tail) };
        let Some(at) = found else { return false };
        let after = from + at + 1;
        if haystack.get(after..after + rest.len()).is_some_and(|next| next.eq_ignore_ascii_case(rest)) {
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
    fn the_search_ignores_case_and_unicode_composition() {
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
        fn the_fast_search_agrees_with_a_simple_search(needle in "[aB –ö]{0,3}", haystack in "[aAbB –öÖ]{0,12}") {
            let plain = haystack.to_lowercase().contains(&needle.to_lowercase());
            prop_assert_eq!(SearchText::new(&needle).is_in(&haystack), plain);
        }

        #[test]
        fn the_fast_fuzzy_search_agrees_with_a_simple_search(needle in "[aB –ö]{0,3}", haystack in "[aAbB –öÖ]{0,12}") {
            let mut rest = haystack.to_lowercase().into_bytes();
            let plain = needle.to_lowercase().split_whitespace().collect::<String>().chars().all(|c| {
                let text = String::from_utf8(rest.clone()).unwrap();
                let found = text.find(c);
                rest = found.map_or_else(Vec::new, |at| text[at + c.len_utf8()..].into());
                found.is_some()
            });
            prop_assert_eq!(SearchText::new(&needle).is_subsequence_of(&haystack), plain);
        }
    }
}
