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

/// A sign-in code to redeem.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateSession {
    /// The code, `inv_…`.
    #[schema(value_type = String)]
    pub code: SecretString,
}

/// A new session with its token.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct CreatedSession {
    /// The session.
    #[serde(flatten)]
    pub session: Session,
    /// The member who signed in.
    pub member: MemberRef,
    /// The session token, `ses_…`. It is never shown again.
    #[schema(value_type = String)]
    pub token: SecretString,
}

/// A session of a member.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Session {
    /// Identifies the session.
    #[schema(value_type = uuid::Uuid)]
    pub id: Id,
    /// Time of the sign-in.
    #[schema(value_type = chrono::DateTime<chrono::Utc>)]
    pub created_at: Timestamp,
    /// Time of the last use, accurate to a minute.
    #[schema(value_type = chrono::DateTime<chrono::Utc>)]
    pub last_used_at: Timestamp,
    /// Time at which the session ends even if it is used.
    #[schema(value_type = chrono::DateTime<chrono::Utc>)]
    pub expires_at: Timestamp,
    /// `User-Agent` of the client that signed in. A client can claim any name.
    pub agent: String,
    /// IP address of the client that signed in.
    pub address: String,
    /// Set for the session that sent this request.
    pub current: bool,
}

/// A sign-in code.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = Code)]
pub struct SignInCode {
    /// The code, `inv_…`. It is never shown again.
    #[schema(value_type = String)]
    pub code: SecretString,
    /// Time until which the code can be redeemed.
    #[schema(value_type = chrono::DateTime<chrono::Utc>)]
    pub expires_at: Timestamp,
}

/// The organization.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Organization {
    /// Identifies the organization.
    #[schema(value_type = uuid::Uuid)]
    pub id: Id,
    /// Name of the organization.
    pub name: String,
}

/// What the member is allowed to do, derived from the role.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = May)]
#[expect(clippy::struct_excessive_bools, reason = "one fact each, named in the contract")]
pub struct MemberCapabilities {
    /// May create and rotate personal keys.
    pub create_personal_keys: bool,
    /// May list, create, rotate and revoke organization keys.
    pub manage_organization_keys: bool,
    /// May review stale keys.
    pub review: bool,
    /// May list, invite and remove members, and change their roles.
    pub manage_members: bool,
    /// May read the activity log.
    pub read_activity: bool,
}

/// The signed-in member, with the settings of the organization.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Me {
    /// The signed-in member.
    pub member: MemberRef,
    /// Role of the member.
    pub role: Role,
    /// The organization.
    pub organization: Organization,
    /// What the member is allowed to do.
    pub may: MemberCapabilities,
    /// When recording of uses began.
    #[schema(value_type = chrono::DateTime<chrono::Utc>)]
    pub usage_tracking_since: Timestamp,
    /// Time of the server when the response was built.
    #[schema(value_type = chrono::DateTime<chrono::Utc>)]
    pub as_of: Timestamp,
    /// Thresholds for stale keys and rotations.
    pub policy: Policy,
}

calls! {
    /// Returns the signed-in member.
    GetMe = GET "/me" "getMe" Management 200; NoQuery, () => Me;
    /// Redeems a sign-in code for a session.
    CreateSessionCall = POST "/sessions" "createSession" Open 201; NoQuery, CreateSession => CreatedSession;
    /// Creates a sign-in code for another machine of the member, valid for 10 minutes.
    CreateSessionCode = POST "/sessions/codes" "createSessionCode" Management 201; NoQuery, () => SignInCode;
    /// Lists the member's sessions.
    ListSessions = GET "/sessions" "listSessions" Management 200; PageQuery, () => Page<Session>;
    /// Ends the current session.
    EndCurrentSession = DELETE "/sessions/current" "endCurrentSession" Management 204; NoQuery, () => ();
    /// Ends a session of the member.
    EndSession = DELETE "/sessions/{id}" "endSession" Management 204; NoQuery, () => ();
}
