//! Operations for signing in: sign-in codes, sessions, and the signed-in member.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::keys::SecretString;
use super::page::{Page, PageQuery};
use super::{NoQuery, calls};
use crate::domain::id::Id;
use crate::domain::member::{MemberRef, Role};
use crate::domain::policy::Policy;
use crate::domain::time::Timestamp;

/// Request to sign in with a sign-in code.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateSession {
    /// The sign-in code, `inv_…`.
    #[schema(value_type = String)]
    pub code: SecretString,
}

/// A new session with its token.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct CreatedSession {
    /// The new session.
    #[serde(flatten)]
    pub session: Session,
    /// The member who signed in.
    pub member: MemberRef,
    /// The session token, `ses_…`. It cannot be retrieved later.
    #[schema(value_type = String)]
    pub token: SecretString,
}

/// A session of a signed-in member.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Session {
    /// Unique id of the session. Ids sort by creation time.
    #[schema(value_type = uuid::Uuid)]
    pub id: Id,
    /// When the member signed in.
    #[schema(value_type = chrono::DateTime<chrono::Utc>)]
    pub created_at: Timestamp,
    /// When the session was last used, accurate to a minute.
    #[schema(value_type = chrono::DateTime<chrono::Utc>)]
    pub last_used_at: Timestamp,
    /// When the session expires, even if it is still in use.
    #[schema(value_type = chrono::DateTime<chrono::Utc>)]
    pub expires_at: Timestamp,
    /// `User-Agent` header of the client that signed in. It proves nothing, since a client can send any text.
    pub agent: String,
    /// IP address of the client that signed in.
    pub address: String,
    /// Whether this is the session that sent the request.
    pub current: bool,
}

/// A sign-in code and when it expires.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = Code)]
pub struct SignInCode {
    /// The sign-in code, `inv_…`. It cannot be retrieved later.
    #[schema(value_type = String)]
    pub code: SecretString,
    /// When the code expires.
    #[schema(value_type = chrono::DateTime<chrono::Utc>)]
    pub expires_at: Timestamp,
}

/// The organization that the server belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Organization {
    /// Unique id of the organization.
    #[schema(value_type = uuid::Uuid)]
    pub id: Id,
    /// Name of the organization.
    pub name: String,
}

/// What the member is allowed to do, derived from the role.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = May)]
#[expect(clippy::struct_excessive_bools, reason = "each is a field of the JSON object")]
pub struct MemberCapabilities {
    /// Whether the member may create and rotate personal keys.
    pub create_personal_keys: bool,
    /// Whether the member may list, create, rotate and revoke organization keys.
    pub manage_organization_keys: bool,
    /// Whether the member may review stale keys.
    pub review: bool,
    /// Whether the member may list, invite and remove members, and change their roles.
    pub manage_members: bool,
    /// Whether the member may read the activity log.
    pub read_activity: bool,
}

/// The signed-in member, with the organization's settings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Me {
    /// The signed-in member.
    pub member: MemberRef,
    /// The member's role.
    pub role: Role,
    /// The organization.
    pub organization: Organization,
    /// What the member is allowed to do, derived from the role.
    pub may: MemberCapabilities,
    /// When the server started to record uses. Earlier uses are unknown.
    #[schema(value_type = chrono::DateTime<chrono::Utc>)]
    pub usage_tracking_since: Timestamp,
    /// Server time when the response was created.
    #[schema(value_type = chrono::DateTime<chrono::Utc>)]
    pub as_of: Timestamp,
    /// The organization's thresholds for stale keys and rotations.
    pub policy: Policy,
}

calls! {
    /// Returns the signed-in member and the organization's settings.
    GetMe = GET "/me" "getMe" Management 200; NoQuery, () => Me;
    /// Signs in: exchanges a sign-in code for a session.
    CreateSessionCall = POST "/sessions" "createSession" Open 201; NoQuery, CreateSession => CreatedSession;
    /// Creates a sign-in code for another of the member's machines, valid for 10 minutes.
    CreateSessionCode = POST "/sessions/codes" "createSessionCode" Management 201; NoQuery, () => SignInCode;
    /// Lists the member's sessions.
    ListSessions = GET "/sessions" "listSessions" Management 200; PageQuery, () => Page<Session>;
    /// Ends the current session.
    EndCurrentSession = DELETE "/sessions/current" "endCurrentSession" Management 204; NoQuery, () => ();
    /// Ends one of the member's sessions.
    EndSession = DELETE "/sessions/{id}" "endSession" Management 204; NoQuery, () => ();
}
