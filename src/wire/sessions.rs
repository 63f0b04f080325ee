//! Signing in: codes, sessions, and who one is.

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

/// A new session: its token, shown this once.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct CreatedSession {
    /// The session.
    #[serde(flatten)]
    pub session: Session,
    /// Who signed in.
    pub member: MemberRef,
    /// The token, `ses_…`.
    #[schema(value_type = String)]
    pub token: SecretString,
}

/// A session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Session {
    /// Its id.
    #[schema(value_type = uuid::Uuid)]
    pub id: Id,
    /// When it began.
    #[schema(value_type = chrono::DateTime<chrono::Utc>)]
    pub created_at: Timestamp,
    /// When it was last used; at most a minute behind.
    #[schema(value_type = chrono::DateTime<chrono::Utc>)]
    pub last_used_at: Timestamp,
    /// When it ends at the latest.
    #[schema(value_type = chrono::DateTime<chrono::Utc>)]
    pub expires_at: Timestamp,
    /// What signed in, as it claimed to be.
    pub agent: String,
    /// From where.
    pub address: String,
    /// Whether it is the session that asks.
    pub current: bool,
}

/// A code, shown this once.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = Code)]
pub struct SignInCode {
    /// The code, `inv_…`.
    #[schema(value_type = String)]
    pub code: SecretString,
    /// Until when it can be redeemed.
    #[schema(value_type = chrono::DateTime<chrono::Utc>)]
    pub expires_at: Timestamp,
}

/// The organization.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Organization {
    /// Its id.
    #[schema(value_type = uuid::Uuid)]
    pub id: Id,
    /// Its name.
    pub name: String,
}

/// What the member may do. Derived from the role by the server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = May)]
#[expect(clippy::struct_excessive_bools, reason = "one fact each, named in the contract")]
pub struct MemberCapabilities {
    /// Create and rotate personal keys.
    pub create_personal_keys: bool,
    /// List, create, rotate and revoke organization keys.
    pub manage_organization_keys: bool,
    /// Review stale keys.
    pub review: bool,
    /// List, invite, re-role and remove members.
    pub manage_members: bool,
    /// Read the activity log.
    pub read_activity: bool,
}

/// Who is signed in, and what holds here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Me {
    /// The member.
    pub member: MemberRef,
    /// Their role.
    pub role: Role,
    /// The organization.
    pub organization: Organization,
    /// What they may do.
    pub may: MemberCapabilities,
    /// Since when uses have been recorded.
    #[schema(value_type = chrono::DateTime<chrono::Utc>)]
    pub usage_tracking_since: Timestamp,
    /// The server's time of this answer.
    #[schema(value_type = chrono::DateTime<chrono::Utc>)]
    pub as_of: Timestamp,
    /// The organization's limits.
    pub policy: Policy,
}

calls! {
    /// Who is signed in.
    GetMe = GET "/me" "getMe" Management 200; NoQuery, () => Me;
    /// Redeem a code.
    CreateSessionCall = POST "/sessions" "createSession" Open 201; NoQuery, CreateSession => CreatedSession;
    /// A 10-minute code to sign in on another machine.
    CreateSessionCode = POST "/sessions/codes" "createSessionCode" Management 201; NoQuery, () => SignInCode;
    /// Own sessions.
    ListSessions = GET "/sessions" "listSessions" Management 200; PageQuery, () => Page<Session>;
    /// Sign out here.
    EndCurrentSession = DELETE "/sessions/current" "endCurrentSession" Management 204; NoQuery, () => ();
    /// End one of the own sessions.
    EndSession = DELETE "/sessions/{id}" "endSession" Management 204; NoQuery, () => ();
}
