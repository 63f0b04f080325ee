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

/// A field that a table can be filtered by, typed as `name:value`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FilterField {
    /// Name of the field, typed before the colon.
    pub name: &'static str,
    /// Description of the valid values, for help and error messages.
    pub values: &'static str,
    /// Description of what the field compares with the value, for the help.
    pub finds: &'static str,
}

/// A test of one field, such as `idle:>90d`. Each table has its own type of tests for its own fields.
pub trait FieldTest: Sized + PartialEq + fmt::Display {
    /// Fields of the table, in the order in which the help lists them.
    const FIELDS: &'static [FilterField];

    /// Parses `name:value`, where `name` is the name of one of [`Self::FIELDS`].
    ///
    /// # Errors
    /// Fails if the field does not accept the value. The message completes a sentence that begins with the field name: "must be one
    /// of …".
    fn parse(name: &str, value: &FieldValue) -> Result<Self, String>;
}

/// One term of a filter, such as `!idle:>90d`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Term<T> {
    /// Whether the term was typed with `!`, so that it selects the rows that do not match its pattern.
    pub negated: bool,
    /// The pattern that each row is compared with.
    pub pattern: TermPattern<T>,
}

/// What a term of a filter looks for in a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TermPattern<T> {
    /// Matches rows whose text contains this text, ignoring case. For keys, the name and the masked secret are searched.
    Text(SearchText),
    /// Typed with `~`: matches rows whose text contains these characters in this order, possibly with others between them.
    Fuzzy(SearchText),
    /// Typed as `name:value`: matches rows by one field.
    Field(T),
}

/// A parsed filter. A filter without terms matches every row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter<T> {
    terms: Vec<Term<T>>,
}

impl<T> Default for Filter<T> {
    fn default() -> Self {
        Self { terms: Vec::new() }
    }
}

/// A syntax error in a filter, with its position.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct FilterError {
    /// Byte range of the error in the filter text. If something is missing, an empty range where it belongs.
    pub at: Range<usize>,
    /// What is wrong, and what would be valid.
    pub message: String,
}

impl<T: FieldTest> Filter<T> {
    /// Parses the text of a filter.
    ///
    /// # Errors
    /// Fails with the first syntax error.
    pub fn parse(text: &str) -> Result<Self, FilterError> {
        let mut at = 0;
        let mut terms = Vec::new();
        while let Some(start) = text[at..].find(|c: char| !c.is_whitespace()).map(|skipped| at + skipped) {
            let (term, end) = parse_term(text, start)?;
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

    /// Returns `true` if the filter has no terms and therefore matches every row.
    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// Returns whether a row matches every term.
    ///
    /// Plain and fuzzy terms are searched for in the texts in `searched`. `passes` evaluates a field test for the row.
    pub fn matches_row(&self, searched: &[&str], mut passes: impl FnMut(&T) -> bool) -> bool {
        self.terms.iter().all(|term| {
            let found = match &term.pattern {
                TermPattern::Text(needle) => searched.iter().any(|text| needle.is_in(text)),
                TermPattern::Fuzzy(needle) => searched.iter().any(|text| needle.is_subsequence_of(text)),
                TermPattern::Field(field) => passes(field),
            };
            found != term.negated
        })
    }
}

/// Parses the term that begins at byte `start`. Returns the term and the byte offset of its end.
fn parse_term<T: FieldTest>(text: &str, start: usize) -> Result<(Term<T>, usize), FilterError> {
    let negated = text[start..].starts_with('!');
    let at = start + usize::from(negated);
    let rest = &text[at..];
    if negated && (rest.is_empty() || rest.starts_with([' ', '!'])) {
        return syntax_error(start..at, "`!` must be followed by a term, as in !test");
    }
    if rest.starts_with('"') {
        let (phrase, end) = parse_quoted(text, at)?;
        return Ok((Term { negated, pattern: TermPattern::Text(SearchText::new(&phrase)) }, end));
    }
    let word = &rest[..rest.find(char::is_whitespace).unwrap_or(rest.len())];
    if let Some(fuzzy) = word.strip_prefix('~') {
        let (fuzzy, end) = if fuzzy.starts_with('"') {
            parse_quoted(text, at + 1)?
        } else {
            (fuzzy.to_owned(), at + word.len())
        };
        if fuzzy.is_empty() {
            return syntax_error(at..end, "`~` must be followed by a text, as in ~pbsales");
        }
        return Ok((Term { negated, pattern: TermPattern::Fuzzy(SearchText::new(&fuzzy)) }, end));
    }
    match word.split_once(':') {
        Some((name, value)) if is_field_name(name) => {
            let (field, end) = parse_field(text, at..at + name.len(), value)?;
            Ok((Term { negated, pattern: TermPattern::Field(field) }, end))
        }
        _ => Ok((Term { negated, pattern: TermPattern::Text(SearchText::new(word)) }, at + word.len())),
    }
}

fn is_field_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphabetic() || b == b'_' || b == b'-')
}

