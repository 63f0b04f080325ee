//! Generates the organization of the demo from a seed and the time: members, keys, and a year of their use.

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

/// Maximum number of keys in the demo.
pub const KEYS_MAX: usize = 100_000;
/// Number of keys with a complete usage history; other keys only have a last use.
const KEYS_WITH_HISTORY: usize = 200;

/// The content of the demo's database.
pub struct DemoOrganization {
    pub id: Id,
    pub name: String,
    /// When the organization was created and usage tracking started.
    pub created_at: Timestamp,
    pub sites: Vec<Site>,
    pub machines: Vec<Machine>,
    /// Members, in the order of [`MemberName`].
    pub members: Vec<DemoMember>,
    pub keys: Vec<GeneratedKey>,
    /// Activity log, oldest entry first.
    pub activity: Vec<Activity>,
}

/// A demo member, with the time and address of their last request.
pub struct DemoMember {
    pub who: Arc<MemberRef>,
    pub role: Role,
    pub joined_at: Timestamp,
    /// Time of the member's last request.
    pub last_seen_at: Timestamp,
    /// Network address that the member's requests come from.
    pub address: String,
}

/// A generated key, to be stored in the demo's database.
pub struct GeneratedKey {
    pub key: Key,
    /// Digest of a random secret that nobody knows. Keys with traffic get a known secret when they are stored.
    pub digest: Digest,
    pub history: UsageHistory,
    /// How the key is used while the demo runs, and by which client; `None` if it is not used.
    pub traffic: Option<(Traffic, ClientInfo)>,
}

impl DemoOrganization {
    /// Generates the organization with this number of keys, as it is at `now`.
    pub fn new(keys: usize, now: Timestamp, seed: u64) -> Self {
        let mut rng = Rng::new(seed);
        let created_at = now.minus(TimeDelta::days(742));
        let id = Id::new(created_at, rng.bytes());
        let members = generate_members(now, &mut rng);
        let sites: Vec<Site> = SITES
            .iter()
            .map(|&(name, address)| Site {
                uuid: Id::new(created_at, rng.bytes()),
                name: name.to_owned(),
                address: Some(address.to_owned()),
            })
            .collect();
        let machines = MACHINES
            .iter()
            .map(|&(site, name, genesis)| Machine {
                uuid: Id::new(created_at, rng.bytes()),
                name: name.to_owned(),
                genesis_date: Some(genesis.to_owned()),
                site: sites[site].uuid,
            })
            .collect();
        let mut generator = KeyGenerator { now, members: &members, rng, keys: Vec::with_capacity(keys) };
        for fixture in KEY_FIXTURES.iter().take(keys) {
            generator.add_fixture(fixture);
        }
        for n in KEY_FIXTURES.len()..keys {
            generator.add_random(n);
        }
        let KeyGenerator { keys, mut rng, .. } = generator;
        let logged_keys = &keys[..keys.len().min(KEYS_WITH_HISTORY)];
        let activity = ActivityLog::generate(&members, logged_keys, created_at, &mut rng);
        Self { id, name: ORGANIZATION.to_owned(), created_at, sites, machines, members, keys, activity }
    }

    /// Returns the member whom the demo signs in for a role.
    pub fn member_for(&self, role: Role) -> &DemoMember {
        &self.members[MemberName::for_role(role).index()]
    }
}

fn generate_members(now: Timestamp, rng: &mut Rng) -> Vec<DemoMember> {
    MEMBERS
        .iter()
        .map(|fixture| {
            let joined_at = now.minus(TimeDelta::days(fixture.joined));
            let removed_at = fixture.removed.map(|days| now.minus(TimeDelta::days(days)));
            let who = MemberRef {
                id: Id::new(joined_at, rng.bytes()),
                name: fixture.name.to_owned(),
                email: fixture.email.to_owned(),
                status: if removed_at.is_some() { MemberStatus::Removed } else { MemberStatus::Active },
                removed_at,
            };
            let jitter = rng.duration_between(TimeDelta::zero(), HOUR);
            let last_seen_at = removed_at.unwrap_or(now).minus(TimeDelta::hours(fixture.idle_hours) + jitter);
            let address = format!("10.0.20.{}", rng.between(10, 99));
            DemoMember { who: Arc::new(who), role: fixture.role, joined_at, last_seen_at, address }
        })
        .collect()
}

/// Generates keys in order, because a replacement refers to the key before it.
struct KeyGenerator<'a> {
    now: Timestamp,
    members: &'a [DemoMember],
    rng: Rng,
    keys: Vec<GeneratedKey>,
}

