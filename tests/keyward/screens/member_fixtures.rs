//! Fixtures of members, rotations and activity rows.

use keyward::domain::activity::{Action, Activity};
use keyward::domain::key::{Key, KeyKind};
use keyward::domain::member::{MemberStatus, Role};
use keyward::domain::rotation::{Phase, QuietWindow, evidence, phase, quiet_since, ready_at};
use keyward::domain::time::{HOUR, MINUTE, TimeDelta};
use keyward::domain::usage::Bucket;
use keyward::wire::keys::{Rotation, RotationUsage, SecretString};
use keyward::wire::members::{Invitation, InviteMember, KeySummary, Member, MemberRemoval};
use keyward::wire::page::{Page, PageMetadata};
use keyward::wire::sessions::SignInCode;

use super::key_fixtures::{NOW, ada, id, key, member as reference};

/// Returns a page that contains the whole list.
pub fn page<T>(data: Vec<T>) -> Page<T> {
    Page { metadata: PageMetadata { next_cursor: None, as_of: Some(NOW), total: None }, data }
}

fn member(n: u16, name: &str, role: Role, removed: Option<i64>, keys: (i64, i64)) -> Member {
    let reference = reference(n, name, removed);
    Member {
        id: reference.id,
        name: reference.name.clone(),
        email: reference.email.clone(),
        role,
        status: reference.status,
        created_at: NOW.minus(TimeDelta::days(600)),
        removed_at: reference.removed_at,
        last_seen_at: Some(NOW.minus(TimeDelta::hours(3 * i64::from(n)))),
        personal_keys: keys.0,
        organization_keys: keys.1,
    }
}

pub fn members() -> Vec<Member> {
    let mut invited = member(5, "Eve Erg", Role::Operator, None, (0, 0));
    (invited.status, invited.last_seen_at, invited.name) =
        (MemberStatus::Invited, None, invited.email.clone());
    vec![
        member(1, "Ada Ampere", Role::Admin, None, (2, 8)),
        member(2, "Ben Bar", Role::Normal, None, (1, 0)),
        member(3, "Cora Cobalt", Role::Admin, Some(41), (0, 2)),
        member(4, "Dan Dyne", Role::Admin, None, (2, 1)),
        invited,
    ]
}

pub fn invitation(body: &InviteMember) -> Invitation {
    let mut member = member(9, "Fay Farad", body.role, None, (0, 0));
    member.email.clone_from(&body.email);
    let code =
        SignInCode { code: SecretString::new("inv_0123456789"), expires_at: NOW.plus(TimeDelta::hours(72)) };
    Invitation { member, code }
}

/// Removes a member and revokes two personal keys, one of them in use. With `dry_run`, only returns what would happen.
pub fn remove_member(
    members: &mut [Member],
    keys: &mut [Key],
    id: keyward::domain::id::Id,
    dry_run: bool,
) -> MemberRemoval {
    let member = members.iter_mut().find(|member| member.id == id).unwrap();
    let summary = |key: &Key| KeySummary {
        id: key.id,
        kind: key.kind,
        name: key.name.clone(),
        masked: key.masked.clone(),
        last_used_at: key.last_used_at,
    };
    let own = if member.personal_keys == 0 {
        Vec::new()
    } else {
        vec![
            key(
                61,
                KeyKind::Personal,
                "evaluation",
                TimeDelta::days(90),
                Some((TimeDelta::minutes(20), "curl/8.5.0")),
            ),
            key(62, KeyKind::Personal, "notebook", TimeDelta::days(200), None),
        ]
    };
    let left: Vec<KeySummary> = keys.iter().filter(|key| key.name == "Backup job").map(&summary).collect();
    if !dry_run {
        (member.status, member.removed_at) = (MemberStatus::Removed, Some(NOW));
        for key in keys.iter_mut().filter(|key| key.name == "Backup job") {
            key.created_by = reference(4, "Dan Dyne", Some(0));
        }
    }
    MemberRemoval {
        member: member.clone(),
        dry_run,
        revoked: own.iter().map(summary).collect(),
        to_review: left,
        sessions_ended: 1,
    }
}

/// Returns hourly buckets from `from` to `to` hours ago.
fn hourly_buckets(from: i64, to: i64, every: usize) -> Vec<Bucket> {
    (to..from)
        .rev()
        .step_by(every)
        .map(|h| Bucket { start: NOW.minus(TimeDelta::hours(h)).floor(HOUR), count: 3 + h % 5, refused: 0 })
        .collect()
}

