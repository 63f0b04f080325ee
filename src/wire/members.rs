//! Operations for members: list, invite, change role, remove.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::page::{Page, PageQuery};
use super::sessions::SignInCode;
use super::{NoQuery, calls};
use crate::domain::id::Id;
use crate::domain::key::KeyKind;
use crate::domain::member::{MemberStatus, Role};
use crate::domain::time::Timestamp;

/// A member with counts of keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Member {
    /// Identifies the member.
    #[schema(value_type = uuid::Uuid)]
    pub id: Id,
    /// Display name, or the email address until the member has chosen a name.
    pub name: String,
    /// Email address.
    pub email: String,
    /// Role in the organization.
    pub role: Role,
    /// Current status.
    pub status: MemberStatus,
    /// Time of the invitation, or of the setup for the first admin.
    #[schema(value_type = chrono::DateTime<chrono::Utc>)]
    pub created_at: Timestamp,
    /// Time of removal.
    #[schema(value_type = Option<chrono::DateTime<chrono::Utc>>, required = true)]
    pub removed_at: Option<Timestamp>,
    /// Last use of a session of the member, accurate to a minute.
    #[schema(value_type = Option<chrono::DateTime<chrono::Utc>>, required = true)]
    pub last_seen_at: Option<Timestamp>,
    /// Number of active personal keys.
    pub personal_keys: i64,
    /// Number of active organization keys that the member created.
    pub organization_keys: i64,
}

/// A person to invite, or an active member who needs a sign-in code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Invite)]
#[serde(deny_unknown_fields)]
pub struct InviteMember {
    /// Email address.
    #[schema(format = Email, max_length = 254)]
    pub email: String,
    /// Role of the new member. The role of an active member is not changed.
    pub role: Role,
}

/// An invitation. The admin hands over the code; keyward sends no email.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Invitation {
    /// The invited member.
    pub member: Member,
    /// The sign-in code, which is never shown again.
    #[serde(flatten)]
    pub code: SignInCode,
}

/// A change of a member's role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeRole {
    /// The new role.
    pub role: Role,
    /// Also revokes the member's personal keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoke_personal_keys: Option<bool>,
}

/// Result of a change of role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChangedRole {
    /// The member after the change.
    pub member: Member,
    /// Personal keys that were revoked.
    pub revoked: Vec<KeySummary>,
}

/// Options for removing a member.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct RemoveQuery {
    /// Returns the consequences without removing the member.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dry_run: Option<bool>,
}

/// A key in a list of consequences.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct KeySummary {
    /// Identifies the key.
    #[schema(value_type = uuid::Uuid)]
    pub id: Id,
    /// Kind of the key.
    pub kind: KeyKind,
    /// Name of the key.
    pub name: String,
    /// Masked secret.
    pub masked: String,
    /// Last use of the key.
    #[schema(value_type = Option<chrono::DateTime<chrono::Utc>>, required = true)]
    pub last_used_at: Option<Timestamp>,
}

/// Consequences of removing a member.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Removal)]
pub struct MemberRemoval {
    /// The member.
    pub member: Member,
    /// Set if the member was not removed because `dry_run` was set.
    pub dry_run: bool,
    /// Personal keys that are revoked.
    pub revoked: Vec<KeySummary>,
    /// Organization keys that stay active and are orphaned.
    pub to_review: Vec<KeySummary>,
    /// Number of sessions that end.
    pub sessions_ended: i64,
}

calls! {
    /// Lists every member, including removed ones.
    ListMembers = GET "/members" "listMembers" Management 200; PageQuery, () => Page<Member>;
    /// Invites a person, or creates a sign-in code for an active member.
    CreateInvitation = POST "/invitations" "createInvitation" Management 201; NoQuery, InviteMember => Invitation;
    /// Changes the role of a member.
    ChangeMemberRole = PATCH "/members/{id}" "changeMemberRole" Management 200; NoQuery, ChangeRole => ChangedRole;
    /// Removes a member, or returns the consequences.
    RemoveMember = DELETE "/members/{id}" "removeMember" Management 200; RemoveQuery, () => MemberRemoval;
    /// Ends every session of a member.
    EndMemberSessions = DELETE "/members/{id}/sessions" "endMemberSessions" Management 204; NoQuery, () => ();
}
