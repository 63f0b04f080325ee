//! The quiet window of a rotation: how long the old key must be unused before it may be revoked.

use crate::domain::policy::Policy;
use crate::domain::time::{TimeDelta, Timestamp, format_duration};

/// How long the old key must be unused before it may be revoked, and why it takes that long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuietWindow {
    /// How long the old key must be unused before the rotation is ready.
    pub duration: TimeDelta,
    /// Longest gap between two uses of the old key; `None` if the gap did not lengthen the window.
    pub raised_by_gap: Option<TimeDelta>,
}

impl QuietWindow {
    /// Derives the quiet window from the usage of the old key.
    ///
    /// The window is the policy's quiet window, or twice the longest gap between two uses in the last 90 days if that is longer,
    /// but at most the policy's maximum. `hours` lists the start of each hour in which the old key was used, oldest first.
    pub fn from_use_hours(hours: &[Timestamp], now: Timestamp, policy: &Policy) -> Self {
        let base = TimeDelta::hours(i64::from(policy.quiet_window_hours));
        let longest = TimeDelta::days(i64::from(policy.quiet_window_max_days)).max(base);
        let seen_from = now.minus(TimeDelta::days(90));
        let recent = hours.iter().copied().filter(|&h| h >= seen_from);
        let gap = recent.clone().zip(recent.skip(1)).map(|(a, b)| b.since(a)).max().unwrap_or_default();
        let twice = doubled(gap);
        if twice > base {
            Self { duration: twice.min(longest), raised_by_gap: Some(gap) }
        } else {
            Self { duration: base, raised_by_gap: None }
        }
    }

    /// Returns twice the duration of the window.
    pub(super) fn doubled(self) -> TimeDelta {
        doubled(self.duration)
    }

    /// Describes the length of the window and the reason for it.
    pub fn reason(&self) -> String {
        match self.raised_by_gap {
            Some(gap) => {
                format!(
                    "{}, because the old key was once unused for {} between two uses",
                    format_duration(self.duration),
                    format_duration(gap)
                )
            }
            None => format!("{}, from the organization's policy", format_duration(self.duration)),
        }
    }
}

fn doubled(duration: TimeDelta) -> TimeDelta {
    duration.checked_mul(2).unwrap_or(TimeDelta::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::rotation::tests::{EVENT_SPAN, durations_up_to};
    use crate::domain::staleness::tests::NOW;
    use crate::domain::time::HOUR;

    #[test]
    fn a_weekly_job_lengthens_the_quiet_window() {
        let weeks: Vec<Timestamp> =
            (0..5).rev().map(|w| NOW.minus(TimeDelta::days(w * 7)).floor(HOUR)).collect();
        let window = QuietWindow::from_use_hours(&weeks, NOW, &Policy::default());
        assert_eq!(
            window,
            QuietWindow { duration: TimeDelta::days(14), raised_by_gap: Some(TimeDelta::days(7)) }
        );
        let monthly = [NOW.minus(TimeDelta::days(80)), NOW.minus(TimeDelta::days(40)), NOW];
        assert_eq!(
            QuietWindow::from_use_hours(&monthly, NOW, &Policy::default()).duration,
            TimeDelta::days(35)
        );
        let long_ago = [NOW.minus(TimeDelta::days(200)), NOW.minus(TimeDelta::days(91)), NOW];
        assert_eq!(QuietWindow::from_use_hours(&long_ago, NOW, &Policy::default()).raised_by_gap, None);
    }

    proptest! {
        #[test]
        fn the_quiet_window_never_grows_unless_the_key_is_used(
            mut hours in prop::collection::vec(0_i64..90 * 24, 0..20), passed in durations_up_to(EVENT_SPAN), more in durations_up_to(EVENT_SPAN),
        ) {
            hours.sort_unstable();
            let hours: Vec<Timestamp> = hours.into_iter().map(|h| NOW.minus(TimeDelta::days(90)).plus(TimeDelta::hours(h))).collect();
            let at = |after| QuietWindow::from_use_hours(&hours, NOW.plus(after), &Policy::default()).duration;
            prop_assert!(at(passed + more) <= at(passed));
        }

        #[test]
        fn the_quiet_window_is_within_the_limits_of_the_policy(
            mut hours in prop::collection::vec(0_i64..120 * 24, 0..30),
            quiet_window_hours in 0_u32..2_000,
            quiet_window_max_days in 0_u32..60,
        ) {
            hours.sort_unstable();
            let hours: Vec<Timestamp> = hours.into_iter().map(|h| NOW.minus(TimeDelta::days(120)).plus(TimeDelta::hours(h))).collect();
            let policy = Policy { quiet_window_hours, quiet_window_max_days, ..Policy::default() };
            let base = TimeDelta::hours(i64::from(quiet_window_hours));
            let longest = TimeDelta::days(i64::from(quiet_window_max_days)).max(base);
            let window = QuietWindow::from_use_hours(&hours, NOW, &policy);
            prop_assert!((base..=longest).contains(&window.duration));
            prop_assert!(window.raised_by_gap.is_none_or(|gap| window.duration == (gap * 2).min(longest)));
        }
    }
}