/// Parses the test of one field. `name` is the byte range of the field name, and `word` is the text from the colon to the next
/// space. Returns the test and the byte offset of its end.
fn parse_field<T: FieldTest>(text: &str, name: Range<usize>, word: &str) -> Result<(T, usize), FilterError> {
    let typed_name = text[name.clone()].to_ascii_lowercase();
    let Some(known) = T::FIELDS.iter().find(|field| field.name == typed_name) else {
        let names: Vec<_> = T::FIELDS.iter().map(|field| field.name).collect();
        return syntax_error(
            name,
            format!(
                "this table has no field `{typed_name}:`; use one of {}, or put the text in quotes",
                names.join(", ")
            ),
        );
    };
    let from = name.end + 1;
    let (value, end) = if word.starts_with('"') {
        let (phrase, end) = parse_quoted(text, from)?;
        (FieldValue::Phrase(phrase), end)
    } else {
        (FieldValue::Word(word.to_owned()), from + word.len())
    };
    if value.text().is_empty() {
        return syntax_error(end..end, format!("`{typed_name}:` needs {}", known.values));
    }
    match T::parse(known.name, &value) {
        Ok(parsed) => Ok((parsed, end)),
        Err(why) => syntax_error(from..end, format!("`{typed_name}:` {why}")),
    }
}

/// Parses the phrase whose opening quote is at byte `start`. Returns the phrase and the byte offset after the closing quote. `\"`
/// and `\\` are escapes.
fn parse_quoted(text: &str, start: usize) -> Result<(String, usize), FilterError> {
    let mut phrase = String::new();
    let mut chars = text[start + 1..].char_indices();
    while let Some((i, c)) = chars.next() {
        match c {
            '"' if phrase.trim().is_empty() => {
                return syntax_error(start..start + i + 2, "the quotes are empty");
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
    syntax_error(start..text.len(), "the closing quote is missing")
}

fn syntax_error<V>(at: Range<usize>, message: impl Into<String>) -> Result<V, FilterError> {
    Err(FilterError { at, message: message.into() })
}

/// Returns the text in quotes if it would otherwise not be parsed as a plain term or value.
pub(crate) fn quote_if_needed(text: &str) -> String {
    let is_special = text.starts_with(['!', '~', '"'])
        || text.contains(char::is_whitespace)
        || text.split_once(':').is_some_and(|(name, _)| is_field_name(name));
    if is_special { quote(text) } else { text.to_owned() }
}

/// Returns the text in quotes, so that it is never parsed as a special word.
pub(crate) fn quote(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// Formats the filter so that parsing the result gives an equal filter.
impl<T: fmt::Display> fmt::Display for Filter<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, term) in self.terms.iter().enumerate() {
            let space = if i == 0 { "" } else { " " };
            let not = if term.negated { "!" } else { "" };
            write!(f, "{space}{not}")?;
            match &term.pattern {
                TermPattern::Text(needle) => f.write_str(&quote_if_needed(needle.text()))?,
                TermPattern::Fuzzy(needle) => write!(f, "~{}", quote_if_needed(needle.text()))?,
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
    fn errors_point_at_the_mistake() {
        assert_eq!(
            error("sales owner:"),
            (12..12, "`owner:` needs removed, active, invited, or part of a name or email address".into())
        );
        assert_eq!(error("a idle:>90q").0, 7..11);
        assert_eq!(error("a wner:x").0, 2..6);
        assert_eq!(error("a \"b c"), (2..6, "the closing quote is missing".into()));
        assert_eq!(error("a ! b").0, 2..3);
        assert_eq!(error("\"\"").0, 0..2);
        assert_eq!(error("~").0, 0..1);
    }

    #[test]
    fn quotes_and_colons_inside_words_are_plain_text() {
        for text in ["19\"", "12:30", "a!b", "sk_…5G08", "\"a:b\"", "\"say \\\"hi\\\"\""] {
            let filter = KeyFilter::parse(text).unwrap();
            assert!(
                matches!(filter.terms(), [Term { negated: false, pattern: TermPattern::Text(_) }]),
                "{text}"
            );
        }
    }

    proptest! {
        #[test]
        fn parsing_never_panics_and_errors_point_into_the_text(text in "\\PC{0,40}|[a-z!~\":>< \\\\0-9dö]{0,30}") {
            if let Err(error) = KeyFilter::parse(&text) {
                prop_assert!(error.at.end <= text.len());
                prop_assert!(text.is_char_boundary(error.at.start) && text.is_char_boundary(error.at.end));
            }
        }

        #[test]
        fn a_displayed_filter_parses_to_an_equal_filter(text in "((!)?(~)?([a-zA-Z0-9öß\"]{1,4}|\"[a-z:! ~\\\\]{1,6}x\")|(!)?(owner:(removed|\"removed\"|ada)|idle:(>|<|>=)?[0-9]{1,3}(d|h|y|w|min)|flag:orphaned|is:(live|in-use)|uses:>3|agent:\"a b\")){0,1}( (!)?[a-z]{1,3}){0,3}") {
            if let Ok(filter) = KeyFilter::parse(&text) {
                let shown = filter.to_string();
                prop_assert_eq!(KeyFilter::parse(&shown), Ok(filter), "{} shown as {}", text, shown);
            }
        }
    }
}
