//! Rotations: replacing an old key with a new one.
//!
//! The phase of a rotation is a pure function of the usage of both keys and the time, so it is the same for every member. Start reading
//! with [`phase`] and [`QuietWindow`].

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::key::Key;
use super::text;
use super::time::{MILLISECOND, Timestamp, format_ago, format_duration};
use super::words::words;

mod quiet_window;

pub use quiet_window::QuietWindow;

/// The phase of a rotation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// The new key has not been used yet. Next step: enter it where the old key is used.
    Switch,
    /// The new key is in use, but the old key was also used within the quiet window.
    Drain,
    /// The old key has not been used for the whole quiet window. Next step: revoke it.
    Ready,
    /// The old key is revoked.
    Done,
    /// The new key was revoked, but the old key is still active.
    Abandoned,
}

words!(Phase { Switch = "switch", Drain = "drain", Ready = "ready", Done = "done", Abandoned = "abandoned" });

/// The next step that a phase requires.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NextStep {
    /// Enter the new secret wherever the old key is used.
    EnterNewKey,
    /// Find the clients that still use the old key, and wait until none is left.
    WatchOldKey,
    /// Revoke the old key.
    RevokeOldKey,
    /// Start a new rotation, or keep the old key.
    StartAgain,
}

/// Returns the phase of the rotation from `old` to `new`.
pub fn phase(old: &Key, new: &Key, window: QuietWindow, now: Timestamp) -> Phase {
    if old.revoked_at.is_some() {
        Phase::Done
    } else if new.revoked_at.is_some() {
        Phase::Abandoned
    } else if new.last_used_at.is_none() {
        Phase::Switch
    } else if old.last_used_at.is_some_and(|at| at >= finish_unless_used_since(window, now)) {
        Phase::Drain
    } else {
        Phase::Ready
    }
}

/// Returns the value of `unless_used_since` for revoking the old key: the start of the quiet window that ends now.
pub fn finish_unless_used_since(window: QuietWindow, now: Timestamp) -> Timestamp {
    now.minus(window.duration)
}

/// Returns whether the rotation is stalled: it is not ready, although the new key is older than two quiet windows.
pub fn is_stalled(phase: Phase, new: &Key, window: QuietWindow, now: Timestamp) -> bool {
    matches!(phase, Phase::Switch | Phase::Drain) && now.since(new.created_at) > window.doubled()
}

/// Returns when the old key was last used, or when it was created if it was never used.
pub fn quiet_since(old: &Key) -> Timestamp {
    old.last_used_at.unwrap_or(old.created_at)
}

/// Returns the earliest time at which the rotation can be ready, provided that the old key is not used again.
pub fn ready_at(old: &Key, window: QuietWindow) -> Timestamp {
    old.last_used_at.map_or(old.created_at, |at| at.plus(window.duration).plus(MILLISECOND))
}

impl Phase {
    /// Returns the next step, or `None` if the rotation is done.
    pub fn next_step(self) -> Option<NextStep> {
        match self {
            Self::Switch => Some(NextStep::EnterNewKey),
            Self::Drain => Some(NextStep::WatchOldKey),
            Self::Ready => Some(NextStep::RevokeOldKey),
            Self::Done => None,
            Self::Abandoned => Some(NextStep::StartAgain),
        }
    }

    /// Returns a sentence that explains the phase.
    pub fn explanation(self) -> &'static str {
        match self {
            Self::Switch => "The new key has not been used yet: enter it where the old key is used.",
            Self::Drain => "The new key is in use, but the old key was also used recently.",
            Self::Ready => "The old key has been unused long enough: it can be revoked.",
            Self::Done => "The old key is revoked: the rotation is finished.",
            Self::Abandoned => "Only the new key was revoked: start again, or keep the old key.",
        }
    }
}