impl KeyGenerator<'_> {
    fn member_ref(&self, who: MemberName) -> Arc<MemberRef> {
        self.members[who.index()].who.clone()
    }

    /// Creates a key that was never used.
    fn new_key(&mut self, kind: KeyKind, name: String, by: MemberName, created_at: Timestamp) -> Key {
        let last_four: [u8; 4] = std::array::from_fn(|_| {
            self.rng.pick(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
        });
        let mask =
            std::str::from_utf8(&last_four).ok().and_then(|four| MaskedSecret::from_last_four(four).ok());
        Key::new(
            Id::new(created_at, self.rng.bytes()),
            kind,
            name,
            mask.expect("four letters or digits are valid").to_string(),
            created_at,
            self.member_ref(by),
        )
    }

    fn push(&mut self, mut key: Key, history: UsageHistory, traffic: Option<(Traffic, ClientInfo)>) {
        if let Some((at, by)) = &history.last {
            key.last_used_at = Some(*at);
            key.last_used_by = Some(by.clone());
            key.use_count = history.count;
        }
        let digest = Digest(self.rng.bytes());
        self.keys.push(GeneratedKey { key, digest, history, traffic });
    }

    fn add_fixture(&mut self, fixture: &KeyFixture) {
        let now = self.now;
        let created_at = match fixture.age {
            0 => now.minus(TimeDelta::minutes(23)),
            days => now.minus(
                TimeDelta::days(days) + self.rng.duration_between(TimeDelta::zero(), TimeDelta::hours(7)),
            ),
        };
        let old = fixture.replaces_previous.then(|| self.keys.len() - 1);
        let name = match old {
            Some(old) if fixture.name.is_empty() => {
                rotation::proposed_name(&self.keys[old].key.name, created_at)
            }
            _ => fixture.name.to_owned(),
        };
        let mut key = self.new_key(fixture.kind, name, fixture.by, created_at);
        key.note = fixture.note.map(str::to_owned);
        if let Some(revocation) = fixture.revocation {
            // Removing a member revokes their personal keys at the same time.
            let is_removal = fixture.by.removed_days_ago() == Some(revocation.days_ago)
                && fixture.kind == KeyKind::Personal;
            let jitter = if is_removal {
                TimeDelta::zero()
            } else {
                self.rng.duration_between(HOUR, TimeDelta::hours(9))
            };
            key.revoked_at = Some(now.minus(TimeDelta::days(revocation.days_ago)).plus(jitter));
            key.revoked_by = Some(self.member_ref(revocation.by));
            key.revoke_reason = revocation.reason.map(str::to_owned);
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
        let first = client(fixture.agent, fixture.host);
        let clients: Vec<ClientInfo> =
            std::iter::once(first.clone()).chain(fixture.shared_with.map(|(a, h)| client(a, h))).collect();
        let until = now.minus(TimeDelta::hours(fixture.silent_hours));
        let until = key.revoked_at.map_or(until, |end| until.min(end.minus(MINUTE)));
        let history = fixture.pattern.generate(created_at, until, now, &clients, &mut self.rng);
        self.push(key, history, fixture.traffic.map(|traffic| (traffic, first)));
    }

    /// Adds the `n`th key, which comes after the fixtures and has random properties.
    fn add_random(&mut self, n: usize) {
        let now = self.now;
        let personal = self.rng.chance(12);
        let kind = if personal { KeyKind::Personal } else { KeyKind::Organization };
        let by = match self.rng.between(0, 100) {
            ..40 => MemberName::Ada,
            40..70 if personal => MemberName::Hanna,
            70..85 if personal => MemberName::Petra,
            _ if personal => MemberName::Jonas,
            40..94 => MemberName::Viktor,
            94..97 => MemberName::Wanda,
            _ => MemberName::Kurt,
        };
        let removed_days_ago = by.removed_days_ago().unwrap_or(0);
        let joined_at = self.members[by.index()].joined_at;
        let oldest = now.since(joined_at).num_days().min(395);
        let age = TimeDelta::days(self.rng.between(removed_days_ago + 1, oldest))
            + self.rng.duration_between(TimeDelta::zero(), DAY);
        let (name, agent) = names::generate_name(n, kind, &mut self.rng);
        let created_at = now.minus(age);
        let mut key = self.new_key(kind, name, by, created_at);
        let client = ClientInfo {
            agent: agent.to_owned(),
            address: format!("10.{}.{}.{}", 1 + n / 50_000, n / 200 % 250, 1 + n % 200),
        };
        let percentile = self.rng.between(0, 100);
        let silent = match percentile {
            ..3 => self.rng.duration_between(TimeDelta::days(91), TimeDelta::days(300)),
            3..62 => self.rng.duration_between(TimeDelta::zero(), TimeDelta::hours(23)),
            _ => self.rng.duration_between(DAY, TimeDelta::days(60)),
        };
        let pattern = match percentile {
            92..95 => UsagePattern::Never,
            _ if silent > DAY || personal => UsagePattern::Notebook,
            _ => self.rng.pick(&[UsagePattern::EveryFiveMinutes, UsagePattern::Shifts, UsagePattern::Hourly]),
        };
        if percentile >= 95 {
            let after = self.rng.duration_between(HOUR, age.max(TimeDelta::hours(2))).min(age);
            key.revoked_at = Some(created_at.plus(after));
            key.revoked_by = Some(self.member_ref(MemberName::Ada));
            key.version = 2;
        }
        // A key cannot be unused for longer than it exists.
        let until =
            now.minus(if silent < age { silent } else { self.rng.duration_between(TimeDelta::zero(), age) });
        let until = key.revoked_at.map_or(until, |end| until.min(end));
        if n < KEYS_WITH_HISTORY {
            let history = pattern.generate(created_at, until, now, &[client], &mut self.rng);
            self.push(key, history, None);
            return;
        }
        let mut history = UsageHistory::default();
        if pattern != UsagePattern::Never && until > created_at {
            history.last = Some((until, client));
            history.count = self.rng.between(1, 40_000);
        }
        self.push(key, history, None);
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

    /// Times at which the tests start the demo: a Monday morning, after a weekend without office usage, and a Thursday
    /// afternoon.
    const TEST_START_TIMES: [&str; 2] = ["2026-11-23T05:10:00Z", "2026-11-26T14:59:59.999Z"];

    fn organizations(keys: usize) -> impl Iterator<Item = (DemoOrganization, Timestamp)> {
        TEST_START_TIMES
            .iter()
            .map(move |at| Timestamp::parse(at).unwrap())
            .map(move |now| (DemoOrganization::new(keys, now, 1), now))
    }

    #[test]
    fn the_demo_contains_every_flag_risk_and_rotation_phase() {
        for (organization, now) in organizations(DemoArgs::default().keys as usize) {
            let rules =
                StalenessRules { policy: Policy::default(), now, tracking_since: organization.created_at };
            let org: Vec<&Key> = organization
                .keys
                .iter()
                .map(|k| &k.key)
                .filter(|k| k.kind == KeyKind::Organization)
                .collect();
            let in_use = org.iter().filter(|k| k.is_in_use(now)).count();
            assert!(in_use >= 25, "{in_use} organization keys in use");
            for flag in Flag::ALL {
                assert!(org.iter().any(|k| rules.flags(k).has(flag)), "{flag}");
            }
            let risks: HashSet<Option<Risk>> = org.iter().map(|k| rules.risk(k)).collect();
            assert_eq!(risks.len(), 6, "{risks:?}");
            let by_id = |id: Id| organization.keys.iter().find(|k| k.key.id == id).unwrap();
            let phases: Vec<Phase> = org
                .iter()
                .filter_map(|new| Some((new, by_id(new.replaces?))))
                .map(|(new, old)| {
                    let hours: Vec<Timestamp> = old.history.hours.iter().map(|b| b.start).collect();
                    phase(&old.key, new, QuietWindow::from_use_hours(&hours, now, &rules.policy), now)
                })
                .collect();
            let expected = [Phase::Switch, Phase::Drain, Phase::Ready, Phase::Done, Phase::Abandoned];
            assert!(expected.iter().all(|p| phases.contains(p)), "{phases:?}");
            assert_eq!(organization.members.iter().filter(|m| m.who.removed_at.is_some()).count(), 2);
            assert!(organization.keys.iter().any(|k| k.key.revoked_at.is_some() && k.traffic.is_some()));
        }
    }

    #[test]
    fn the_generated_data_is_consistent() {
        for (organization, now) in organizations(3_000) {
            assert_eq!(organization.keys.len(), 3_000);
            let ids: HashSet<Id> = organization.keys.iter().map(|k| k.key.id).collect();
            assert_eq!(ids.len(), 3_000);
            for GeneratedKey { key: k, history, .. } in &organization.keys {
                assert_eq!(key::normalize_name(&k.name).as_deref(), Ok(k.name.as_str()));
                assert_eq!(k.note.clone(), k.note.as_deref().and_then(|n| key::normalize_note(n).unwrap()));
                assert!(k.created_at > organization.created_at && k.created_at < now, "{}", k.name);
                let removed_at = k.created_by.removed_at;
                assert!(
                    removed_at.is_none_or(|at| k.created_at < at),
                    "{} was created by a removed member",
                    k.name
                );
                if k.kind == KeyKind::Personal && removed_at.is_some() {
                    assert_eq!(k.revoked_at, removed_at, "{} outlived its member", k.name);
                }
                let end = k.revoked_at.unwrap_or(now);
                assert!(end <= now && end > k.created_at, "{}", k.name);
                if let Some(at) = k.last_used_at {
                    assert!(at >= k.created_at && at <= end, "{}: used {at} until {end}", k.name);
                    assert!(k.use_count > 0 && k.last_used_by.is_some());
                }
                assert!(history.clients.iter().all(|c| c.first_seen_at <= c.last_seen_at && c.count > 0));
            }
            let with_history = organization.keys.iter().filter(|k| !k.history.days.is_empty()).count();
            assert!((150..=KEYS_WITH_HISTORY).contains(&with_history), "{with_history}");
            for row in &organization.activity {
                assert!(row.at >= organization.created_at && row.at <= now);
            }
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_organization() {
        let (a, b) = (
            DemoOrganization::new(300, Timestamp(1 << 41), 9),
            DemoOrganization::new(300, Timestamp(1 << 41), 9),
        );
        assert!(a.keys.iter().zip(&b.keys).all(|(a, b)| a.key == b.key && a.history == b.history));
        assert_eq!(a.activity, b.activity);
        assert!(DemoOrganization::new(0, Timestamp(1 << 41), 9).keys.is_empty());
    }
}
