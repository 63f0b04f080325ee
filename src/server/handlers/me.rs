//! Who is signed in, and what they may do here.

use std::sync::Arc;

use crate::domain::key::KeyKind;
use crate::domain::member::{Permission, Role};
use crate::server::Server;
use crate::server::auth::SessionCredential;
use crate::server::error::ApiError;
use crate::server::http::request::CallRequest;
use crate::server::router::CallResponse;
use crate::server::router::RouteBuilder;
use crate::wire::sessions::{GetMe, Me, MemberCapabilities, Organization};

/// The routes of this room.
pub(in crate::server) fn routes(routes: RouteBuilder) -> RouteBuilder {
    routes.on(me)
}

async fn me(server: Arc<Server>, request: CallRequest<GetMe>) -> Result<CallResponse<GetMe>, ApiError> {
    let found = SessionCredential::from_headers(&request.headers)?.signed_in(&server).await?;
    let mut reader = server.store.reader().await?;
    let organization = reader.organization().await?.ok_or(ApiError::Internal)?;
    Ok(CallResponse::new(Me {
        may: may(found.actor.role),
        member: found.actor.member,
        role: found.actor.role,
        organization: Organization { id: organization.id, name: organization.name },
        usage_tracking_since: reader.tracking_since().await?,
        as_of: reader.change_time(server.clock.now()).await?,
        policy: server.settings.policy,
    }))
}

fn may(role: Role) -> MemberCapabilities {
    MemberCapabilities {
        create_personal_keys: Permission::CreateKey(KeyKind::Personal).is_granted_to(role),
        manage_organization_keys: Permission::RevokeKey(KeyKind::Organization).is_granted_to(role),
        review: Permission::Review.is_granted_to(role),
        manage_members: Permission::ManageMembers.is_granted_to(role),
        read_activity: Permission::ReadActivity.is_granted_to(role),
    }
}
