//! Permissions: what each role may do, and the proof that a member may do it.
//!
//! Start reading with [`Permission::is_granted_to`], the only table of permissions by role, and [`Actor::grant`].

use super::id::Id;
use super::key::KeyKind;
use super::member::{MemberRef, MemberStatus, Role};

/// An action that a role may permit. Ownership of a personal key is checked separately, by [`Actor::grant`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Permission {
    /// Read keys of this kind and their usage.
    ListKeys(KeyKind),
    /// Create keys of this kind, including replacements in rotations.
    CreateKey(KeyKind),
    /// Change the name and note of a key of this kind, and confirm that its secret has been stored.
    EditKey(KeyKind),
    /// Revoke keys of this kind.
    RevokeKey(KeyKind),
    /// Review stale organization keys.
    Review,
    /// List, invite and remove members, and change their roles.
    ManageMembers,
    /// Read the activity log.
    ReadActivity,
    /// Find the key that a secret belongs to, even if the key belongs to another member.
    LookUpAnyKey,
}

impl Permission {
    /// Returns whether members with this role have the permission. This is the table in `docs/concepts.md`, and the only place in
    /// the code that decides it.
    pub fn is_granted_to(self, role: Role) -> bool {
        match self {
            Self::ListKeys(KeyKind::Personal)
            | Self::EditKey(KeyKind::Personal)
            | Self::RevokeKey(KeyKind::Personal) => true,
            Self::CreateKey(KeyKind::Personal) => role != Role::Operator,
            Self::ListKeys(KeyKind::Organization)
            | Self::CreateKey(KeyKind::Organization)
            | Self::EditKey(KeyKind::Organization)
            | Self::RevokeKey(KeyKind::Organization)
            | Self::Review
            | Self::ManageMembers
            | Self::ReadActivity
            | Self::LookUpAnyKey => role == Role::Admin,
        }
    }

    /// Returns the action as a phrase that completes "may not …".
    pub fn describe(self) -> &'static str {
        match self {
            Self::ListKeys(KeyKind::Personal) => "list personal keys",
            Self::ListKeys(KeyKind::Organization) => "see organization keys",
            Self::CreateKey(KeyKind::Personal) => "create personal keys",
            Self::CreateKey(KeyKind::Organization) => "create organization keys",
            Self::EditKey(KeyKind::Personal) => "edit personal keys",
            Self::EditKey(KeyKind::Organization) => "edit organization keys",
            Self::RevokeKey(KeyKind::Personal) => "revoke personal keys",
            Self::RevokeKey(KeyKind::Organization) => "revoke organization keys",
            Self::Review => "review organization keys",
            Self::ManageMembers => "manage members",
            Self::ReadActivity => "read the activity log",
            Self::LookUpAnyKey => "look up other members' keys",
        }
    }

    /// Returns the members who have the permission as a phrase that completes "… may".
    pub fn allowed_roles(self) -> &'static str {
        if self.is_granted_to(Role::Operator) {
            "every member"
        } else if self.is_granted_to(Role::Normal) {
            "members with the role admin or normal"
        } else {
            "admins"
        }
    }
}

/// A signed-in member with the current role. The role is read in the same transaction as the action, because a role that was read
/// earlier may have changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// The member who acts.
    pub member: MemberRef,
    /// The member's role at the time of the transaction.
    pub role: Role,
}

/// Proof that a member has a permission. Write operations require a grant, and only [`Actor::allow`] and [`Actor::grant`] create
/// one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    member: MemberRef,
    permission: Permission,
}

impl Grant {
    /// Returns the member who has the permission.
    pub fn member(&self) -> &MemberRef {
        &self.member
    }

    /// Returns the permission that was granted.
    pub fn permission(&self) -> Permission {
        self.permission
    }
}

/// Why an action is not permitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PermissionError {
    /// The role does not have the permission. The server responds with 403, whether or not the key exists.
    #[error("the role {role} may not {}; only {} may", .permission.describe(), .permission.allowed_roles())]
    Role {
        /// Role of the member who acts.
        role: Role,
        /// The permission that was required.
        permission: Permission,
    },
    /// The key is another member's personal key. The server responds with 404, as if the key did not exist.
    #[error("there is no such key")]
    NotYours,
    /// The member was removed or has not signed in yet.
    #[error("you are no longer an active member")]
    NotActive,
}

impl Actor {
    /// Checks whether the actor has a permission, before any key is read. Ownership of keys is not checked.
    ///
    /// # Errors
    /// Fails if the member is not active, or if the role does not have the permission.
    pub fn allow(&self, permission: Permission) -> Result<Grant, PermissionError> {
        if self.member.status != MemberStatus::Active {
            return Err(PermissionError::NotActive);
        }
        if !permission.is_granted_to(self.role) {
            return Err(PermissionError::Role { role: self.role, permission });
        }
        Ok(Grant { member: self.member.clone(), permission })
    }

    /// Checks whether the actor has a permission for a key. `owner` is the owner of a personal key, or `None` for an organization
    /// key.
    ///
    /// # Errors
    /// Fails as [`Actor::allow`] does, or if the key belongs to another member.
    pub fn grant(&self, permission: Permission, owner: Option<Id>) -> Result<Grant, PermissionError> {
        let grant = self.allow(permission)?;
        match owner {
            Some(owner) if owner != self.member.id => Err(PermissionError::NotYours),
            _ => Ok(grant),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::Timestamp;

    fn id(n: u8) -> Id {
        Id::new(Timestamp(0), [n; 10])
    }

    fn actor(role: Role, status: MemberStatus) -> Actor {
        let member = MemberRef {
            id: id(1),
            name: "Ada".into(),
            email: "ada@plant.example".into(),
            status,
            removed_at: None,
        };
        Actor { member, role }
    }

    #[test]
    fn every_role_has_exactly_its_documented_permissions() {
        use KeyKind::{Organization, Personal};
        use Permission as P;
        let table = [
            (P::ListKeys(Personal), [true, true, true]),
            (P::RevokeKey(Personal), [true, true, true]),
            (P::EditKey(Personal), [true, true, true]),
            (P::CreateKey(Personal), [true, true, false]),
            (P::ListKeys(Organization), [true, false, false]),
            (P::CreateKey(Organization), [true, false, false]),
            (P::EditKey(Organization), [true, false, false]),
            (P::RevokeKey(Organization), [true, false, false]),
            (P::Review, [true, false, false]),
            (P::ManageMembers, [true, false, false]),
            (P::ReadActivity, [true, false, false]),
            (P::LookUpAnyKey, [true, false, false]),
        ];
        for (permission, expected) in table {
            let got = [Role::Admin, Role::Normal, Role::Operator].map(|r| permission.is_granted_to(r));
            assert_eq!(got, expected, "{permission:?}");
        }
    }

    #[test]
    fn a_grant_requires_an_active_member_a_permitted_role_and_an_own_key() {
        let revoke = Permission::RevokeKey(KeyKind::Personal);
        assert!(actor(Role::Operator, MemberStatus::Active).grant(revoke, Some(id(1))).is_ok());
        assert_eq!(
            actor(Role::Admin, MemberStatus::Active).grant(revoke, Some(id(2))),
            Err(PermissionError::NotYours)
        );
        assert_eq!(
            actor(Role::Admin, MemberStatus::Removed).grant(revoke, Some(id(1))),
            Err(PermissionError::NotActive)
        );
        let denied = actor(Role::Normal, MemberStatus::Active).allow(Permission::ManageMembers).unwrap_err();
        assert_eq!(denied.to_string(), "the role normal may not manage members; only admins may");
    }
}
