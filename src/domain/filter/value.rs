//! Values after the colon of a filter field: a word or phrase, one of several words, a duration, a number.

use std::fmt;

use crate::domain::time::{DAY, HOUR, MINUTE, SECOND, TimeDelta};

/// The value of a field as it was typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FieldValue {
    /// Typed without quotes: words with a special meaning have it.
    Word(String),
    /// Typed in quotes: always searched for as text.
    Phrase(String),
}

impl FieldValue {
    /// Returns the value without its quotes.
    pub fn text(&self) -> &str {
        match self {
            Self::Word(text) | Self::Phrase(text) => text,
        }
    }

    /// Looks the value up in `words`, ignoring case and treating `-` and `_` as equal.
    ///
    /// # Errors
    /// The message lists the words.
    pub fn one_of<V: Copy>(&self, words: &[(&str, V)]) -> Result<V, String> {
        let normalized = |text: &str| text.to_ascii_lowercase().replace('-', "_");
        let wanted = normalized(self.text());
        words.iter().find(|(word, _)| normalized(word) == wanted).map(|&(_, value)| value).ok_or_else(|| {
            let words: Vec<_> = words.iter().map(|&(word, _)| word).collect();
            format!("is one of {}", words.join(", "))
        })
    }

    /// Parses a duration with an optional comparison sign: `>90d`.
    ///
    /// # Errors
    /// The message shows valid examples.
    pub fn duration(&self) -> Result<DurationTest, String> {
        let (comparison, rest) = Comparison::split(self.text());
        let Some((count, unit)) = count_and_unit(rest) else {
            return Err("is a span such as >90d, <12h, >1y (units s, min, h, d, w, mo, y)".to_owned());
        };
        match multiply(count, unit) {
            Some(limit) => Ok(DurationTest { comparison, limit, unit }),
            None => Err("is longer than anything here can be".to_owned()),
        }
    }

    /// Parses a number with an optional comparison sign: `>0`.
    ///
    /// # Errors
    /// The message shows valid examples.
    pub fn number(&self) -> Result<NumberTest, String> {
        let (comparison, rest) = Comparison::split(self.text());
        match rest.parse::<u32>() {
            Ok(limit) => Ok(NumberTest { comparison, limit: i64::from(limit) }),
            Err(_) => Err("is a number such as >0, <10, 3".to_owned()),
        }
    }
}

/// Parses a duration without a sign, such as `90d` or `24h`. Returns `None` for anything else and for more than
/// [`TimeDelta`] can hold.
pub fn parse_duration(text: &str) -> Option<TimeDelta> {
    count_and_unit(text).and_then(|(count, unit)| multiply(count, unit))
}

fn count_and_unit(text: &str) -> Option<(i64, TimeDelta)> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (count, name) = text.split_at(digits);
    let &(_, unit) = UNITS.iter().find(|(known, _)| known.eq_ignore_ascii_case(name))?;
    Some((count.parse().ok()?, unit))
}

fn multiply(count: i64, unit: TimeDelta) -> Option<TimeDelta> {
    TimeDelta::try_milliseconds(count.checked_mul(unit.num_milliseconds())?)
}

/// Units of a duration. A month has 30 days and a year 365, as in the policy. Of two names for one unit the last one is displayed.
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

/// A comparison sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
    Greater,
    AtLeast,
    Less,
    AtMost,
    Equal,
}

impl Comparison {
    /// Every sign, the longer ones first since they begin like the shorter ones.
    const SIGNS: [(&str, Self); 5] = [
        (">=", Self::AtLeast),
        ("<=", Self::AtMost),
        (">", Self::Greater),
        ("<", Self::Less),
        ("=", Self::Equal),
    ];

    fn split(text: &str) -> (Option<Self>, &str) {
        Self::SIGNS
            .iter()
            .find_map(|&(sign, comparison)| Some((Some(comparison), text.strip_prefix(sign)?)))
            .unwrap_or((None, text))
    }

    /// Returns the sign as it is typed; empty if none was.
    fn sign(comparison: Option<Self>) -> &'static str {
        Self::SIGNS.iter().find(|&&(_, known)| Some(known) == comparison).map_or("", |(sign, _)| sign)
    }
}

/// A limit for a number, such as `>0`. Without a sign the number must be equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NumberTest {
    comparison: Option<Comparison>,
    limit: i64,
}

impl NumberTest {
    /// Returns whether `number` satisfies the limit.
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
        write!(f, "{}{}", Comparison::sign(self.comparison), self.limit)
    }
}

/// A limit for a duration, such as `>90d`. Without a sign it means "at least"; with `=` the duration must be equal in whole units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DurationTest {
    comparison: Option<Comparison>,
    limit: TimeDelta,
    unit: TimeDelta,
}

impl DurationTest {
    /// Returns whether `duration` satisfies the limit.
    pub fn matches(self, duration: TimeDelta) -> bool {
        match self.comparison.unwrap_or(Comparison::AtLeast) {
            Comparison::Greater => duration > self.limit,
            Comparison::AtLeast => duration >= self.limit,
            Comparison::Less => duration < self.limit,
            Comparison::AtMost => duration <= self.limit,
            Comparison::Equal => self.units(duration) == self.units(self.limit),
        }
    }

    /// Counts whole units, rounding down.
    fn units(self, duration: TimeDelta) -> i64 {
        duration.num_milliseconds().div_euclid(self.unit.num_milliseconds())
    }
}

impl fmt::Display for DurationTest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = UNITS.iter().rev().find(|(_, unit)| *unit == self.unit).map_or("", |(name, _)| name);
        write!(f, "{}{}{name}", Comparison::sign(self.comparison), self.units(self.limit))
    }
}
