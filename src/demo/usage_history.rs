//! Generates the use of a key over a year: counts per hour and day, and the clients.

use super::rng::Rng;
use crate::domain::key::ClientInfo;
use crate::domain::time::{DAY, HOUR, MILLISECOND, TimeDelta, Timestamp};
use crate::domain::usage::{Bucket, BucketWidth, ClientUse};

/// The times at which an integration uses its key, in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UsagePattern {
    /// A dashboard that refreshes every five minutes, day and night.
    EveryFiveMinutes,
    /// A bridge that follows the production shifts: busy on workdays, only a heartbeat on Sundays.
    Shifts,
    /// A report that people open on workdays, with a scheduled refresh each night.
    Office,
    /// A job that runs every hour.
    Hourly,
    /// A job that runs every night at 1:00.
    Nightly,
    /// A job that runs on Sundays at 2:00.
    Weekly,
    /// A data analysis that someone runs on some afternoons.
    Notebook,
    /// Occasional use on workdays.
    Sporadic,
    /// The key is never used.
    Never,
}

/// Usage history of one key over a year.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UsageHistory {
    /// Uses per hour, oldest first, for as long as hourly counts are retained.
    pub hours: Vec<Bucket>,
    /// Uses per day, oldest first.
    pub days: Vec<Bucket>,
    /// Clients, most recent first.
    pub clients: Vec<ClientUse>,
    /// Time and client of the last use; `None` if the key was never used.
    pub last: Option<(Timestamp, ClientInfo)>,
    /// Total number of uses.
    pub count: i64,
}

/// Length of the history in days: a year, plus a margin for charts that start at the beginning of a month.
const HISTORY_DAYS: i64 = 380;

impl UsagePattern {
    /// Returns a random number of uses for the hour that begins at `hour`.
    fn uses_in_hour(self, hour: Timestamp, rng: &mut Rng) -> i64 {
        let hour_of_day = hour.since(hour.floor(DAY)).num_hours();
        // The epoch was a Thursday; Monday is 0.
        let weekday = (hour.since(Timestamp(0)).num_milliseconds().div_euclid(DAY.num_milliseconds()) + 3)
            .rem_euclid(7);
        let is_workday = weekday < 5;
        match self {
            Self::EveryFiveMinutes => 12 - i64::from(rng.chance(4)),
            Self::Shifts => match (weekday, hour_of_day) {
                (6, _) => rng.between(1, 3),
                (5, 12..) => rng.between(1, 4),
                (_, 4 | 12 | 20) => rng.between(8, 15),
                (_, 20..) => rng.between(14, 24),
                _ => rng.between(22, 41),
            },
            Self::Office => match hour_of_day {
                4 => 6,
                7 | 8 | 13 if is_workday => rng.between(9, 27),
                6..=16 if is_workday => rng.between(0, 12),
                _ => 0,
            },
            Self::Hourly => rng.between(1, 4),
            Self::Nightly if hour_of_day == 1 => rng.between(22, 29),
            Self::Weekly if weekday == 6 && hour_of_day == 2 => rng.between(36, 45),
            Self::Notebook if is_workday && (12..16).contains(&hour_of_day) && rng.chance(22) => {
                rng.between(3, 44)
            }
            Self::Sporadic if is_workday && (7..16).contains(&hour_of_day) && rng.chance(2) => {
                rng.between(1, 4)
            }
            _ => 0,
        }
    }

    /// Returns whether a person starts the uses by hand, so that the last one may be at any hour.
    fn is_manual(self) -> bool {
        matches!(self, Self::Notebook | Self::Sporadic)
    }

