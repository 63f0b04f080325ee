//! Times on the command line: RFC 3339, a date, or a span back from now.

use super::error::CommandError;
use crate::domain::filter::parse_duration;
use crate::domain::text;
use crate::domain::time::Timestamp;

/// A moment in the past: `2026-11-24T06:10:00Z`, `2026-11-24` (midnight UTC), `90d` (so long before `now`).
///
/// # Errors
/// It is none of these.
pub fn past(words: &str, now: Timestamp) -> Result<Timestamp, CommandError> {
    let words = words.trim();
    if let Some(duration) = parse_duration(words) {
        return Ok(now.minus(duration));
    }
    parse(words)
        .ok_or_else(|| wrong(words, "write 2026-11-24, 2026-11-24T06:10:00Z, or a span such as 90d, 12h"))
}

/// A moment: `2026-11-24T06:10:00Z`, `2026-11-24` (midnight UTC).
///
/// # Errors
/// It is neither.
pub fn at(words: &str) -> Result<Timestamp, CommandError> {
    parse(words).ok_or_else(|| wrong(words, "write 2027-11-24 or 2027-11-24T06:10:00Z"))
}

fn parse(words: &str) -> Option<Timestamp> {
    let words = words.trim();
    Timestamp::parse(words).or_else(|_| Timestamp::parse(&format!("{words}T00:00:00Z"))).ok()
}

fn wrong(words: &str, instead: &str) -> CommandError {
    CommandError::usage(format!("`{}` is no time: {instead}", text::sanitize_line(words)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_in_three_ways() {
        let now = Timestamp::parse("2026-11-24T06:10:00Z").unwrap();
        assert_eq!(past("24h", now).unwrap().to_string(), "2026-11-23T06:10:00.000Z");
        assert_eq!(past("2026-11-01", now).unwrap().to_string(), "2026-11-01T00:00:00.000Z");
        assert_eq!(past("2026-11-01T01:00:00+01:00", now).unwrap().to_string(), "2026-11-01T00:00:00.000Z");
        for wrong in ["", "yesterday", "90", "d", "-5d", "2026-13-01"] {
            assert_eq!(past(wrong, now).unwrap_err().exit_code, crate::cli::ExitCode::Usage, "{wrong}");
        }
    }
}
