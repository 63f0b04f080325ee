//! A believable organization at a made-up plant, from a seed and the time alone: members, keys, a year of their use.

use std::sync::Arc;

use super::activity_log::ActivityLog;
use super::fixtures::{MACHINES, MEMBERS, MemberName, ORGANIZATION, SITES};
use super::keys::{KEY_FIXTURES, KeyFixture, Traffic};
use super::names;
use super::rng::Rng;
use super::usage_history::{UsageHistory, UsagePattern};
use crate::domain::activity::Activity;
use crate::domain::id::Id;
use crate::domain::key::{ClientInfo, Key, KeyKind};
use crate::domain::member::{MemberRef, MemberStatus, Role};
use crate::domain::rotation;
use crate::domain::secret::{Digest, MaskedSecret};
use crate::domain::time::{DAY, HOUR, MINUTE, TimeDelta, Timestamp};
use crate::wire::data_plane::{Machine, Site};

/// Most keys of the demo.
pub const KEYS_MAX: usize = 100_000;
/// How many keys have a history; the others have a last use only.
const WITH_HISTORY: usize = 200;

/// Everything that the demo's database holds.
pub struct DemoOrganization {
    /// Its id.
    pub id: Id,
    /// Its name.
    pub name: String,
    /// Since when it, and the recording of uses, exists.
    pub created_at: Timestamp,
    /// Its sites.
    pub sites: Vec<Site>,
    /// Its machines.
    pub machines: Vec<Machine>,
    /// Its members, in the order of [`MemberName`].
    pub members: Vec<DemoMember>,
    /// Its keys.
    pub keys: Vec<GeneratedKey>,
    /// What was done, oldest first.
    pub activity: Vec<Activity>,
}

/// A member.
pub struct DemoMember {
    /// Who.
    pub who: Arc<MemberRef>,
    /// Role.
    pub role: Role,
    /// When they joined.
    pub joined_at: Timestamp,
    /// Their latest sign of life.
    pub last_seen_at: Timestamp,
    /// Where they work from.
    pub address: String,
}

/// A key as it is put into the database.
pub struct GeneratedKey {
    /// The key.
    pub key: Key,
    /// The digest of its secret; nobody has the secret, unless [`GeneratedKey::digest`] is replaced by that of a real one.
    pub digest: Digest,
    /// Its use.
    pub past: UsageHistory,
    /// What the demo does with it, and as which client.
    pub act: Option<(Traffic, ClientInfo)>,
}

impl DemoOrganization {
    /// The organization with `keys` keys as of `now`.
    pub fn new(keys: usize, now: Timestamp, seed: u64) -> Self {
        let mut chance = Rng::new(seed);
        let created_at = now.minus(TimeDelta::days(742));
        let id = Id::new(created_at, chance.bytes());
        let members = members(now, &mut chance);
        let sites: Vec<Site> = SITES
            .iter()
            .map(|&(name, address)| Site {
                uuid: Id::new(created_at, chance.bytes()),
                name: name.to_owned(),
                address: Some(address.to_owned()),
            })
            .collect();
        let machines = MACHINES
            .iter()
            .map(|&(site, name, genesis)| Machine {
                uuid: Id::new(created_at, chance.bytes()),
                name: name.to_owned(),
                genesis_date: Some(genesis.to_owned()),
                site: sites[site].uuid,
            })
            .collect();
        let mut planter = KeyGenerator { now, members: &members, chance, keys: Vec::with_capacity(keys) };
        for part in KEY_FIXTURES.iter().take(keys) {
            planter.play(part);
        }
        for n in KEY_FIXTURES.len()..keys {
            planter.extra(n);
        }
        let KeyGenerator { keys, mut chance, .. } = planter;
        let known = &keys[..keys.len().min(WITH_HISTORY)];
        let activity = ActivityLog::of(&members, known, created_at, &mut chance);
        Self { id, name: ORGANIZATION.to_owned(), created_at, sites, machines, members, keys, activity }
    }

    /// The member that the demo signs in for a role.
    pub fn member_for(&self, role: Role) -> &DemoMember {
        &self.members[MemberName::for_role(role).place()]
    }
}

