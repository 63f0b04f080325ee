//! The activity log of the demo: what its members did to each other and to their keys, up to its start.

use std::collections::HashMap;

use super::fixtures::{MemberName, ORGANIZATION};
use super::organization::{DemoMember, GeneratedKey};
use super::rng::Rng;
use crate::domain::activity::{Action, Activity};
use crate::domain::id::Id;
use crate::domain::key::Key;
use crate::domain::member::MemberRef;
use crate::domain::time::{TimeDelta, Timestamp};

/// The log while it is written.
pub struct ActivityLog<'a> {
    rows: Vec<Activity>,
    chance: &'a mut Rng,
    addresses: HashMap<Id, String>,
}

impl ActivityLog<'_> {
    /// All that was done, oldest first.
    pub fn of(
        members: &[DemoMember],
        keys: &[GeneratedKey],
        start: Timestamp,
        chance: &mut Rng,
    ) -> Vec<Activity> {
        let addresses = members.iter().map(|m| (m.who.id, m.address.clone())).collect();
        let mut log = ActivityLog { rows: Vec::new(), chance, addresses };
        let admin = &*members[MemberName::Ada.place()].who;
        ORGANIZATION.clone_into(&mut log.row(start, None, Action::OrganizationCreated).detail);
        for member in members {
            log.member(member, admin);
        }
        for planted in keys {
            log.key(&planted.key);
        }
        log.rows.sort_by_key(|row| (row.at, row.id));
        log.rows
    }

    fn row(&mut self, at: Timestamp, actor: Option<&MemberRef>, action: Action) -> &mut Activity {
        self.rows.push(Activity {
            id: Id::new(at, self.chance.bytes()),
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

    fn member(&mut self, member: &DemoMember, admin: &MemberRef) {
        let who = &*member.who;
        if who.id != admin.id {
            let row =
                self.row(member.joined_at.minus(TimeDelta::hours(5)), Some(admin), Action::MemberInvited);
            row.member_id = Some(who.id);
            row.detail = format!("{} as {}", who.email, member.role);
        }
        self.row(member.joined_at, Some(who), Action::SessionCreated).member_id = Some(who.id);
        if let Some(removed) = who.removed_at {
            let row = self.row(removed, Some(admin), Action::MemberRemoved);
            row.member_id = Some(who.id);
            row.detail.clone_from(&who.email);
        }
    }

    fn key(&mut self, key: &Key) {
        let row = self.row(key.created_at, Some(&key.created_by), Action::KeyCreated);
        row.key_id = Some(key.id);
        row.key_name = Some(key.name.clone());
        row.detail = match key.replaces {
            Some(old) => format!("{} key {}, replaces {old}", key.kind, key.masked),
            None => format!("{} key {}", key.kind, key.masked),
        };
        if let (Some(at), Some(by)) = (key.revoked_at, &key.revoked_by) {
            let row = self.row(at, Some(by), Action::KeyRevoked);
            row.key_id = Some(key.id);
            row.key_name = Some(key.name.clone());
            row.detail = key.revoke_reason.clone().unwrap_or_default();
        }
    }
}
