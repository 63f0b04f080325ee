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

/// A member, with the number of the member's keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Member {
    /// Unique id of the member. Ids sort by creation time.
    #[schema(value_type = uuid::Uuid)]
    pub id: Id,
    /// Display name, or the email address until the member has chosen a name.
    pub name: String,
    /// Email address of the person.
    pub email: String,
    /// Role of the member in the organization.
    pub role: Role,
    /// Whether the member is invited, active or removed.
    pub status: MemberStatus,
    /// When the member was invited. For the first admin: when the organization was set up.
    #[schema(value_type = chrono::DateTime<chrono::Utc>)]
    pub created_at: Timestamp,
    /// When the member was removed; `null` for members who were not removed.
    #[schema(value_type = Option<chrono::DateTime<chrono::Utc>>, required = true)]
    pub removed_at: Option<Timestamp>,
    /// When the member last used a session, accurate to a minute; `null` if never.
    #[schema(value_type = Option<chrono::DateTime<chrono::Utc>>, required = true)]
    pub last_seen_at: Option<Timestamp>,
    /// Number of active personal keys.
    pub personal_keys: i64,
    /// Number of active organization keys that the member created.
    pub organization_keys: i64,
}

/// Request to invite a person, or to create a sign-in code for an active member.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Invite)]
#[serde(deny_unknown_fields)]
pub struct InviteMember {
    /// Email address of the person.
    #[schema(format = Email, max_length = 254)]
    pub email: String,
    /// Role of a new member. The role of an active member is not changed.
    pub role: Role,
}

/// An invitation. The admin passes the code on to the person, since keyward does not send email.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Invitation {
    /// The invited member.
    pub member: Member,
    /// The sign-in code, which is never shown again.
    #[serde(flatten)]
    pub code: SignInCode,
}

/// Request to change a member's role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeRole {
    /// The new role.
    pub role: Role,
    /// Whether to revoke the member's personal keys as well. Default: `false`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoke_personal_keys: Option<bool>,
}

/// Result of changing a member's role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChangedRole {
    /// The member after the change.
    pub member: Member,
    /// Personal keys that were revoked.
    pub revoked: Vec<KeySummary>,
}

/// Query parameters for removing a member.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct RemoveQuery {
    /// Whether to return the consequences without removing the member. Default: `false`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dry_run: Option<bool>,
}

/// Summary of a key that is affected by a change to a member.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct KeySummary {
    /// Unique id of the key. Ids sort by creation time.
    #[schema(value_type = uuid::Uuid)]
    pub id: Id,
    /// Whether this is a personal key or an organization key.
    pub kind: KeyKind,
    /// Name of the key.
    pub name: String,
    /// Masked secret, such as `sk_…5G08`.
    pub masked: String,
    /// When the key was last used; `null` if it was never used.
    #[schema(value_type = Option<chrono::DateTime<chrono::Utc>>, required = true)]
    pub last_used_at: Option<Timestamp>,
}

/// Consequences of removing a member.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Removal)]
pub struct MemberRemoval {
    /// The member to whom the request applies.
    pub member: Member,
    /// Whether this was a dry run, so that nothing was changed.
    pub dry_run: bool,
    /// Personal keys that the removal revokes.
    pub revoked: Vec<KeySummary>,
    /// Organization keys that stay active although their creator is removed. They should be reviewed.
    pub to_review: Vec<KeySummary>,
    /// Number of sessions that the removal ends.
    pub sessions_ended: i64,
}

calls! {
    /// Lists every member, including removed ones.
    ListMembers = GET "/members" "listMembers" Management 200; PageQuery, () => Page<Member>;
    /// Invites a person, or creates a sign-in code for an active member.
    CreateInvitation = POST "/invitations" "createInvitation" Management 201; NoQuery, InviteMember => Invitation;
    /// Changes the role of a member.
    ChangeMemberRole = PATCH "/members/{id}" "changeMemberRole" Management 200; NoQuery, ChangeRole => ChangedRole;
    /// Removes a member. With `dry_run`, only returns the consequences.
    RemoveMember = DELETE "/members/{id}" "removeMember" Management 200; RemoveQuery, () => MemberRemoval;
    /// Ends every session of a member.
    EndMemberSessions = DELETE "/members/{id}/sessions" "endMemberSessions" Management 204; NoQuery, () => ();
}
