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
    /// Manages members and organization keys, and can have personal keys.
    Admin,
    /// Can have personal keys, but manages nothing else.
    Normal,
    /// Cannot create keys, but can list and revoke personal keys that were created under an earlier role.
    Operator,
}

/// The status of a member. Removed members stay in the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[schema(as = Status)]
#[serde(rename_all = "lowercase")]
pub enum MemberStatus {
    /// Was invited, but has not signed in yet.
    Invited,
    /// Has signed in, and has not been removed.
    Active,
    /// Removed. The member's personal keys were revoked at the same time.
    Removed,
}

words!(Role { Admin = "admin", Normal = "normal", Operator = "operator" });
words!(MemberStatus { Invited = "invited", Active = "active", Removed = "removed" });

/// The member data that keys, reviews and activity entries include.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MemberRef {
    /// Unique id of the member. Ids sort by creation time.
    #[schema(value_type = uuid::Uuid)]
    pub id: Id,
    /// Display name, or the email address until the member has chosen a name.
    pub name: String,
    /// Email address of the person.
    pub email: String,
    /// Whether the member is invited, active or removed.
    pub status: MemberStatus,
    /// When the member was removed; `null` for members who were not removed.
    #[serde(default)]
    #[schema(value_type = Option<chrono::DateTime<chrono::Utc>>)]
    pub removed_at: Option<Timestamp>,
}
