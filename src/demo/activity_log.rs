//! Generates the activity log of the demo from its members and keys.

use std::collections::HashMap;

use super::fixtures::{MemberName, ORGANIZATION};
use super::organization::{DemoMember, GeneratedKey};
use super::rng::Rng;
use crate::domain::activity::{Action, Activity};
use crate::domain::id::Id;
use crate::domain::key::Key;
use crate::domain::member::MemberRef;
use crate::domain::time::{TimeDelta, Timestamp};

/// An activity log that is being generated.
pub struct ActivityLog<'a> {
    rows: Vec<Activity>,
    rng: &'a mut Rng,
    addresses: HashMap<Id, String>,
}

impl ActivityLog<'_> {
    /// Generates the activity log, oldest entry first.
    pub fn generate(
        members: &[DemoMember],
        keys: &[GeneratedKey],
        start: Timestamp,
        rng: &mut Rng,
    ) -> Vec<Activity> {
        let addresses = members.iter().map(|m| (m.who.id, m.address.clone())).collect();
        let mut log = ActivityLog { rows: Vec::new(), rng, addresses };
        let admin = &*members[MemberName::Ada.index()].who;
        ORGANIZATION.clone_into(&mut log.push(start, None, Action::OrganizationCreated).detail);
        for member in members {
            log.add_member(member, admin);
        }
        for generated in keys {
            log.add_key(&generated.key);
        }
        log.rows.sort_by_key(|row| (row.at, row.id));
        log.rows
    }

    fn push(&mut self, at: Timestamp, actor: Option<&MemberRef>, action: Action) -> &mut Activity {
        self.rows.push(Activity {
            id: Id::new(at, self.rng.bytes()),
            at,
            actor: actor.cloned(),
            action,
            key_id: None,
            key_name: None,
            member_id: None,
            detail: String::new(),
            address: actor.map(|m| self.addresses[&m.id].clone()),
        });
        self.rows.last_mut().expect("just pushed")
    }

    fn add_member(&mut self, member: &DemoMember, admin: &MemberRef) {
        let member_ref = &*member.who;
        if member_ref.id != admin.id {
            let row =
                self.push(member.joined_at.minus(TimeDelta::hours(5)), Some(admin), Action::MemberInvited);
            row.member_id = Some(member_ref.id);
            row.detail = format!("{email} as {role}", email = member_ref.email, role = member.role);
        }
        self.push(member.joined_at, Some(member_ref), Action::SessionCreated).member_id = Some(member_ref.id);
        if let Some(removed) = member_ref.removed_at {
            let row = self.push(removed, Some(admin), Action::MemberRemoved);
            row.member_id = Some(member_ref.id);
            row.detail.clone_from(&member_ref.email);
        }
    }

    fn add_key(&mut self, key: &Key) {
        let row = self.push(key.created_at, Some(&key.created_by), Action::KeyCreated);
        row.key_id = Some(key.id);
        row.key_name = Some(key.name.clone());
        row.detail = match key.replaces {
            Some(old) => format!("{kind} key {masked}, replaces {old}", kind = key.kind, masked = key.masked),
            None => format!("{kind} key {masked}", kind = key.kind, masked = key.masked),
        };
        if let (Some(at), Some(by)) = (key.revoked_at, &key.revoked_by) {
            let row = self.push(at, Some(by), Action::KeyRevoked);
            row.key_id = Some(key.id);
            row.key_name = Some(key.name.clone());
            row.detail = key.revoke_reason.clone().unwrap_or_default();
        }
    }
}
