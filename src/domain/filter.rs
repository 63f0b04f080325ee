//! The filter language of the tables: `sales !test "power bi" ~pbsl owner:removed idle:>90d`. A row must match every term.
//!
//! Start reading with [`Filter::parse`] and, for the fields of keys, [`KeyTest`].

use std::fmt;
use std::ops::Range;

use unicode_normalization::UnicodeNormalization as _;

mod keys;
mod search_text;
mod value;

pub use keys::{KeyFilter, KeyTest};
pub use search_text::SearchText;
pub use value::{DurationTest, FieldValue, NumberTest, parse_duration};

/// A field of a table's filter, typed as `name:value`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FilterField {
    /// The part before the colon.
    pub name: &'static str,
    /// Description of valid values, for help and error messages.
    pub values: &'static str,
    /// Description of what the field selects, for help.
    pub finds: &'static str,
}

/// The filter fields of one table; a value is one parsed test, such as `idle:>90d`.
pub trait FieldTest: Sized + PartialEq + fmt::Display {
    /// The fields, in the order of the help.
    const FIELDS: &'static [FilterField];

    /// Parses the test for `name:value`, where `name` is the name of one of [`Self::FIELDS`].
    ///
    /// # Errors
    /// The end of a sentence that begins with the field: "is one of …".
    fn parse(name: &str, value: &FieldValue) -> Result<Self, String>;
}

/// One term of a filter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Term<T> {
    /// Typed with `!`: the row must not match.
    pub negated: bool,
    /// The pattern that is compared with the row.
    pub test: TermPattern<T>,
}

/// The pattern of a term.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TermPattern<T> {
    /// Matches rows whose searched text contains it, ignoring case. Of a key, name and masked secret are searched.
    Text(SearchText),
    /// Typed with `~`: matches rows whose searched text contains its characters in this order, with any others between them.
    Fuzzy(SearchText),
    /// Matches rows by a field.
    Field(T),
}

/// A parsed filter. Without terms it matches every row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter<T> {
    terms: Vec<Term<T>>,
}

impl<T> Default for Filter<T> {
    fn default() -> Self {
        Self { terms: Vec::new() }
    }
}

/// The position and the reason of a syntax error.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct FilterError {
    /// Byte range of the error in the filter text; empty at the end of the text if something is missing there.
    pub at: Range<usize>,
    /// The reason, and what would be valid.
    pub message: String,
}

impl<T: FieldTest> Filter<T> {
    /// Parses a filter.
    ///
    /// # Errors
    /// The first syntax error.
    pub fn parse(text: &str) -> Result<Self, FilterError> {
        let mut at = 0;
        let mut terms = Vec::new();
        while let Some(start) = text[at..].find(|c: char| !c.is_whitespace()).map(|skipped| at + skipped) {
            let (term, end) = term(text, start)?;
            terms.push(term);
            at = end;
        }
        Ok(Self { terms })
    }
}

impl<T> Filter<T> {
    /// Returns the terms in the order in which they were typed.
    pub fn terms(&self) -> &[Term<T>] {
        &self.terms
    }

    /// Returns whether the filter has no terms, so that every row matches.
    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// Returns whether a row matches. `searched` are the row's texts for plain and fuzzy terms, `holds` evaluates its fields.
    pub fn matches_row(&self, searched: &[&str], mut holds: impl FnMut(&T) -> bool) -> bool {
        self.terms.iter().all(|term| {
            let found = match &term.test {
                TermPattern::Text(needle) => searched.iter().any(|text| needle.is_in(text)),
                TermPattern::Fuzzy(needle) => searched.iter().any(|text| needle.is_subsequence_of(text)),
                TermPattern::Field(field) => holds(field),
            };
            found != term.negated
        })
    }
}

/// Parses the term at byte `start`. Returns it with the position of its end.
fn term<T: FieldTest>(text: &str, start: usize) -> Result<(Term<T>, usize), FilterError> {
    let negated = text[start..].starts_with('!');
    let at = start + usize::from(negated);
    let rest = &text[at..];
    if negated && (rest.is_empty() || rest.starts_with([' ', '!'])) {
        return wrong(start..at, "`!` needs a term right after it, such as !test");
    }
    if rest.starts_with('"') {
        let (phrase, end) = quoted(text, at)?;
        return Ok((Term { negated, test: TermPattern::Text(SearchText::new(&phrase)) }, end));
    }
    let word = &rest[..rest.find(char::is_whitespace).unwrap_or(rest.len())];
    if let Some(fuzzy) = word.strip_prefix('~') {
        let (fuzzy, end) =
            if fuzzy.starts_with('"') { quoted(text, at + 1)? } else { (fuzzy.to_owned(), at + word.len()) };
        if fuzzy.is_empty() {
            return wrong(at..end, "`~` needs some letters right after it, such as ~pbsales");
        }
        return Ok((Term { negated, test: TermPattern::Fuzzy(SearchText::new(&fuzzy)) }, end));
    }
    match word.split_once(':') {
        Some((name, value)) if is_field_name(name) => {
            let (holds, end) = field(text, at..at + name.len(), value)?;
            Ok((Term { negated, test: TermPattern::Field(holds) }, end))
        }
        _ => Ok((Term { negated, test: TermPattern::Text(SearchText::new(word)) }, at + word.len())),
    }
}

fn is_field_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphabetic() || b == b'_' || b == b'-')
}

