//! Members, their roles and their status.
//!
//! What a role permits is in [`permission`](super::permission).

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::id::Id;
use super::time::Timestamp;
use super::words::words;

/// The role of a member in the organization.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Manages members and organization keys, and has personal keys.
    Admin,
    /// Has personal keys.
    Normal,
    /// Cannot create keys, but can list and revoke personal keys from an earlier role.
    Operator,
}

/// The status of a member. Removed members stay in the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[schema(as = Status)]
#[serde(rename_all = "lowercase")]
pub enum MemberStatus {
    /// Invited, and has not signed in yet.
    Invited,
    /// Has signed in, and is not removed.
    Active,
    /// Removed. The member's personal keys were revoked at the same time.
    Removed,
}

words!(Role { Admin = "admin", Normal = "normal", Operator = "operator" });
words!(MemberStatus { Invited = "invited", Active = "active", Removed = "removed" });

/// A member as referenced by keys, reviews and activity entries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MemberRef {
    /// Identifies the member.
    #[schema(value_type = uuid::Uuid)]
    pub id: Id,
    /// Display name, or the email address until the member has chosen a name.
    pub name: String,
    /// Email address.
    pub email: String,
    /// Current status.
    pub status: MemberStatus,
    /// Time of removal; `null` unless the member was removed.
    #[serde(default)]
    #[schema(value_type = Option<chrono::DateTime<chrono::Utc>>)]
    pub removed_at: Option<Timestamp>,
}
