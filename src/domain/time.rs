//! A moment in UTC with millisecond precision, and how long ago it was in words.

use std::fmt;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A moment: milliseconds since 1970-01-01T00:00:00Z. As text it is RFC 3339 in UTC with milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub i64);

/// One second, in the unit of [`Timestamp`].
pub const SECOND: i64 = 1_000;
/// One minute, in the unit of [`Timestamp`].
pub const MINUTE: i64 = 60 * SECOND;
/// One hour, in the unit of [`Timestamp`].
pub const HOUR: i64 = 60 * MINUTE;
/// One day of 24 hours, in the unit of [`Timestamp`].
pub const DAY: i64 = 24 * HOUR;

impl Timestamp {
    /// The moment `ms` milliseconds later (earlier where negative).
    #[must_use]
    pub const fn plus(self, ms: i64) -> Self {
        Self(self.0.saturating_add(ms))
    }

    /// The moment `ms` milliseconds earlier.
    #[must_use]
    pub const fn minus(self, ms: i64) -> Self {
        Self(self.0.saturating_sub(ms))
    }

    /// Milliseconds from `earlier` to this moment; negative where `earlier` is in fact later.
    pub const fn since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// The start of the bucket of `width` milliseconds that holds this moment, counted from the epoch (so days begin at midnight UTC).
    #[must_use]
    pub const fn floor(self, width: i64) -> Self {
        Self(self.0.div_euclid(width) * width)
    }

    /// Reads RFC 3339 with any offset and precision.
    ///
    /// # Errors
    /// The text is not a time of RFC 3339.
    pub fn parse(text: &str) -> Result<Self, chrono::ParseError> {
        DateTime::parse_from_rfc3339(text).map(|t| Self(t.timestamp_millis()))
    }

    /// The same moment for `chrono`. Moments beyond its range are taken as its ends.
    pub fn to_chrono(self) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(self.0).unwrap_or(if self.0 < 0 {
            DateTime::<Utc>::MIN_UTC
        } else {
            DateTime::<Utc>::MAX_UTC
        })
    }

    /// `2026-11-24`.
    pub fn format_date(self) -> String {
        self.to_chrono().format("%Y-%m-%d").to_string()
    }

    /// `2026-11-24 06:10` (UTC), for tables.
    pub fn format_minute(self) -> String {
        self.to_chrono().format("%Y-%m-%d %H:%M").to_string()
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_chrono().to_rfc3339_opts(SecondsFormat::Millis, true))
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(d)?;
        Self::parse(&text).map_err(|e| de::Error::custom(format_args!("not a time of RFC 3339: {e}")))
    }
}

/// A span of milliseconds in one unit, the largest that gives at least one: `4 s`, `12 min`, `3 h`, `41 d`, `2 y`.
///
/// Days run up to 729, since policies are written in days.
pub fn format_duration(ms: i64) -> String {
    let ms = ms.max(0);
    match ms {
        _ if ms < MINUTE => format!("{} s", ms / SECOND),
        _ if ms < HOUR => format!("{} min", ms / MINUTE),
        _ if ms < DAY => format!("{} h", ms / HOUR),
        _ if ms < 730 * DAY => format!("{} d", ms / DAY),
        _ => format!("{} y", ms / (365 * DAY)),
    }
}

/// How long before `now` the moment was: `12 min ago`, `just now` within a second, also for moments in the future
/// (another machine's clock is not worth an alarm here).
pub fn format_ago(at: Timestamp, now: Timestamp) -> String {
    let ms = now.since(at);
    if ms < SECOND { "just now".to_owned() } else { format!("{} ago", format_duration(ms)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_is_rfc_3339_with_milliseconds() {
        let at = Timestamp::parse("2026-11-24T07:10:00.1239+01:00").unwrap();
        assert_eq!(at.to_string(), "2026-11-24T06:10:00.123Z");
        assert_eq!(serde_json::from_str::<Timestamp>(&serde_json::to_string(&at).unwrap()).unwrap(), at);
    }

    #[test]
    fn spans_change_their_unit_at_the_boundary() {
        let cases = [
            (0, "0 s"),
            (59_999, "59 s"),
            (MINUTE, "1 min"),
            (HOUR - 1, "59 min"),
            (DAY - 1, "23 h"),
            (DAY, "1 d"),
            (730 * DAY - 1, "729 d"),
            (730 * DAY, "2 y"),
        ];
        for (ms, words) in cases {
            assert_eq!(format_duration(ms), words);
        }
        assert_eq!(format_ago(Timestamp(5_000), Timestamp(0)), "just now");
    }
}
