//! Values after the colon of a filter field: a word or phrase, one of several words, a duration, a number.

use std::fmt;

use crate::domain::time::{DAY, HOUR, MINUTE, SECOND, TimeDelta};

/// The value of a filter field, as it was typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FieldValue {
    /// Typed without quotes. It may be a word with a special meaning, such as `never`.
    Word(String),
    /// Typed in quotes. It is always plain text, even if it is a word such as `never`.
    Phrase(String),
}

impl FieldValue {
    /// Returns the value without its quotes.
    pub fn text(&self) -> &str {
        match self {
            Self::Word(text) | Self::Phrase(text) => text,
        }
    }

    /// Returns the value that `words` assigns to the typed word. Ignores case, and treats `-` and `_` as equal.
    ///
    /// # Errors
    /// Fails if the typed word is not in `words`; the message lists the valid words.
    pub fn parse_word<V: Copy>(&self, words: &[(&str, V)]) -> Result<V, String> {
        let normalized = |text: &str| text.to_ascii_lowercase().replace('-', "_");
        let wanted = normalized(self.text());
        words.iter().find(|(word, _)| normalized(word) == wanted).map(|&(_, value)| value).ok_or_else(|| {
            let words: Vec<_> = words.iter().map(|&(word, _)| word).collect();
            format!("must be one of {}", words.join(", "))
        })
    }

    /// Parses a duration with an optional comparison operator, such as `>90d`.
    ///
    /// # Errors
    /// Fails if the value is not a duration; the message gives valid examples.
    pub fn parse_duration_test(&self) -> Result<DurationTest, String> {
        let (comparison, rest) = Comparison::split_off(self.text());
        let Some((count, unit)) = parse_count_and_unit(rest) else {
            return Err("must be a duration such as >90d or <12h (units: s, min, h, d, w, mo, y)".to_owned());
        };
        match multiply(count, unit) {
            Some(limit) => Ok(DurationTest { comparison, limit, unit }),
            None => Err("is too long a duration".to_owned()),
        }
    }

    /// Parses a number with an optional comparison operator, such as `>0`.
    ///
    /// # Errors
    /// Fails if the value is not a number; the message gives valid examples.
    pub fn parse_number_test(&self) -> Result<NumberTest, String> {
        let (comparison, rest) = Comparison::split_off(self.text());
        match rest.parse::<u32>() {
            Ok(limit) => Ok(NumberTest { comparison, limit: i64::from(limit) }),
            Err(_) => Err("must be a number or a comparison, such as 3, >0 or <10".to_owned()),
        }
    }
}

/// Parses a duration without an operator, such as `90d` or `24h`. Returns `None` if the text is not a duration or exceeds the range
/// of [`TimeDelta`].
pub fn parse_duration(text: &str) -> Option<TimeDelta> {
    parse_count_and_unit(text).and_then(|(count, unit)| multiply(count, unit))
}

fn parse_count_and_unit(text: &str) -> Option<(i64, TimeDelta)> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (count, name) = text.split_at(digits);
    let &(_, unit) = UNITS.iter().find(|(known, _)| known.eq_ignore_ascii_case(name))?;
    Some((count.parse().ok()?, unit))
}

fn multiply(count: i64, unit: TimeDelta) -> Option<TimeDelta> {
    TimeDelta::try_milliseconds(count.checked_mul(unit.num_milliseconds())?)
}

/// Units of a duration. As in the policy, a month has 30 days and a year 365. If a unit has two names, the last one is used for
/// display.
const UNITS: [(&str, TimeDelta); 8] = [
    ("s", SECOND),
    ("m", MINUTE),
    ("min", MINUTE),
    ("h", HOUR),
    ("d", DAY),
    ("w", TimeDelta::days(7)),
    ("mo", TimeDelta::days(30)),
    ("y", TimeDelta::days(365)),
];

/// A comparison operator, such as `>=`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
    Greater,
    AtLeast,
    Less,
    AtMost,
    Equal,
}

impl Comparison {
    /// Every operator as it is typed. The longer ones come first, because `>=` begins like `>`.
    const OPERATORS: [(&str, Self); 5] = [
        (">=", Self::AtLeast),
        ("<=", Self::AtMost),
        (">", Self::Greater),
        ("<", Self::Less),
        ("=", Self::Equal),
    ];

    fn split_off(text: &str) -> (Option<Self>, &str) {
        Self::OPERATORS
            .iter()
            .find_map(|&(operator, comparison)| Some((Some(comparison), text.strip_prefix(operator)?)))
            .unwrap_or((None, text))
    }

    /// Returns the operator as it is typed, or an empty text for `None`.
    fn operator(comparison: Option<Self>) -> &'static str {
        Self::OPERATORS
            .iter()
            .find(|&&(_, known)| Some(known) == comparison)
            .map_or("", |(operator, _)| operator)
    }
}

/// A comparison with a number, such as `>0`. Without an operator, the number must be equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NumberTest {
    comparison: Option<Comparison>,
    limit: i64,
}

impl NumberTest {
    /// Returns whether `number` satisfies the comparison.
    pub fn matches(self, number: i64) -> bool {
        match self.comparison.unwrap_or(Comparison::Equal) {
            Comparison::Greater => number > self.limit,
            Comparison::AtLeast => number >= self.limit,
            Comparison::Less => number < self.limit,
            Comparison::AtMost => number <= self.limit,
            Comparison::Equal => number == self.limit,
        }
    }
}

impl fmt::Display for NumberTest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", Comparison::operator(self.comparison), self.limit)
    }
}

/// A comparison with a duration, such as `>90d`. Without an operator it means "at least". With `=`, both durations are rounded down
/// to whole units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DurationTest {
    comparison: Option<Comparison>,
    limit: TimeDelta,
    unit: TimeDelta,
}

impl DurationTest {
    /// Returns whether `duration` satisfies the comparison.
    pub fn matches(self, duration: TimeDelta) -> bool {
        match self.comparison.unwrap_or(Comparison::AtLeast) {
            Comparison::Greater => duration > self.limit,
            Comparison::AtLeast => duration >= self.limit,
            Comparison::Less => duration < self.limit,
            Comparison::AtMost => duration <= self.limit,
            Comparison::Equal => self.whole_units(duration) == self.whole_units(self.limit),
        }
    }

    /// Returns the number of whole units in a duration, rounded down.
    fn whole_units(self, duration: TimeDelta) -> i64 {
        duration.num_milliseconds().div_euclid(self.unit.num_milliseconds())
    }
}

impl fmt::Display for DurationTest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = UNITS.iter().rev().find(|(_, unit)| *unit == self.unit).map_or("", |(name, _)| name);
        write!(f, "{}{}{name}", Comparison::operator(self.comparison), self.whole_units(self.limit))
    }
}