/// Describes the observations that determine the phase of the rotation.
pub fn evidence(phase: Phase, old: &Key, new: &Key, window: QuietWindow, now: Timestamp) -> String {
    let used = |key: &Key| match (key.last_used_at, &key.last_used_by) {
        (Some(at), Some(by)) => {
            format!("last used {} by {}", format_ago(at, now), text::sanitize_line(&by.to_string()))
        }
        (Some(at), None) => format!("last used {}", format_ago(at, now)),
        (None, _) => "never used".to_owned(),
    };
    let stalled = if is_stalled(phase, new, window, now) {
        format!("; under way for {}", format_duration(now.since(new.created_at)))
    } else {
        String::new()
    };
    match phase {
        Phase::Switch => format!("new key never used; old key {}{stalled}", used(old)),
        Phase::Drain => {
            let left = format_duration(ready_at(old, window).since(now));
            format!("old key {}; can be revoked in {left} unless used{stalled}", used(old))
        }
        Phase::Ready => match old.last_used_at {
            Some(at) => {
                format!("old key unused for {}; new key {}", format_duration(now.since(at)), used(new))
            }
            None => format!("old key never used; new key {}", used(new)),
        },
        Phase::Done => {
            let who = old
                .revoked_by
                .as_ref()
                .map_or(String::new(), |m| format!(" by {}", text::sanitize_line(&m.name)));
            format!("old key revoked {}{who}", format_ago(old.revoked_at.unwrap_or(now), now))
        }
        Phase::Abandoned => {
            format!(
                "new key revoked {}; old key {}",
                format_ago(new.revoked_at.unwrap_or(now), now),
                used(old)
            )
        }
    }
}

/// Proposes a name for the new key: the old key's name, followed by the current month instead of any earlier one. `Power BI –
/// Sales` becomes `Power BI – Sales (2026-11)`.
pub fn proposed_name(old: &str, now: Timestamp) -> String {
    let month = now.format_date()[..7].to_owned();
    let base = match old.rsplit_once(" (") {
        Some((base, rest)) if is_month(rest.trim_end_matches(')')) && rest.ends_with(')') => base,
        _ => old,
    };
    let room = super::key::NAME_MAX - month.len() - 3;
    let base: String = base.chars().take(room).collect();
    format!("{} ({month})", base.trim_end())
}

