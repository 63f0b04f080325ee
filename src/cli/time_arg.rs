//! Parses times on the command line: RFC 3339, a date, or a duration back from now.

use super::error::CommandError;
use crate::domain::filter::parse_duration;
use crate::domain::text;
use crate::domain::time::Timestamp;

/// Parses a time in the past: `2026-11-24T06:10:00Z`, `2026-11-24` (midnight UTC), or `90d` (90 days before `now`).
pub(super) fn parse_past(text: &str, now: Timestamp) -> Result<Timestamp, CommandError> {
    let text = text.trim();
    if let Some(duration) = parse_duration(text) {
        return Ok(now.minus(duration));
    }
    parse(text).ok_or_else(|| {
        invalid_time_error(text, "Use a date such as 2026-11-24, a time such as 2026-11-24T06:10:00Z, or a duration such as 90d or 12h.")
    })
}

/// Parses an RFC 3339 time such as `2026-11-24T06:10:00Z`, or a date such as `2026-11-24` (midnight UTC).
pub(super) fn parse_time(text: &str) -> Result<Timestamp, CommandError> {
    parse(text).ok_or_else(|| {
        invalid_time_error(text, "Use a date such as 2027-11-24, or a time such as 2027-11-24T06:10:00Z.")
    })
}

fn parse(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    Timestamp::parse(text).or_else(|_| Timestamp::parse(&format!("{text}T00:00:00Z"))).ok()
}

fn invalid_time_error(input: &str, advice: &str) -> CommandError {
    CommandError::usage(format!("`{text}` is not a time. {advice}", text = text::sanitize_line(input)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_can_be_a_date_an_rfc_3339_time_or_an_age() {
        let now = Timestamp::parse("2026-11-24T06:10:00Z").unwrap();
        assert_eq!(parse_past("24h", now).unwrap().to_string(), "2026-11-23T06:10:00.000Z");
        assert_eq!(parse_past("2026-11-01", now).unwrap().to_string(), "2026-11-01T00:00:00.000Z");
        assert_eq!(
            parse_past("2026-11-01T01:00:00+01:00", now).unwrap().to_string(),
            "2026-11-01T00:00:00.000Z"
        );
        for invalid in ["", "yesterday", "90", "d", "-5d", "2026-13-01"] {
            assert_eq!(
                parse_past(invalid, now).unwrap_err().exit_code,
                crate::cli::ExitCode::Usage,
                "{invalid}"
            );
        }
    }
}
