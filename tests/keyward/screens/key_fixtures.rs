//! Key fixtures: the keys of a small organization, identical in every test.

use std::sync::Arc;

use keyward::domain::id::Id;
use keyward::domain::key::{ClientInfo, Key, KeyKind};
use keyward::domain::member::{MemberRef, MemberStatus, Role};
use keyward::domain::policy::Policy;
use keyward::domain::staleness::StalenessRules;
use keyward::domain::time::{TimeDelta, Timestamp};
use keyward::wire::sessions::{Me, MemberCapabilities, Organization};

/// Current time of the fake server: 2026-11-18T14:53:20Z.
pub const NOW: Timestamp = Timestamp(1_795_013_600_000);

pub fn id(n: u16) -> Id {
    let mut random = [0; 10];
    random[8..].copy_from_slice(&n.to_be_bytes());
    Id::new(NOW, random)
}

pub fn member(n: u16, name: &str, removed_days_ago: Option<i64>) -> Arc<MemberRef> {
    let first = name.split(' ').next().unwrap().to_lowercase();
    Arc::new(MemberRef {
        id: id(1_000 + n),
        name: name.to_owned(),
        email: format!("{first}@plant.example"),
        status: if removed_days_ago.is_some() { MemberStatus::Removed } else { MemberStatus::Active },
        removed_at: removed_days_ago.map(|days| NOW.minus(TimeDelta::days(days))),
    })
}

pub fn ada() -> Arc<MemberRef> {
    member(1, "Ada Ampere", None)
}

/// Returns a key. `created` and `used` are the ages of its creation and its last use.
pub fn key(n: u16, kind: KeyKind, name: &str, created: TimeDelta, used: Option<(TimeDelta, &str)>) -> Key {
    Key {
        last_used_at: used.map(|(ago, _)| NOW.minus(ago)),
        last_used_by: used
            .map(|(_, agent)| ClientInfo { agent: agent.to_owned(), address: format!("10.0.3.{}", n % 250) }),
        use_count: if used.is_some() { i64::from(n) * 1_237 } else { 0 },
        ..Key::new(
            id(n),
            kind,
            name.to_owned(),
            format!("sk_…{}", masked_secret(n)),
            NOW.minus(created),
            ada(),
        )
    }
}

fn masked_secret(n: u16) -> String {
    const BASE_62_DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut state = u32::from(n).wrapping_mul(2_654_435_761);
    (0..4)
        .map(|_| {
            state = state.wrapping_mul(1_103_515_245).wrapping_add(12_345);
            char::from(BASE_62_DIGITS[(state >> 16) as usize % 62])
        })
        .collect()
}

/// Returns the organization keys, newest first, with one revoked key.
pub fn organization_keys() -> Vec<Key> {
    use KeyKind::Organization as O;
    let cora = member(3, "Cora Cobalt", Some(41));
    let mut keys = vec![
        key(
            1,
            O,
            "Power BI – Sales",
            TimeDelta::days(40),
            Some((TimeDelta::minutes(12), "enlyze-powerbi/1.0.0")),
        ),
        key(
            2,
            O,
            "Grafana production",
            TimeDelta::days(210),
            Some((TimeDelta::minutes(4), "Grafana/11.4.0")),
        ),
        key(3, O, "SAP order import", TimeDelta::days(402), Some((TimeDelta::hours(3), "SAP-CPI/1.0"))),
        key(
            4,
            O,
            "MES gateway line 3",
            TimeDelta::days(300),
            Some((TimeDelta::days(8), "enlyze-python/3.0.2")),
        ),
        key(
            5,
            O,
            "Energy dashboard (old)",
            TimeDelta::days(500),
            Some((TimeDelta::days(120), "Grafana/9.1.0")),
        ),
        key(6, O, "Trial for the auditor", TimeDelta::days(31), None),
        key(7, O, "Quality reports", TimeDelta::days(88), Some((TimeDelta::days(2), "enlyze-powerbi/1.0.0"))),
        key(8, O, "Forklift tracker", TimeDelta::days(260), Some((TimeDelta::days(95), "curl/8.5.0"))),
        key(
            9,
            O,
            "Werk München Leitstand",
            TimeDelta::days(12),
            Some((TimeDelta::minutes(50), "enlyze-python/3.0.2")),
        ),
        key(10, O, "Backup job", TimeDelta::days(3), None),
    ];
    for n in [3, 7] {
        keys[n].created_by = Arc::clone(&cora);
    }
    keys[1].note = Some("Dashboards on the shop floor".to_owned());
    let mut revoked =
        key(11, O, "Old ERP", TimeDelta::days(700), Some((TimeDelta::days(390), "SAP-CPI/1.0")));
    revoked.revoked_at = Some(NOW.minus(TimeDelta::days(380)));
    revoked.revoked_by = Some(ada());
    revoked.revoke_reason = Some("replaced by the new ERP".to_owned());
    keys.push(revoked);
    keys.sort_by_key(|key| std::cmp::Reverse(key.created_at));
    keys
}

/// Returns the personal keys of the signed-in member.
pub fn personal_keys() -> Vec<Key> {
    use KeyKind::Personal as P;
    vec![
        key(21, P, "notebook", TimeDelta::days(9), Some((TimeDelta::hours(2), "enlyze-python/3.0.2"))),
        key(22, P, "my laptop", TimeDelta::days(200), None),
    ]
}

/// Returns the staleness rules of the fake server.
pub fn staleness_rules() -> StalenessRules {
    StalenessRules { policy: Policy::default(), now: NOW, tracking_since: NOW.minus(TimeDelta::days(600)) }
}

pub fn me(role: Role) -> Me {
    let admin = role == Role::Admin;
    Me {
        member: ada().as_ref().clone(),
        role,
        organization: Organization { id: id(2_000), name: "Plant Nord GmbH".to_owned() },
        may: MemberCapabilities {
            create_personal_keys: role != Role::Operator,
            manage_organization_keys: admin,
            review: admin,
            manage_members: admin,
            read_activity: admin,
        },
        usage_tracking_since: NOW.minus(TimeDelta::days(600)),
        as_of: NOW,
        policy: Policy::default(),
    }
}
