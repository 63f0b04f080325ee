//! The activity log: who did what to which key or member, when, and from which address.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::id::Id;
use super::member::MemberRef;
use super::time::Timestamp;
use super::words::words;

/// A kind of entry in the activity log. The words are stored and filtered by, so they never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
pub enum Action {
    /// The organization and its first admin were created on the server's host.
    #[serde(rename = "organization.created")]
    OrganizationCreated,
    /// A restored backup was accepted on the server's host.
    #[serde(rename = "restore.accepted")]
    RestoreAccepted,
    /// A key was created.
    #[serde(rename = "key.created")]
    KeyCreated,
    /// A key got a new secret after the reply with the first one was lost. The first secret stopped working.
    #[serde(rename = "key.reissued")]
    KeyReissued,
    /// The creator confirmed that the secret is stored.
    #[serde(rename = "key.confirmed")]
    KeyConfirmed,
    /// The name or the note of a key was changed.
    #[serde(rename = "key.edited")]
    KeyEdited,
    /// A key was revoked.
    #[serde(rename = "key.revoked")]
    KeyRevoked,
    /// A revocation was refused because the key had been used in the meantime.
    #[serde(rename = "key.revoke_refused")]
    KeyRevokeRefused,
    /// A decision of a review was applied.
    #[serde(rename = "review.recorded")]
    ReviewRecorded,
    /// A review was exported.
    #[serde(rename = "review.exported")]
    ReviewExported,
    /// A member was invited, or an active member got a sign-in code from an admin.
    #[serde(rename = "member.invited")]
    MemberInvited,
    /// The role of a member was changed.
    #[serde(rename = "member.role_changed")]
    MemberRoleChanged,
    /// A member was removed.
    #[serde(rename = "member.removed")]
    MemberRemoved,
    /// A member signed in.
    #[serde(rename = "session.created")]
    SessionCreated,
    /// A session was ended.
    #[serde(rename = "session.ended")]
    SessionEnded,
    /// A member created a code to sign in on another machine.
    #[serde(rename = "session.code_created")]
    SessionCodeCreated,
    /// A sign-in code was refused.
    #[serde(rename = "session.refused")]
    SessionRefused,
    /// A request was refused because the member's role does not allow it.
    #[serde(rename = "permission.refused")]
    PermissionRefused,
}

words!(Action {
    OrganizationCreated = "organization.created",
    RestoreAccepted = "restore.accepted",
    KeyCreated = "key.created",
    KeyReissued = "key.reissued",
    KeyConfirmed = "key.confirmed",
    KeyEdited = "key.edited",
    KeyRevoked = "key.revoked",
    KeyRevokeRefused = "key.revoke_refused",
    ReviewRecorded = "review.recorded",
    ReviewExported = "review.exported",
    MemberInvited = "member.invited",
    MemberRoleChanged = "member.role_changed",
    MemberRemoved = "member.removed",
    SessionCreated = "session.created",
    SessionEnded = "session.ended",
    SessionCodeCreated = "session.code_created",
    SessionRefused = "session.refused",
    PermissionRefused = "permission.refused",
});

/// An entry of the activity log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Activity {
    /// Identifies the entry; ids sort by time.
    #[schema(value_type = uuid::Uuid)]
    pub id: Id,
    /// Time of the action.
    #[schema(value_type = chrono::DateTime<chrono::Utc>)]
    pub at: Timestamp,
    /// The member who acted. `None` for actions on the server's host and for requests without a valid session.
    #[schema(required = true)]
    pub actor: Option<MemberRef>,
    /// The kind of action.
    pub action: Action,
    /// The key that was acted on, if any.
    #[schema(value_type = Option<uuid::Uuid>, required = true)]
    pub key_id: Option<Id>,
    /// Name of that key at the time.
    #[schema(required = true)]
    pub key_name: Option<String>,
    /// The member who was acted on, if any.
    #[schema(value_type = Option<uuid::Uuid>, required = true)]
    pub member_id: Option<Id>,
    /// Details as text; never contains a secret.
    pub detail: String,
    /// Client address; `None` for actions on the server's host.
    #[schema(required = true)]
    pub address: Option<String>,
}
