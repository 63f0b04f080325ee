//! Members, their roles, and the one table that says which role may do what.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::id::Id;
use super::key::KeyKind;
use super::time::Timestamp;
use super::words::words;

/// What a member is in the organization.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Manages members and organization keys; has personal keys.
    Admin,
    /// Has personal keys.
    Normal,
    /// Has none; may list and revoke those left from an earlier role.
    Operator,
}

/// Where a member stands. A removed member stays in the records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[schema(as = Status)]
#[serde(rename_all = "lowercase")]
pub enum MemberStatus {
    /// Has an invitation that was not used yet.
    Invited,
    /// Signed in at least once and not removed.
    Active,
    /// Removed; their personal keys were revoked with them.
    Removed,
}

words!(Role { Admin = "admin", Normal = "normal", Operator = "operator" });
words!(MemberStatus { Invited = "invited", Active = "active", Removed = "removed" });

/// A member as named beside a key or an activity row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MemberRef {
    /// The member's id.
    #[schema(value_type = uuid::Uuid)]
    pub id: Id,
    /// Display name; the address until the member has one.
    pub name: String,
    /// Email address.
    pub email: String,
    /// Where the member stands now.
    pub status: MemberStatus,
    /// When the member was removed.
    #[serde(default)]
    #[schema(value_type = Option<chrono::DateTime<chrono::Utc>>)]
    pub removed_at: Option<Timestamp>,
}

/// Something that a member may or may not do. Who owns the key is asked for apart, see [`Actor::grant`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Permission {
    /// List and read keys of this kind, and their use.
    ListKeys(KeyKind),
    /// Create keys of this kind, and replace one in a rotation.
    CreateKey(KeyKind),
    /// Change a key's name or note, or confirm that its secret is stored.
    EditKey(KeyKind),
    /// Revoke a key of this kind.
    RevokeKey(KeyKind),
    /// Decide on stale organization keys.
    Review,
    /// List, invite, re-role and remove members.
    ManageMembers,
    /// Read who did what.
    ReadActivity,
    /// Find whose key a secret is, of all keys of the organization.
    LookUpAnyKey,
}

impl Permission {
    /// Whether the role allows it. This is PRODUCT's table, and its only copy.
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

    /// What is not permitted, for "You may not …".
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

    /// The roles that may, for "an admin can".
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

/// A signed-in member as read from their row. Read it inside the transaction that acts on it, never earlier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// The member.
    pub member: MemberRef,
    /// Their role at this moment.
    pub role: Role,
}

/// Proof that the actor was allowed something; writes ask for it. Made by [`Actor::grant`] only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    member: MemberRef,
    permission: Permission,
}

impl Grant {
    /// Who acts, for the activity row.
    pub fn member(&self) -> &MemberRef {
        &self.member
    }

    /// What was granted.
    pub fn permission(&self) -> Permission {
        self.permission
    }
}

/// Why a grant was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PermissionError {
    /// The role lacks it, whatever the key: 403 for every id.
    #[error("your role, {role}, may not {}; {} may", .permission.describe(), .permission.allowed_roles())]
    Role {
        /// The actor's role.
        role: Role,
        /// What was asked for.
        permission: Permission,
    },
    /// The personal key is another member's: to the actor it does not exist, 404.
    #[error("there is no such key")]
    NotYours,
    /// The member is not active (any more).
    #[error("you are no longer an active member")]
    NotActive,
}

impl Actor {
    /// Whether the actor may do this at all, before anything is looked up.
    ///
    /// # Errors
    /// The member is not active, or the role lacks the permission.
    pub fn allow(&self, permission: Permission) -> Result<Grant, PermissionError> {
        if self.member.status != MemberStatus::Active {
            return Err(PermissionError::NotActive);
        }
        if !permission.is_granted_to(self.role) {
            return Err(PermissionError::Role { role: self.role, permission });
        }
        Ok(Grant { member: self.member.clone(), permission })
    }

    /// Whether the actor may do this to a key of `owner` (nobody for an organization key).
    ///
    /// # Errors
    /// As [`Actor::allow`], or the key is another member's.
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
