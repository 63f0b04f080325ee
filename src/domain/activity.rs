//! The activity log: who did what to which key or member, when, and from which address.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::id::Id;
use super::member::MemberRef;
use super::time::Timestamp;
use super::words::words;

/// Kind of an activity log entry. The database stores the word of each kind and clients filter by it, so the words never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
pub enum Action {
    /// A command on the server's host created the organization and its first admin.
    #[serde(rename = "organization.created")]
    OrganizationCreated,
    /// A command on the server's host accepted a database that was restored from a backup.
    #[serde(rename = "restore.accepted")]
    RestoreAccepted,
    /// A key was created.
    #[serde(rename = "key.created")]
    KeyCreated,
    /// A key got a new secret because the response with its first secret was lost. The first secret stopped working.
    #[serde(rename = "key.reissued")]
    KeyReissued,
    /// The creator of a key confirmed that its secret has been stored.
    #[serde(rename = "key.confirmed")]
    KeyConfirmed,
    /// The name or the note of a key was changed.
    #[serde(rename = "key.edited")]
    KeyEdited,
    /// A key was revoked.
    #[serde(rename = "key.revoked")]
    KeyRevoked,
    /// A revocation was refused because the key had been used since the caller last viewed it.
    #[serde(rename = "key.revoke_refused")]
    KeyRevokeRefused,
    /// A review decision was applied to a key.
    #[serde(rename = "review.recorded")]
    ReviewRecorded,
    /// Review decisions were exported.
    #[serde(rename = "review.exported")]
    ReviewExported,
    /// A person was invited, or an admin created a sign-in code for an active member.
    #[serde(rename = "member.invited")]
    MemberInvited,
    /// A member's role was changed.
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
    /// A member created a sign-in code for another machine.
    #[serde(rename = "session.code_created")]
    SessionCodeCreated,
    /// A sign-in code was refused.
    #[serde(rename = "session.refused")]
    SessionRefused,
    /// A request was refused because the member's role does not permit it.
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

/// An entry in the activity log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Activity {
    /// Unique id of the entry. Ids sort by creation time.
    #[schema(value_type = uuid::Uuid)]
    pub id: Id,
    /// When the action happened.
    #[schema(value_type = chrono::DateTime<chrono::Utc>)]
    pub at: Timestamp,
    /// The member who acted; `null` for commands on the server's host and for requests without a valid session.
    #[schema(required = true)]
    pub actor: Option<MemberRef>,
    /// What happened.
    pub action: Action,
    /// Id of the key that was acted on, if any.
    #[schema(value_type = Option<uuid::Uuid>, required = true)]
    pub key_id: Option<Id>,
    /// Name of that key at the time of the action.
    #[schema(required = true)]
    pub key_name: Option<String>,
    /// Id of the member who was acted on, if any.
    #[schema(value_type = Option<uuid::Uuid>, required = true)]
    pub member_id: Option<Id>,
    /// Details of the action as text. Never contains a secret.
    pub detail: String,
    /// IP address of the client; `null` for commands on the server's host.
    #[schema(required = true)]
    pub address: Option<String>,
}