fn is_month(text: &str) -> bool {
    let b = text.as_bytes();
    b.len() == 7 && b[4] == b'-' && b.iter().enumerate().all(|(i, c)| i == 4 || c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::policy::Policy;
    use crate::domain::staleness::tests::{NOW, key};
    use crate::domain::time::TimeDelta;

    fn keys_with_uses(old_used: Option<i64>, new_used: Option<i64>) -> (Key, Key) {
        let (mut old, mut new) = (key(), key());
        old.created_at = NOW.minus(TimeDelta::days(400));
        old.last_used_at = old_used.map(|h| NOW.minus(TimeDelta::hours(h)));
        new.last_used_at = new_used.map(|h| NOW.minus(TimeDelta::hours(h)));
        (old, new)
    }

    fn phase_with_uses(old_used: Option<i64>, new_used: Option<i64>) -> Phase {
        let (old, new) = keys_with_uses(old_used, new_used);
        phase(&old, &new, QuietWindow::from_use_hours(&[], NOW, &Policy::default()), NOW)
    }

    #[test]
    fn a_rotation_is_ready_after_the_quiet_window() {
        assert_eq!(phase_with_uses(Some(1), None), Phase::Switch);
        assert_eq!(phase_with_uses(Some(47), Some(1)), Phase::Drain);
        assert_eq!(phase_with_uses(Some(48), Some(1)), Phase::Drain);
        assert_eq!(phase_with_uses(Some(49), Some(1)), Phase::Ready);
        assert_eq!(phase_with_uses(None, Some(1)), Phase::Ready);
    }

    #[test]
    fn a_rotation_is_ready_from_ready_at_on() {
        let (old, new) = keys_with_uses(Some(5), Some(1));
        let window = QuietWindow::from_use_hours(&[], NOW, &Policy::default());
        let ready = ready_at(&old, window);
        assert_eq!(phase(&old, &new, window, ready.minus(MILLISECOND)), Phase::Drain);
        assert_eq!(phase(&old, &new, window, ready), Phase::Ready);
    }

    #[test]
    fn a_rotation_stalls_after_two_quiet_windows() {
        let window = QuietWindow::from_use_hours(&[], NOW, &Policy::default());
        for (new_used, phase) in [(None, Phase::Switch), (Some(1), Phase::Drain)] {
            let (old, mut new) = keys_with_uses(Some(2), new_used);
            for (hours, stalled) in [(95, false), (96, false), (97, true)] {
                new.created_at = NOW.minus(TimeDelta::hours(hours));
                assert_eq!(super::phase(&old, &new, window, NOW), phase);
                assert_eq!(is_stalled(phase, &new, window, NOW), stalled, "{phase} {hours}");
                assert_eq!(evidence(phase, &old, &new, window, NOW).contains("under way for 4 d"), stalled);
            }
            assert!(!is_stalled(Phase::Ready, &new, window, NOW));
        }
    }

    #[test]
    fn the_proposed_name_ends_with_the_current_month() {
        let at = Timestamp::parse("2026-11-24T00:00:00Z").unwrap();
        assert_eq!(proposed_name("Power BI – Sales", at), "Power BI – Sales (2026-11)");
        assert_eq!(proposed_name("Power BI – Sales (2025-10)", at), "Power BI – Sales (2026-11)");
        assert_eq!(proposed_name("Line (north)", at), "Line (north) (2026-11)");
        assert_eq!(proposed_name(&"é".repeat(100), at).chars().count(), 100);
    }

    /// Longest time between two generated events. It exceeds the longest quiet window.
    pub(super) const EVENT_SPAN: TimeDelta = TimeDelta::days(80);

    pub(super) fn durations_up_to(longest: TimeDelta) -> impl Strategy<Value = TimeDelta> {
        (0..longest.num_milliseconds()).prop_map(TimeDelta::milliseconds)
    }

    fn quiet_windows() -> impl Strategy<Value = TimeDelta> {
        let days = |days| TimeDelta::days(days).num_milliseconds();
        prop_oneof![Just(days(2)), Just(days(14)), Just(days(35)), days(2)..=days(35)]
            .prop_map(TimeDelta::milliseconds)
    }

    prop_compose! {
        /// Generates a rotation whose events are often exactly on a boundary of the quiet window.
        fn rotation()(
            duration in quiet_windows(),
            old_used in prop::option::of(durations_up_to(EVENT_SPAN)),
            new_used in prop::option::of(durations_up_to(EVENT_SPAN)),
            old_revoked in prop::option::weighted(0.2, durations_up_to(EVENT_SPAN)),
            new_revoked in prop::option::weighted(0.2, durations_up_to(EVENT_SPAN)),
        ) -> (Key, Key, QuietWindow) {
            let at = |after: Option<TimeDelta>| after.map(|after| NOW.plus(after));
            let (mut old, mut new) = (key(), key());
            old.created_at = NOW.minus(TimeDelta::days(400));
            (old.last_used_at, old.revoked_at) = (at(old_used), at(old_revoked));
            (new.last_used_at, new.revoked_at) = (at(new_used), at(new_revoked));
            (old, new, QuietWindow { duration, raised_by_gap: None })
        }
    }

    /// Returns the times at which the phase may change, and the milliseconds before and after each of them.
    fn moments(old: &Key, window: QuietWindow) -> Vec<Timestamp> {
        let used = quiet_since(old);
        [used, used.plus(window.duration), ready_at(old, window)]
            .into_iter()
            .flat_map(|at| [at.minus(MILLISECOND), at, at.plus(MILLISECOND)])
            .collect()
    }

    proptest! {
        #[test]
        fn every_rotation_has_a_phase_and_evidence(
            (old, new, mut window) in rotation(), now in any::<i64>().prop_map(Timestamp), seconds in any::<i64>(),
            any_window in any::<bool>(),
        ) {
            // The client receives the window from the server, so it can be any number.
            if any_window {
                window.duration = crate::domain::time::saturating_seconds(seconds);
            }
            let phase = phase(&old, &new, window, now);
            let evidence = evidence(phase, &old, &new, window, now);
            prop_assert!(!evidence.is_empty() && !evidence.contains("last used never"));
            prop_assert_eq!(phase.next_step().is_none(), phase == Phase::Done);
            prop_assert_eq!(phase == Phase::Done, old.revoked_at.is_some());
        }

        #[test]
        fn a_rotation_is_never_ready_if_the_old_key_was_used_within_the_window(
            (mut old, new, window) in rotation(), after in durations_up_to(EVENT_SPAN), back in durations_up_to(EVENT_SPAN),
        ) {
            let now = NOW.plus(after);
            let around = [window.duration - MILLISECOND, window.duration, window.duration + MILLISECOND];
            for back in around.into_iter().chain([back, TimeDelta::zero(), -MILLISECOND]) {
                old.last_used_at = Some(now.minus(back));
                let ready = phase(&old, &new, window, now) == Phase::Ready;
                prop_assert!(!ready || back > window.duration, "used {} before", format_duration(back));
                prop_assert!(!ready || new.last_used_at.is_some());
            }
        }

        #[test]
        fn the_phase_never_moves_back_unless_a_key_is_used(
            (old, new, window) in rotation(), mut times in prop::collection::vec(durations_up_to(EVENT_SPAN * 2), 2..20),
        ) {
            times.extend(moments(&old, window).iter().map(|at| at.since(NOW)));
            times.sort_unstable();
            let phases: Vec<Phase> =
                times.iter().map(|&after| phase(&old, &new, window, NOW.plus(after))).collect();
            prop_assert!(phases.is_sorted(), "{phases:?}");
        }

        #[test]
        fn using_the_new_key_never_moves_the_phase_back(
            (old, mut new, window) in rotation(), after in durations_up_to(EVENT_SPAN), used in durations_up_to(EVENT_SPAN),
        ) {
            let now = NOW.plus(after);
            let before = phase(&old, &new, window, now);
            new.last_used_at = new.last_used_at.max(Some(NOW.plus(used)));
            prop_assert!(phase(&old, &new, window, now) >= before);
        }

        #[test]
        fn ready_at_is_the_first_moment_of_the_phase_ready((mut old, mut new, window) in rotation(), new_used in durations_up_to(EVENT_SPAN)) {
            (old.revoked_at, new.revoked_at) = (None, None);
            new.last_used_at = Some(NOW.plus(new_used));
            let ready = ready_at(&old, window);
            prop_assert_eq!(phase(&old, &new, window, ready), Phase::Ready);
            if old.last_used_at.is_some() {
                prop_assert_eq!(phase(&old, &new, window, ready.minus(MILLISECOND)), Phase::Drain);
            }
        }

        /// Compares the condition under which the server refuses to revoke the old key with the phase that the wizard shows.
        #[test]
        fn revoking_the_old_key_is_refused_exactly_until_the_phase_ready(
            (mut old, mut new, window) in rotation(), new_used in durations_up_to(EVENT_SPAN), now in durations_up_to(EVENT_SPAN * 2),
        ) {
            (old.revoked_at, new.revoked_at) = (None, None);
            new.last_used_at = Some(NOW.plus(new_used));
            for now in moments(&old, window).into_iter().chain([NOW.plus(now)]) {
                let refused = old.last_used_at.is_some_and(|at| at >= finish_unless_used_since(window, now));
                prop_assert_eq!(refused, phase(&old, &new, window, now) != Phase::Ready);
            }
        }
    }
}