fn members(now: Timestamp, chance: &mut Rng) -> Vec<DemoMember> {
    MEMBERS
        .iter()
        .map(|person| {
            let joined_at = now.minus(TimeDelta::days(person.joined));
            let removed_at = person.removed.map(|days| now.minus(TimeDelta::days(days)));
            let who = MemberRef {
                id: Id::new(joined_at, chance.bytes()),
                name: person.name.to_owned(),
                email: person.email.to_owned(),
                status: if removed_at.is_some() { MemberStatus::Removed } else { MemberStatus::Active },
                removed_at,
            };
            let jitter = chance.duration_between(TimeDelta::zero(), HOUR);
            let last_seen_at = removed_at.unwrap_or(now).minus(TimeDelta::hours(person.silent) + jitter);
            let address = format!("10.0.20.{}", chance.between(10, 99));
            DemoMember { who: Arc::new(who), role: person.role, joined_at, last_seen_at, address }
        })
        .collect()
}

/// Makes keys one after the other.
struct KeyGenerator<'a> {
    now: Timestamp,
    members: &'a [DemoMember],
    chance: Rng,
    keys: Vec<GeneratedKey>,
}

impl KeyGenerator<'_> {
    fn member(&self, who: MemberName) -> Arc<MemberRef> {
        self.members[who.place()].who.clone()
    }

    /// A key that is not used yet.
    fn blank(&mut self, kind: KeyKind, name: String, by: MemberName, created_at: Timestamp) -> Key {
        let mask: [u8; 4] = std::array::from_fn(|_| {
            self.chance.pick(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
        });
        let mask = std::str::from_utf8(&mask).ok().and_then(|four| MaskedSecret::from_last_four(four).ok());
        Key {
            id: Id::new(created_at, self.chance.bytes()),
            kind,
            name,
            masked: mask.expect("four letters or digits").to_string(),
            note: None,
            version: 1,
            created_at,
            created_by: self.member(by),
            last_used_at: None,
            last_used_by: None,
            use_count: 0,
            replaces: None,
            replaced_by: None,
            revoked_at: None,
            revoked_by: None,
            revoke_reason: None,
        }
    }

    fn plant(&mut self, mut key: Key, past: UsageHistory, act: Option<(Traffic, ClientInfo)>) {
        if let Some((at, by)) = &past.last {
            key.last_used_at = Some(*at);
            key.last_used_by = Some(by.clone());
            key.use_count = past.count;
        }
        let digest = Digest(self.chance.bytes());
        self.keys.push(GeneratedKey { key, digest, past, act });
    }

    fn play(&mut self, cast: &KeyFixture) {
        let now = self.now;
        let created_at = match cast.age {
            0 => now.minus(TimeDelta::minutes(23)),
            days => now.minus(
                TimeDelta::days(days) + self.chance.duration_between(TimeDelta::zero(), TimeDelta::hours(7)),
            ),
        };
        let old = cast.replaces_previous.then(|| self.keys.len() - 1);
        let name = match old {
            Some(old) if cast.name.is_empty() => {
                rotation::proposed_name(&self.keys[old].key.name, created_at)
            }
            _ => cast.name.to_owned(),
        };
        let mut key = self.blank(cast.kind, name, cast.by, created_at);
        key.note = cast.note.map(str::to_owned);
        if let Some(end) = cast.end {
            // A removal and the end of the member's personal keys are one moment.
            let removal = cast.by.removed_days_ago() == Some(end.days) && cast.kind == KeyKind::Personal;
            let jitter = if removal {
                TimeDelta::zero()
            } else {
                self.chance.duration_between(HOUR, TimeDelta::hours(9))
            };
            key.revoked_at = Some(now.minus(TimeDelta::days(end.days)).plus(jitter));
            key.revoked_by = Some(self.member(end.by));
            key.revoke_reason = end.reason.map(str::to_owned);
            key.version = 2;
        }
        if let Some(old) = old {
            key.replaces = Some(self.keys[old].key.id);
            if key.revoked_at.is_none() {
                self.keys[old].key.replaced_by = Some(key.id);
            }
        }
        let client = |agent: &str, (x, y): (u8, u8)| ClientInfo {
            agent: agent.to_owned(),
            address: format!("10.0.{x}.{y}"),
        };
        let first = client(cast.agent, cast.host);
        let clients: Vec<ClientInfo> =
            std::iter::once(first.clone()).chain(cast.shared_with.map(|(a, h)| client(a, h))).collect();
        let until = now.minus(TimeDelta::hours(cast.silent_hours));
        let until = key.revoked_at.map_or(until, |end| until.min(end.minus(MINUTE)));
        let past = cast.pattern.past(created_at, until, now, &clients, &mut self.chance);
        self.plant(key, past, cast.act.map(|act| (act, first)));
    }

    /// The `n`th key of the database, beyond the cast.
    fn extra(&mut self, n: usize) {
        let now = self.now;
        let personal = self.chance.percent(12);
        let kind = if personal { KeyKind::Personal } else { KeyKind::Organization };
        let by = match self.chance.between(0, 100) {
            ..40 => MemberName::Ada,
            40..70 if personal => MemberName::Hanna,
            70..85 if personal => MemberName::Petra,
            _ if personal => MemberName::Jonas,
            40..94 => MemberName::Viktor,
            94..97 => MemberName::Wanda,
            _ => MemberName::Kurt,
        };
        let gone = by.removed_days_ago().unwrap_or(0);
        let most = self.members[by.place()].joined_at;
        let oldest = now.since(most).num_days().min(395);
        let age = TimeDelta::days(self.chance.between(gone + 1, oldest))
            + self.chance.duration_between(TimeDelta::zero(), DAY);
        let (name, agent) = names::name(n, personal, &mut self.chance);
        let created_at = now.minus(age);
        let mut key = self.blank(kind, name, by, created_at);
        let client = ClientInfo {
            agent: agent.to_owned(),
            address: format!("10.{}.{}.{}", 1 + n / 50_000, n / 200 % 250, 1 + n % 200),
        };
        let fate = self.chance.between(0, 100);
        let silent = match fate {
            ..3 => self.chance.duration_between(TimeDelta::days(91), TimeDelta::days(300)),
            3..62 => self.chance.duration_between(TimeDelta::zero(), TimeDelta::hours(23)),
            _ => self.chance.duration_between(DAY, TimeDelta::days(60)),
        };
        let pattern = match fate {
            92..95 => UsagePattern::Never,
            _ if silent > DAY || personal => UsagePattern::Notebook,
            _ => self.chance.pick(&[
                UsagePattern::EveryFiveMinutes,
                UsagePattern::Shifts,
                UsagePattern::Hourly,
            ]),
        };
        if fate >= 95 {
            let after = self.chance.duration_between(HOUR, age.max(TimeDelta::hours(2))).min(age);
            key.revoked_at = Some(created_at.plus(after));
            key.revoked_by = Some(self.member(MemberName::Ada));
            key.version = 2;
        }
        // A key cannot have been silent for longer than it exists.
        let until = now.minus(if silent < age {
            silent
        } else {
            self.chance.duration_between(TimeDelta::zero(), age)
        });
        let until = key.revoked_at.map_or(until, |end| until.min(end));
        if n < WITH_HISTORY {
            let past = pattern.past(created_at, until, now, &[client], &mut self.chance);
            self.plant(key, past, None);
            return;
        }
        let mut past = UsageHistory::default();
        if pattern != UsagePattern::Never && until > created_at {
            past.last = Some((until, client));
            past.count = self.chance.between(1, 40_000);
        }
        self.plant(key, past, None);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::cli::DemoArgs;
    use crate::domain::key;
    use crate::domain::policy::Policy;
    use crate::domain::rotation::{Phase, QuietWindow, phase};
    use crate::domain::staleness::{Flag, Risk, StalenessRules};

    /// A Monday morning, when offices have been silent for longest, and a Thursday afternoon.
    const STARTS: [&str; 2] = ["2026-11-23T05:10:00Z", "2026-11-26T14:59:59.999Z"];

    fn organizations(keys: usize) -> impl Iterator<Item = (DemoOrganization, Timestamp)> {
        STARTS
            .iter()
            .map(move |at| Timestamp::parse(at).unwrap())
            .map(move |now| (DemoOrganization::new(keys, now, 1), now))
    }

    #[test]
    fn every_flag_risk_and_phase_is_there() {
        for (plant, now) in organizations(DemoArgs::default().keys as usize) {
            let rules = StalenessRules { policy: Policy::default(), now, tracking_since: plant.created_at };
            let org: Vec<&Key> =
                plant.keys.iter().map(|k| &k.key).filter(|k| k.kind == KeyKind::Organization).collect();
            let live = org.iter().filter(|k| k.is_in_use(now)).count();
            assert!(live >= 25, "{live} live organization keys");
            for flag in Flag::ALL {
                assert!(org.iter().any(|k| rules.flags(k).has(flag)), "{flag}");
            }
            let risks: HashSet<Option<Risk>> = org.iter().map(|k| rules.risk(k)).collect();
            assert_eq!(risks.len(), 6, "{risks:?}");
            let by_id = |id: Id| plant.keys.iter().find(|k| k.key.id == id).unwrap();
            let phases: Vec<Phase> = org
                .iter()
                .filter_map(|new| Some((new, by_id(new.replaces?))))
                .map(|(new, old)| {
                    let hours: Vec<Timestamp> = old.past.hours.iter().map(|b| b.start).collect();
                    phase(&old.key, new, QuietWindow::from_use_hours(&hours, now, &rules.policy), now)
                })
                .collect();
            let wanted = [Phase::Switch, Phase::Drain, Phase::Ready, Phase::Done, Phase::Abandoned];
            assert!(wanted.iter().all(|p| phases.contains(p)), "{phases:?}");
            assert_eq!(plant.members.iter().filter(|m| m.who.removed_at.is_some()).count(), 2);
            assert!(plant.keys.iter().any(|k| k.key.revoked_at.is_some() && k.act.is_some()));
        }
    }

    #[test]
    fn no_fact_contradicts_another() {
        for (plant, now) in organizations(3_000) {
            assert_eq!(plant.keys.len(), 3_000);
            let ids: HashSet<Id> = plant.keys.iter().map(|k| k.key.id).collect();
            assert_eq!(ids.len(), 3_000);
            for GeneratedKey { key: k, past, .. } in &plant.keys {
                assert_eq!(key::normalize_name(&k.name).as_deref(), Ok(k.name.as_str()));
                assert_eq!(k.note.clone(), k.note.as_deref().and_then(|n| key::normalize_note(n).unwrap()));
                assert!(k.created_at > plant.created_at && k.created_at < now, "{}", k.name);
                let gone = k.created_by.removed_at;
                assert!(gone.is_none_or(|at| k.created_at < at), "{} was created by a ghost", k.name);
                if k.kind == KeyKind::Personal && gone.is_some() {
                    assert_eq!(k.revoked_at, gone, "{} outlived its member", k.name);
                }
                let end = k.revoked_at.unwrap_or(now);
                assert!(end <= now && end > k.created_at, "{}", k.name);
                if let Some(at) = k.last_used_at {
                    assert!(at >= k.created_at && at <= end, "{}: used {at} until {end}", k.name);
                    assert!(k.use_count > 0 && k.last_used_by.is_some());
                }
                assert!(past.clients.iter().all(|c| c.first_seen_at <= c.last_seen_at && c.count > 0));
            }
            let with_history = plant.keys.iter().filter(|k| !k.past.days.is_empty()).count();
            assert!((150..=WITH_HISTORY).contains(&with_history), "{with_history}");
            for row in &plant.activity {
                assert!(row.at >= plant.created_at && row.at <= now);
            }
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_organization() {
        let (a, b) = (
            DemoOrganization::new(300, Timestamp(1 << 41), 9),
            DemoOrganization::new(300, Timestamp(1 << 41), 9),
        );
        assert!(a.keys.iter().zip(&b.keys).all(|(a, b)| a.key == b.key && a.past == b.past));
        assert_eq!(a.activity, b.activity);
        assert!(DemoOrganization::new(0, Timestamp(1 << 41), 9).keys.is_empty());
    }
}
