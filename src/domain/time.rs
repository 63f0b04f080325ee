//! Timestamps in UTC with millisecond precision, and durations as text.
//!
//! Durations are [`TimeDelta`]. Arithmetic on a [`Timestamp`] saturates, so that a value from a server or a file cannot overflow.

use std::fmt;

pub use chrono::TimeDelta;
use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A moment: milliseconds since 1970-01-01T00:00:00Z. Formatted as RFC 3339 in UTC with milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub i64);

/// The beginning of the error message for a timestamp that is not RFC 3339.
pub const NOT_RFC_3339: &str = "not an RFC 3339 timestamp";

/// One millisecond, the resolution of a [`Timestamp`].
pub const MILLISECOND: TimeDelta = TimeDelta::milliseconds(1);
/// One second.
pub const SECOND: TimeDelta = TimeDelta::seconds(1);
/// One minute.
pub const MINUTE: TimeDelta = TimeDelta::minutes(1);
/// One hour.
pub const HOUR: TimeDelta = TimeDelta::hours(1);
/// 24 hours. UTC has no daylight saving time, and leap seconds are not counted.
pub const DAY: TimeDelta = TimeDelta::days(1);

impl Timestamp {
    /// Returns the moment `duration` later, or earlier if `duration` is negative. Saturates at the limits of [`Timestamp`].
    #[must_use]
    pub const fn plus(self, duration: TimeDelta) -> Self {
        Self(self.0.saturating_add(duration.num_milliseconds()))
    }

    /// Returns the moment `duration` earlier, or later if `duration` is negative. Saturates at the limits of [`Timestamp`].
    #[must_use]
    pub const fn minus(self, duration: TimeDelta) -> Self {
        Self(self.0.saturating_sub(duration.num_milliseconds()))
    }

    /// Returns the time from `earlier` to this moment; negative if `earlier` is in fact later. Saturates at the limits of
    /// [`TimeDelta`].
    pub const fn since(self, earlier: Self) -> TimeDelta {
        let ms = self.0.saturating_sub(earlier.0);
        if ms == i64::MIN { TimeDelta::MIN } else { TimeDelta::milliseconds(ms) }
    }

    /// Returns the start of the bucket that contains this moment. The first bucket starts at midnight UTC on 1970-01-01, and each
    /// is `width` long.
    ///
    /// # Panics
    /// Panics if `width` is shorter than a millisecond.
    #[must_use]
    pub const fn floor(self, width: TimeDelta) -> Self {
        let width = width.num_milliseconds();
        Self(self.0.div_euclid(width) * width)
    }

    /// Parses an RFC 3339 timestamp with any UTC offset. Digits beyond milliseconds are dropped.
    ///
    /// # Errors
    /// Fails if the text is not an RFC 3339 timestamp.
    pub fn parse(text: &str) -> Result<Self, chrono::ParseError> {
        DateTime::parse_from_rfc3339(text).map(|t| Self(t.timestamp_millis()))
    }

    /// Converts the timestamp to a `chrono` time. Moments outside its range become its first or last moment.
    pub fn to_chrono(self) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(self.0).unwrap_or(if self.0 < 0 {
            DateTime::<Utc>::MIN_UTC
        } else {
            DateTime::<Utc>::MAX_UTC
        })
    }

    /// Formats the UTC date: `2026-11-24`.
    pub fn format_date(self) -> String {
        self.to_chrono().format("%Y-%m-%d").to_string()
    }

    /// Formats the date and time in UTC, to the minute: `2026-11-24 06:10`.
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
        Self::parse(&text).map_err(|e| de::Error::custom(format_args!("{NOT_RFC_3339}: {e}")))
    }
}

/// Converts a number of seconds from the API to a duration. Saturates, since the number may be extremely large.
pub fn saturating_seconds(seconds: i64) -> TimeDelta {
    TimeDelta::try_seconds(seconds).unwrap_or(if seconds < 0 { TimeDelta::MIN } else { TimeDelta::MAX })
}

/// Formats a duration in the largest unit of which it contains at least one: `4 s`, `12 min`, `3 h`, `41 d`, `2 y`.
///
/// Days are used up to 729, because policies are configured in days. Negative durations are formatted as `0 s`.
pub fn format_duration(duration: TimeDelta) -> String {
    let duration = duration.max(TimeDelta::zero());
    if duration < MINUTE {
        format!("{} s", duration.num_seconds())
    } else if duration < HOUR {
        format!("{} min", duration.num_minutes())
    } else if duration < DAY {
        format!("{} h", duration.num_hours())
    } else if duration < TimeDelta::days(730) {
        format!("{} d", duration.num_days())
    } else {
        format!("{} y", duration.num_days() / 365)
    }
}

/// Formats how long ago a moment was, such as `12 min ago`. Less than a second ago is `just now`, and so is any time in the future,
/// because another machine's clock may be ahead.
pub fn format_ago(at: Timestamp, now: Timestamp) -> String {
    let elapsed = now.since(at);
    if elapsed < SECOND { "just now".to_owned() } else { format!("{} ago", format_duration(elapsed)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timestamp_is_rfc_3339_with_milliseconds() {
        let at = Timestamp::parse("2026-11-24T07:10:00.1239+01:00").unwrap();
        assert_eq!(at.to_string(), "2026-11-24T06:10:00.123Z");
        assert_eq!(serde_json::from_str::<Timestamp>(&serde_json::to_string(&at).unwrap()).unwrap(), at);
    }

    #[test]
    fn durations_switch_units_at_the_boundaries() {
        let cases = [
            (TimeDelta::zero(), "0 s"),
            (TimeDelta::milliseconds(59_999), "59 s"),
            (MINUTE, "1 min"),
            (HOUR - MILLISECOND, "59 min"),
            (DAY - MILLISECOND, "23 h"),
            (DAY, "1 d"),
            (TimeDelta::days(730) - MILLISECOND, "729 d"),
            (TimeDelta::days(730), "2 y"),
        ];
        for (duration, text) in cases {
            assert_eq!(format_duration(duration), text);
        }
        assert_eq!(format_ago(Timestamp(5_000), Timestamp(0)), "just now");
    }

    #[test]
    fn timestamp_arithmetic_saturates() {
        assert_eq!(Timestamp(i64::MIN).since(Timestamp(i64::MAX)), TimeDelta::MIN);
        assert_eq!(Timestamp(i64::MAX).plus(DAY), Timestamp(i64::MAX));
        assert_eq!(saturating_seconds(i64::MAX), TimeDelta::MAX);
        assert_eq!(saturating_seconds(-3), TimeDelta::seconds(-3));
    }
}