/// Parses the value of the field whose name is at `name`. Returns the test with the position of its end.
fn field<T: FieldTest>(text: &str, name: Range<usize>, word: &str) -> Result<(T, usize), FilterError> {
    let called = text[name.clone()].to_ascii_lowercase();
    let Some(known) = T::FIELDS.iter().find(|field| field.name == called) else {
        let names: Vec<_> = T::FIELDS.iter().map(|field| field.name).collect();
        return wrong(
            name,
            format!(
                "there is no field `{called}:` here; there are {} (or put the text in quotes)",
                names.join(", ")
            ),
        );
    };
    let from = name.end + 1;
    let (value, end) = if word.starts_with('"') {
        let (phrase, end) = quoted(text, from)?;
        (FieldValue::Phrase(phrase), end)
    } else {
        (FieldValue::Word(word.to_owned()), from + word.len())
    };
    if value.text().is_empty() {
        return wrong(end..end, format!("`{called}:` needs {}", known.values));
    }
    match T::parse(known.name, &value) {
        Ok(parsed) => Ok((parsed, end)),
        Err(why) => wrong(from..end, format!("`{called}:` {why}")),
    }
}

/// Parses the phrase whose opening quote is at `start`. Returns it with the position after the closing quote. `\"` and `\\` are
/// escapes.
fn quoted(text: &str, start: usize) -> Result<(String, usize), FilterError> {
    let mut phrase = String::new();
    let mut chars = text[start + 1..].char_indices();
    while let Some((i, c)) = chars.next() {
        match c {
            '"' if phrase.trim().is_empty() => {
                return wrong(start..start + i + 2, "there is nothing between the quotes");
            }
            '"' => return Ok((phrase.nfc().collect(), start + i + 2)),
            '\\' => match chars.next() {
                Some((_, escaped @ ('"' | '\\'))) => phrase.push(escaped),
                Some((_, other)) => phrase.extend(['\\', other]),
                None => phrase.push('\\'),
            },
            _ => phrase.push(c),
        }
    }
    wrong(start..text.len(), "the closing quote is missing")
}

fn wrong<V>(at: Range<usize>, message: impl Into<String>) -> Result<V, FilterError> {
    Err(FilterError { at, message: message.into() })
}

/// Quotes a text that would otherwise not be read as a plain term or value, or any text if `always` is set.
pub(crate) fn quote(text: &str, always: bool) -> String {
    let special = text.starts_with(['!', '~', '"'])
        || text.contains(char::is_whitespace)
        || text.split_once(':').is_some_and(|(name, _)| is_field_name(name));
    if always || special {
        format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
    } else {
        text.to_owned()
    }
}

/// Formats the filter so that parsing it gives an equal filter.
impl<T: fmt::Display> fmt::Display for Filter<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, term) in self.terms.iter().enumerate() {
            let space = if i == 0 { "" } else { " " };
            let not = if term.negated { "!" } else { "" };
            write!(f, "{space}{not}")?;
            match &term.test {
                TermPattern::Text(needle) => f.write_str(&quote(needle.text(), false))?,
                TermPattern::Fuzzy(needle) => write!(f, "~{}", quote(needle.text(), false))?,
                TermPattern::Field(field) => field.fmt(f)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn error(text: &str) -> (Range<usize>, String) {
        let error = KeyFilter::parse(text).unwrap_err();
        (error.at, error.message)
    }

    #[test]
    fn errors_stand_where_the_mistake_is() {
        assert_eq!(
            error("sales owner:"),
            (12..12, "`owner:` needs removed, active, invited or part of a name or address".into())
        );
        assert_eq!(error("a idle:>90q").0, 7..11);
        assert_eq!(error("a wner:x").0, 2..6);
        assert_eq!(error("a \"b c"), (2..6, "the closing quote is missing".into()));
        assert_eq!(error("a ! b").0, 2..3);
        assert_eq!(error("\"\"").0, 0..2);
        assert_eq!(error("~").0, 0..1);
    }

    #[test]
    fn quotes_and_colons_inside_words_are_text() {
        for text in ["19\"", "12:30", "a!b", "sk_…5G08", "\"a:b\"", "\"say \\\"hi\\\"\""] {
            let filter = KeyFilter::parse(text).unwrap();
            assert!(
                matches!(filter.terms(), [Term { negated: false, test: TermPattern::Text(_) }]),
                "{text}"
            );
        }
    }

    proptest! {
        #[test]
        fn parsing_never_panics_and_blames_a_place_inside(text in "\\PC{0,40}|[a-z!~\":>< \\\\0-9dö]{0,30}") {
            if let Err(error) = KeyFilter::parse(&text) {
                prop_assert!(error.at.end <= text.len());
                prop_assert!(text.is_char_boundary(error.at.start) && text.is_char_boundary(error.at.end));
            }
        }

        #[test]
        fn what_is_displayed_means_the_same(text in "((!)?(~)?([a-zA-Z0-9öß\"]{1,4}|\"[a-z:! ~\\\\]{1,6}x\")|(!)?(owner:(removed|\"removed\"|ada)|idle:(>|<|>=)?[0-9]{1,3}(d|h|y|w|min)|flag:orphaned|is:(live|in-use)|uses:>3|agent:\"a b\")){0,1}( (!)?[a-z]{1,3}){0,3}") {
            if let Ok(filter) = KeyFilter::parse(&text) {
                let shown = filter.to_string();
                prop_assert_eq!(KeyFilter::parse(&shown), Ok(filter), "{} shown as {}", text, shown);
            }
        }
    }
}