/// Returns a rotation. `old` and `new` are the hours since the last use of each key.
fn rotation(n: u16, name: &str, old: Option<i64>, new: Option<i64>, created_hours_ago: i64) -> Rotation {
    let used = |hours: Option<i64>, agent| hours.map(|h| (TimeDelta::hours(h) + MINUTE, agent));
    let mut old_key = key(n, KeyKind::Organization, name, TimeDelta::days(400), used(old, "Grafana/11.4.0"));
    let mut new_key = key(
        n + 1,
        KeyKind::Organization,
        &format!("{name} (2026-11)"),
        TimeDelta::hours(created_hours_ago),
        used(new, "Grafana/11.4.0"),
    );
    new_key.replaces = Some(old_key.id);
    old_key.replaced_by = Some(new_key.id);
    let usage = RotationUsage {
        tracking_since: NOW.minus(TimeDelta::days(600)),
        old: old.map_or_else(Vec::new, |old| hourly_buckets(200, old, 1)),
        new: new.map_or_else(Vec::new, |new| hourly_buckets(created_hours_ago - 6, new, 1)),
    };
    rotation_from(old_key, new_key, usage)
}

fn rotation_from(old: Key, new: Key, usage: RotationUsage) -> Rotation {
    let window = QuietWindow { duration: TimeDelta::hours(48), raised_by_gap: None };
    let phase = phase(&old, &new, window, NOW);
    let open = matches!(phase, Phase::Switch | Phase::Drain | Phase::Ready);
    Rotation {
        phase,
        quiet_window_s: 48 * 3_600,
        raised_by_gap_s: None,
        quiet_since: Some(quiet_since(&old)),
        ready_at: open.then(|| ready_at(&old, window)),
        evidence: evidence(phase, &old, &new, window, NOW),
        usage: Some(usage),
        old,
        new,
    }
}

/// Returns a rotation that has just started.
pub fn new_rotation(old: Key, new: Key) -> Rotation {
    let usage =
        RotationUsage { tracking_since: NOW.minus(TimeDelta::days(600)), old: Vec::new(), new: Vec::new() };
    rotation_from(old, new, usage)
}

/// Returns one rotation in each phase.
pub fn rotations() -> Vec<Rotation> {
    let mut done = rotation(78, "Old ERP", Some(300), Some(1), 400);
    done.old.revoked_at = Some(NOW.minus(TimeDelta::days(3)));
    done.old.revoked_by = Some(ada());
    let done = rotation_from(done.old, done.new, done.usage.unwrap());
    let mut abandoned = rotation(80, "Label printer", Some(2), None, 200);
    abandoned.new.revoked_at = Some(NOW.minus(TimeDelta::days(5)));
    let abandoned = rotation_from(abandoned.old, abandoned.new, abandoned.usage.unwrap());
    vec![
        rotation(70, "Grafana shop floor", Some(2), None, 5),
        rotation(72, "Power BI – Quality", Some(14), Some(0), 72),
        rotation(74, "MES gateway line 1", Some(60), Some(0), 120),
        done,
        abandoned,
    ]
}

/// Returns activity rows, newest first.
pub fn activity_rows(rows: u16) -> Vec<Activity> {
    (0..rows)
        .map(|n| {
            let (action, name, detail) = match n % 4 {
                0 => (Action::KeyCreated, Some("Backup job"), ""),
                1 => (Action::SessionCreated, None, ""),
                2 => (
                    Action::KeyRevokeRefused,
                    Some("Grafana production"),
                    "used 4 s ago by Grafana/11.4.0 from 10.0.3.2",
                ),
                _ => (Action::MemberRoleChanged, None, "Ben Bar: operator to normal"),
            };
            Activity {
                id: id(5_000 - n),
                at: NOW.minus(TimeDelta::minutes(47 * i64::from(n))),
                actor: Some(ada().as_ref().clone()),
                action,
                key_id: name.map(|name| if name == "Backup job" { id(10) } else { id(2) }),
                key_name: name.map(str::to_owned),
                member_id: None,
                detail: detail.to_owned(),
                address: Some("10.0.1.17".to_owned()),
            }
        })
        .collect()
}
