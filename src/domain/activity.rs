//! The log of who did what to which key or member, when and from where.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::id::Id;
use super::member::MemberRef;
use super::time::Timestamp;
use super::words::words;

/// What was done. The words are stable: they are stored and filtered by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
pub enum Action {
    /// The organization and its first admin were set up on the server's host.
    #[serde(rename = "organization.created")]
    OrganizationCreated,
    /// A restored backup was accepted on the server's host.
    #[serde(rename = "restore.accepted")]
    RestoreAccepted,
    /// A key was created.
    #[serde(rename = "key.created")]
    KeyCreated,
    /// A key's secret was issued anew after a lost reply; the earlier secret is dead.
    #[serde(rename = "key.reissued")]
    KeyReissued,
    /// The creator has the secret.
    #[serde(rename = "key.confirmed")]
    KeyConfirmed,
    /// Name or note changed.
    #[serde(rename = "key.edited")]
    KeyEdited,
    /// A key was revoked.
    #[serde(rename = "key.revoked")]
    KeyRevoked,
    /// A revoke was refused because the key had been used.
    #[serde(rename = "key.revoke_refused")]
    KeyRevokeRefused,
    /// A decision of a review was applied.
    #[serde(rename = "review.recorded")]
    ReviewRecorded,
    /// A review was exported.
    #[serde(rename = "review.exported")]
    ReviewExported,
    /// A member was invited, or an active one got a sign-in code.
    #[serde(rename = "member.invited")]
    MemberInvited,
    /// A member got another role.
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
    /// A member made a code to sign in on another machine.
    #[serde(rename = "session.code_created")]
    SessionCodeCreated,
    /// A sign-in code was refused.
    #[serde(rename = "session.refused")]
    SessionRefused,
    /// A member tried what their role does not allow.
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

/// One row of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Activity {
    /// The row's id.
    #[schema(value_type = uuid::Uuid)]
    pub id: Id,
    /// When.
    #[schema(value_type = chrono::DateTime<chrono::Utc>)]
    pub at: Timestamp,
    /// Who; nobody for what was done on the server's host or by someone not signed in.
    #[schema(required = true)]
    pub actor: Option<MemberRef>,
    /// What.
    pub action: Action,
    /// To which key.
    #[schema(value_type = Option<uuid::Uuid>, required = true)]
    pub key_id: Option<Id>,
    /// That key's name at the moment.
    #[schema(required = true)]
    pub key_name: Option<String>,
    /// To which member.
    #[schema(value_type = Option<uuid::Uuid>, required = true)]
    pub member_id: Option<Id>,
    /// The details in words, never a secret.
    pub detail: String,
    /// From which address; nothing for the host itself.
    #[schema(required = true)]
    pub address: Option<String>,
}
