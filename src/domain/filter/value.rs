//! What may stand after the colon of a field: a word or phrase, one of several words, a span of time, a number.

use std::fmt;

use crate::domain::time::{DAY, HOUR, MINUTE, SECOND};

/// The value of a field as it was typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FieldValue {
    /// Without quotes: words with a meaning of their own have it.
    Word(String),
    /// In quotes: only text.
    Phrase(String),
}

impl FieldValue {
    /// The text of it.
    pub fn text(&self) -> &str {
        match self {
            Self::Word(text) | Self::Phrase(text) => text,
        }
    }

    /// One of several words, in any case, `-` and `_` being the same.
    ///
    /// # Errors
    /// The words that would be understood.
    pub fn one_of<V: Copy>(&self, words: &[(&str, V)]) -> Result<V, String> {
        let plain = |text: &str| text.to_ascii_lowercase().replace('-', "_");
        let wanted = plain(self.text());
        words.iter().find(|(word, _)| plain(word) == wanted).map(|&(_, value)| value).ok_or_else(|| {
            let words: Vec<_> = words.iter().map(|&(word, _)| word).collect();
            format!("is one of {}", words.join(", "))
        })
    }

    /// A span of time with a sign before it: `>90d`.
    ///
    /// # Errors
    /// How it would be right.
    pub fn span(&self) -> Result<Amount, String> {
        let (compare, rest) = Compare::split(self.text());
        match number_and_unit(rest) {
            Some((n, ms)) => n
                .checked_mul(ms)
                .map(|n| Amount { compare, n, unit: ms })
                .ok_or_else(|| "is longer than anything here can be".to_owned()),
            _ => Err("is a span such as >90d, <12h, >1y (units s, min, h, d, w, mo, y)".to_owned()),
        }
    }

    /// A number with a sign before it: `>0`.
    ///
    /// # Errors
    /// How it would be right.
    pub fn number(&self) -> Result<Amount, String> {
        let (compare, rest) = Compare::split(self.text());
        match rest.parse::<u32>() {
            Ok(n) => Ok(Amount { compare, n: i64::from(n), unit: 1 }),
            Err(_) => Err("is a number such as >0, <10, 3".to_owned()),
        }
    }
}

/// The milliseconds of a span without a sign, `90d` or `24h`; nothing where the text is none.
pub fn parse_duration(text: &str) -> Option<i64> {
    number_and_unit(text).and_then(|(n, ms)| n.checked_mul(ms))
}

fn number_and_unit(text: &str) -> Option<(i64, i64)> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let &(_, ms) = UNITS.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit))?;
    Some((number.parse().ok()?, ms))
}

/// Units of a span in milliseconds; a month has 30 days and a year 365, as in the policy.
const UNITS: [(&str, i64); 8] = [
    ("s", SECOND),
    ("m", MINUTE),
    ("min", MINUTE),
    ("h", HOUR),
    ("d", DAY),
    ("w", 7 * DAY),
    ("mo", 30 * DAY),
    ("y", 365 * DAY),
];

/// How a fact is compared with a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compare {
    /// `>`
    Over,
    /// `>=`, and what a span without a sign means.
    AtLeast,
    /// `<`
    Under,
    /// `<=`
    AtMost,
    /// `=`, and what a number without a sign means.
    Equal,
}

impl Compare {
    fn split(text: &str) -> (Option<Self>, &str) {
        const SIGNS: [(&str, Compare); 5] = [
            (">=", Compare::AtLeast),
            ("<=", Compare::AtMost),
            (">", Compare::Over),
            ("<", Compare::Under),
            ("=", Compare::Equal),
        ];
        SIGNS
            .iter()
            .find_map(|&(sign, compare)| Some((Some(compare), text.strip_prefix(sign)?)))
            .unwrap_or((None, text))
    }
}

/// A limit: of time in milliseconds, or a plain number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Amount {
    compare: Option<Compare>,
    n: i64,
    unit: i64,
}

impl Amount {
    /// Whether the fact keeps to the limit.
    pub fn holds(self, fact: i64) -> bool {
        let default = if self.unit == 1 { Compare::Equal } else { Compare::AtLeast };
        match self.compare.unwrap_or(default) {
            Compare::Over => fact > self.n,
            Compare::AtLeast => fact >= self.n,
            Compare::Under => fact < self.n,
            Compare::AtMost => fact <= self.n,
            Compare::Equal if self.unit == 1 => fact == self.n,
            Compare::Equal => fact.div_euclid(self.unit) == self.n / self.unit,
        }
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = match self.compare {
            None => "",
            Some(Compare::Over) => ">",
            Some(Compare::AtLeast) => ">=",
            Some(Compare::Under) => "<",
            Some(Compare::AtMost) => "<=",
            Some(Compare::Equal) => "=",
        };
        let unit = UNITS.iter().rev().find(|(_, ms)| *ms == self.unit).map_or("", |(name, _)| name);
        write!(f, "{sign}{}{unit}", self.n / self.unit)
    }
}
