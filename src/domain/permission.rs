//! Permissions: what each role may do, and the proof that a member may do it.
//!
//! Start reading with [`Permission::is_granted_to`], the only table of permissions by role, and [`Actor::grant`].

use super::id::Id;
use super::key::KeyKind;
use super::member::{MemberRef, MemberStatus, Role};

/// A permission that a role may have. Ownership of a personal key is checked separately, see [`Actor::grant`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Permission {
    /// List and read keys of this kind and their usage.
    ListKeys(KeyKind),
    /// Create keys of this kind, also as replacements in rotations.
    CreateKey(KeyKind),
    /// Change the name and note of a key of this kind, and confirm that its secret is stored.
    EditKey(KeyKind),
    /// Revoke keys of this kind.
    RevokeKey(KeyKind),
    /// Review stale organization keys.
    Review,
    /// List, invite and remove members, and change their roles.
    ManageMembers,
    /// Read the activity log.
    ReadActivity,
    /// Find the key of a secret among the keys of every member.
    LookUpAnyKey,
}

impl Permission {
    /// Returns whether a role has the permission. This is the only copy of the table in `docs/concepts.md`.
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

    /// Describes the action, to complete "You may not …".
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
            Self::LookUpAnyKey => "look up keys of others",
        }
    }

    /// Describes the roles that have the permission, to complete "… may".
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

/// A signed-in member and the member's role, read in the transaction that acts on them. A role that was read earlier may be out
/// of date.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// The member.
    pub member: MemberRef,
    /// The member's role.
    pub role: Role,
}

/// Proof that an actor has a permission. Write operations require one; only [`Actor::allow`] and [`Actor::grant`] create it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    member: MemberRef,
    permission: Permission,
}

impl Grant {
    /// Returns the member who acts, for the activity log.
    pub fn member(&self) -> &MemberRef {
        &self.member
    }

    /// Returns the permission that was granted.
    pub fn permission(&self) -> Permission {
        self.permission
    }
}

/// The reason why a permission was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PermissionError {
    /// The role does not have the permission for any key. The server answers 403, whatever the id.
    #[error("your role, {role}, may not {}; {} may", .permission.describe(), .permission.allowed_roles())]
    Role {
        /// Role of the actor.
        role: Role,
        /// The permission that was required.
        permission: Permission,
    },
    /// The key is another member's personal key. The server answers 404, as if the key did not exist.
    #[error("there is no such key")]
    NotYours,
    /// The member was removed or has not signed in yet.
    #[error("you are no longer an active member")]
    NotActive,
}

impl Actor {
    /// Checks a permission before the key, if any, is read.
    ///
    /// # Errors
    /// The member is not active, or the role does not have the permission.
    pub fn allow(&self, permission: Permission) -> Result<Grant, PermissionError> {
        if self.member.status != MemberStatus::Active {
            return Err(PermissionError::NotActive);
        }
        if !permission.is_granted_to(self.role) {
            return Err(PermissionError::Role { role: self.role, permission });
        }
        Ok(Grant { member: self.member.clone(), permission })
    }

    /// Checks a permission for a key. `owner` is the owner of a personal key, `None` for an organization key.
    ///
    /// # Errors
    /// As [`Actor::allow`], or the key belongs to another member.
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
    fn the_table_of_roles() {
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
    fn a_grant_needs_an_active_member_a_role_and_ones_own_key() {
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
        assert_eq!(denied.to_string(), "your role, normal, may not manage members; admins may");
    }
}
