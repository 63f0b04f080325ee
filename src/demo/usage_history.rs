//! How integrations use their keys over a year: the counts of each hour, and which client made them.

use super::rng::Rng;
use crate::domain::key::ClientInfo;
use crate::domain::time::{DAY, HOUR, MILLISECOND, TimeDelta, Timestamp};
use crate::domain::usage::{Bucket, BucketWidth, ClientUse};

/// When an integration works. Hours are UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UsagePattern {
    /// A dashboard that refreshes every five minutes, day and night.
    EveryFiveMinutes,
    /// A bridge that follows the shifts: busy on workdays, a heartbeat on Sundays.
    Shifts,
    /// A report that people open on workdays, with a scheduled refresh each night.
    Office,
    /// A job each hour.
    Hourly,
    /// A job each night at one.
    Nightly,
    /// A job on Sundays at two.
    Weekly,
    /// Someone's analysis, some afternoons.
    Notebook,
    /// Tried now and then.
    Sporadic,
    /// Not used at all.
    Never,
}

/// A year of use of one key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UsageHistory {
    /// Uses by hour, oldest first, as long as hours are kept.
    pub hours: Vec<Bucket>,
    /// Uses by day, oldest first.
    pub days: Vec<Bucket>,
    /// The clients, the latest first.
    pub clients: Vec<ClientUse>,
    /// The last use, and by which client.
    pub last: Option<(Timestamp, ClientInfo)>,
    /// All uses.
    pub count: i64,
}

/// Days of history that the demo makes: a year, and a little for charts that begin at a month.
const DAYS: i64 = 380;

impl UsagePattern {
    /// Uses in the hour that begins at `hour`.
    fn uses(self, hour: Timestamp, chance: &mut Rng) -> i64 {
        let of_day = hour.since(hour.floor(DAY)).num_hours();
        // The epoch was a Thursday; Monday is 0.
        let weekday = (hour.since(Timestamp(0)).num_milliseconds().div_euclid(DAY.num_milliseconds()) + 3)
            .rem_euclid(7);
        let workday = weekday < 5;
        match self {
            Self::EveryFiveMinutes => 12 - i64::from(chance.percent(4)),
            Self::Shifts => match (weekday, of_day) {
                (6, _) => chance.between(1, 3),
                (5, 12..) => chance.between(1, 4),
                (_, 4 | 12 | 20) => chance.between(8, 15),
                (_, 20..) => chance.between(14, 24),
                _ => chance.between(22, 41),
            },
            Self::Office => match of_day {
                4 => 6,
                7 | 8 | 13 if workday => chance.between(9, 27),
                6..=16 if workday => chance.between(0, 12),
                _ => 0,
            },
            Self::Hourly => chance.between(1, 4),
            Self::Nightly if of_day == 1 => chance.between(22, 29),
            Self::Weekly if weekday == 6 && of_day == 2 => chance.between(36, 45),
            Self::Notebook if workday && (12..16).contains(&of_day) && chance.percent(22) => {
                chance.between(3, 44)
            }
            Self::Sporadic if workday && (7..16).contains(&of_day) && chance.percent(2) => {
                chance.between(1, 4)
            }
            _ => 0,
        }
    }

    /// Whether it works when a person does, so that a last use was made where the history ends, whatever the hour.
    fn by_hand(self) -> bool {
        matches!(self, Self::Notebook | Self::Sporadic)
    }

    /// The use of a key between `from` and `until`, both included, as seen at `now`. `clients` are the ones that take
    /// turns, the first most often.
    pub fn past(
        self,
        from: Timestamp,
        until: Timestamp,
        now: Timestamp,
        clients: &[ClientInfo],
        chance: &mut Rng,
    ) -> UsageHistory {
        let mut past = UsageHistory::default();
        if self == Self::Never || clients.is_empty() || until < from {
            return past;
        }
        let mut seen: Vec<Option<ClientUse>> = vec![None; clients.len()];
        let mut hour = from.max(now.minus(TimeDelta::days(DAYS))).floor(HOUR);
        while hour <= until {
            let end = hour.plus(HOUR).min(until.plus(MILLISECOND));
            let begin = hour.max(from);
            let last_hour = hour.plus(HOUR) > until;
            let mut count =
                self.uses(hour, chance) * end.since(begin).num_milliseconds() / HOUR.num_milliseconds();
            if count == 0 && last_hour && self.by_hand() {
                count = chance.between(1, 6);
            }
            if count > 0 {
                let which = if chance.percent(82) { 0 } else { chance.between(0, 1 << 20) };
                let which = usize::try_from(which).unwrap_or(0) % clients.len();
                let slack = end.since(begin).min(TimeDelta::minutes(4) + TimeDelta::seconds(37));
                let at = end.minus(MILLISECOND + chance.duration_between(TimeDelta::zero(), slack));
                add(&mut past, hour, count, now);
                let client = &clients[which];
                let entry = seen[which].get_or_insert_with(|| ClientUse {
                    agent: client.agent.clone(),
                    address: client.address.clone(),
                    first_seen_at: at,
                    last_seen_at: at,
                    count: 0,
                });
                entry.last_seen_at = at;
                entry.count += count;
                past.last = Some((at, client.clone()));
            }
            hour = hour.plus(HOUR);
        }
        past.clients = seen.into_iter().flatten().collect();
        past.clients.sort_by_key(|c| std::cmp::Reverse(c.last_seen_at));
        past
    }
}

fn add(past: &mut UsageHistory, hour: Timestamp, count: i64, now: Timestamp) {
    past.count += count;
    if now.since(hour) < BucketWidth::Hour.retention() {
        past.hours.push(Bucket { start: hour, count, refused: 0 });
    }
    let day = hour.floor(DAY);
    match past.days.last_mut() {
        Some(last) if last.start == day => last.count += count,
        _ => past.days.push(Bucket { start: day, count, refused: 0 }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // A Tuesday, 06:10 UTC.
    const NOW: Timestamp = Timestamp(1_795_500_600_000);

    fn past(pattern: UsagePattern, age_days: i64, silent: TimeDelta) -> UsageHistory {
        let client = |n: u8| ClientInfo { agent: "Grafana/11.4.0".into(), address: format!("10.0.0.{n}") };
        let (from, until) = (NOW.minus(TimeDelta::days(age_days)), NOW.minus(silent));
        pattern.past(from, until, NOW, &[client(1), client(2)], &mut Rng::new(1))
    }

    #[test]
    fn what_happened_lies_between_creation_and_now_and_adds_up() {
        use UsagePattern as P;
        for pattern in
            [P::EveryFiveMinutes, P::Shifts, P::Office, P::Hourly, P::Nightly, P::Weekly, P::Notebook]
        {
            let p = past(pattern, 700, TimeDelta::zero());
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
    fn each_pattern_shows_in_the_counts() {
        assert_eq!(past(UsagePattern::Never, 100, TimeDelta::zero()), UsageHistory::default());
        let weekly = past(UsagePattern::Weekly, 400, TimeDelta::zero());
        assert!(weekly.hours.windows(2).all(|w| w[1].start.since(w[0].start) == TimeDelta::days(7)));
        let stopped = past(UsagePattern::Notebook, 300, TimeDelta::days(48));
        assert!(NOW.since(stopped.last.unwrap().0).num_days() == 48);
        let daily = past(UsagePattern::Office, 90, TimeDelta::zero());
        assert!(daily.hours.windows(2).all(|w| w[1].start.since(w[0].start) <= DAY));
    }
}