    /// Generates the usage history of a key from `from` to `until`, inclusive, as recorded at `now`. The first client makes
    /// most of the requests.
    pub fn generate(
        self,
        from: Timestamp,
        until: Timestamp,
        now: Timestamp,
        clients: &[ClientInfo],
        rng: &mut Rng,
    ) -> UsageHistory {
        let mut history = UsageHistory::default();
        if self == Self::Never || clients.is_empty() || until < from {
            return history;
        }
        let mut seen: Vec<Option<ClientUse>> = vec![None; clients.len()];
        let mut hour = from.max(now.minus(TimeDelta::days(HISTORY_DAYS))).floor(HOUR);
        while hour <= until {
            let end = hour.plus(HOUR).min(until.plus(MILLISECOND));
            let begin = hour.max(from);
            let last_hour = hour.plus(HOUR) > until;
            let mut count =
                self.uses_in_hour(hour, rng) * end.since(begin).num_milliseconds() / HOUR.num_milliseconds();
            if count == 0 && last_hour && self.is_manual() {
                count = rng.between(1, 6);
            }
            if count > 0 {
                let client_index = if rng.chance(82) { 0 } else { rng.between(0, 1 << 20) };
                let client_index = usize::try_from(client_index).unwrap_or(0) % clients.len();
                let max_delay = end.since(begin).min(TimeDelta::minutes(4) + TimeDelta::seconds(37));
                let at = end.minus(MILLISECOND + rng.duration_between(TimeDelta::zero(), max_delay));
                add_uses(&mut history, hour, count, now);
                let client = &clients[client_index];
                let entry = seen[client_index].get_or_insert_with(|| ClientUse {
                    agent: client.agent.clone(),
                    address: client.address.clone(),
                    first_seen_at: at,
                    last_seen_at: at,
                    count: 0,
                });
                entry.last_seen_at = at;
                entry.count += count;
                history.last = Some((at, client.clone()));
            }
            hour = hour.plus(HOUR);
        }
        history.clients = seen.into_iter().flatten().collect();
        history.clients.sort_by_key(|c| std::cmp::Reverse(c.last_seen_at));
        history
    }
}

fn add_uses(history: &mut UsageHistory, hour: Timestamp, count: i64, now: Timestamp) {
    history.count += count;
    if now.since(hour) < BucketWidth::Hour.retention() {
        history.hours.push(Bucket { start: hour, count, refused: 0 });
    }
    let day = hour.floor(DAY);
    match history.days.last_mut() {
        Some(last) if last.start == day => last.count += count,
        _ => history.days.push(Bucket { start: day, count, refused: 0 }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // A Tuesday, 06:10 UTC.
    const NOW: Timestamp = Timestamp(1_795_500_600_000);

    fn history(pattern: UsagePattern, age_days: i64, silent: TimeDelta) -> UsageHistory {
        let client = |n: u8| ClientInfo { agent: "Grafana/11.4.0".into(), address: format!("10.0.0.{n}") };
        let (from, until) = (NOW.minus(TimeDelta::days(age_days)), NOW.minus(silent));
        pattern.generate(from, until, NOW, &[client(1), client(2)], &mut Rng::new(1))
    }

    #[test]
    fn generated_uses_are_between_creation_and_now_and_add_up() {
        use UsagePattern as P;
        for pattern in
            [P::EveryFiveMinutes, P::Shifts, P::Office, P::Hourly, P::Nightly, P::Weekly, P::Notebook]
        {
            let p = history(pattern, 700, TimeDelta::zero());
            let (last, by) = p.last.clone().unwrap();
            assert!(last <= NOW && last > NOW.minus(TimeDelta::days(8)), "{pattern:?} {last}");
            assert_eq!(p.days.iter().map(|b| b.count).sum::<i64>(), p.count, "{pattern:?}");
            assert_eq!(p.clients.iter().map(|c| c.count).sum::<i64>(), p.count, "{pattern:?}");
            assert_eq!((p.clients[0].last_seen_at, &p.clients[0].agent), (last, &by.agent));
            assert!(p.hours.iter().all(|b| NOW.since(b.start) < TimeDelta::days(90)));
            assert!(p.days.windows(2).all(|w| w[0].start < w[1].start));
        }
    }

    #[test]
    fn use_counts_follow_the_usage_pattern() {
        assert_eq!(history(UsagePattern::Never, 100, TimeDelta::zero()), UsageHistory::default());
        let weekly = history(UsagePattern::Weekly, 400, TimeDelta::zero());
        assert!(weekly.hours.windows(2).all(|w| w[1].start.since(w[0].start) == TimeDelta::days(7)));
        let stopped = history(UsagePattern::Notebook, 300, TimeDelta::days(48));
        assert!(NOW.since(stopped.last.unwrap().0).num_days() == 48);
        let daily = history(UsagePattern::Office, 90, TimeDelta::zero());
        assert!(daily.hours.windows(2).all(|w| w[1].start.since(w[0].start) <= DAY));
    }
}
