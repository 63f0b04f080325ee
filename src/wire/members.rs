//! Members of the organization: list, invite, re-role, remove.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::page::{Page, PageQuery};
use super::sessions::SignInCode;
use super::{NoQuery, calls};
use crate::domain::id::Id;
use crate::domain::key::KeyKind;
use crate::domain::member::{MemberStatus, Role};
use crate::domain::time::Timestamp;

/// A member with what hangs on them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Member {
    /// The id.
    #[schema(value_type = uuid::Uuid)]
    pub id: Id,
    /// Display name; the address until they have one.
    pub name: String,
    /// Email address.
    pub email: String,
    /// Role.
    pub role: Role,
    /// Where they stand.
    pub status: MemberStatus,
    /// When they were invited or set up.
    #[schema(value_type = chrono::DateTime<chrono::Utc>)]
    pub created_at: Timestamp,
    /// When they were removed.
    #[schema(value_type = Option<chrono::DateTime<chrono::Utc>>, required = true)]
    pub removed_at: Option<Timestamp>,
    /// Their latest sign of life in a session; at most a minute behind.
    #[schema(value_type = Option<chrono::DateTime<chrono::Utc>>, required = true)]
    pub last_seen_at: Option<Timestamp>,
    /// Personal keys that are accepted.
    pub personal_keys: i64,
    /// Organization keys that they created and that are accepted.
    pub organization_keys: i64,
}

/// Someone to invite, or an active member who needs a sign-in code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Invite)]
#[serde(deny_unknown_fields)]
pub struct InviteMember {
    /// Email address.
    #[schema(format = Email, max_length = 254)]
    pub email: String,
    /// The role they get; left alone for an active member.
    pub role: Role,
}

/// An invitation: the code is to be handed over by the admin, nothing is mailed.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Invitation {
    /// The member it is for.
    pub member: Member,
    /// The code, shown this once.
    #[serde(flatten)]
    pub code: SignInCode,
}

/// Another role for a member.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeRole {
    /// The new role.
    pub role: Role,
    /// Revoke their personal keys in the same step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoke_personal_keys: Option<bool>,
}

/// What changing a role did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChangedRole {
    /// The member as they are now.
    pub member: Member,
    /// Personal keys that were revoked.
    pub revoked: Vec<KeySummary>,
}

/// Whether removing is only tried.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct RemoveQuery {
    /// Answer the same and do nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dry_run: Option<bool>,
}

/// A key as named in a list of consequences.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct KeySummary {
    /// The id.
    #[schema(value_type = uuid::Uuid)]
    pub id: Id,
    /// The kind.
    pub kind: KeyKind,
    /// The name.
    pub name: String,
    /// The mask.
    pub masked: String,
    /// When it was last used.
    #[schema(value_type = Option<chrono::DateTime<chrono::Utc>>, required = true)]
    pub last_used_at: Option<Timestamp>,
}

/// What removing a member does, or did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Removal)]
pub struct MemberRemoval {
    /// The member.
    pub member: Member,
    /// Whether nothing was done.
    pub dry_run: bool,
    /// Personal keys that die with them.
    pub revoked: Vec<KeySummary>,
    /// Organization keys that survive and are orphaned now.
    pub to_review: Vec<KeySummary>,
    /// Sessions that end.
    pub sessions_ended: i64,
}

calls! {
    /// All members, removed ones too.
    ListMembers = GET "/members" "listMembers" Management 200; PageQuery, () => Page<Member>;
    /// Invite someone; for an active member, a sign-in code.
    CreateInvitation = POST "/invitations" "createInvitation" Management 201; NoQuery, InviteMember => Invitation;
    /// Change a role.
    ChangeMemberRole = PATCH "/members/{id}" "changeMemberRole" Management 200; NoQuery, ChangeRole => ChangedRole;
    /// Remove a member, or see what that would do.
    RemoveMember = DELETE "/members/{id}" "removeMember" Management 200; RemoveQuery, () => MemberRemoval;
    /// End all sessions of a member.
    EndMemberSessions = DELETE "/members/{id}/sessions" "endMemberSessions" Management 204; NoQuery, () => ();
}
