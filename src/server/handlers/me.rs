//! The signed-in member, and what they are permitted to do.

use std::sync::Arc;

use crate::domain::key::KeyKind;
use crate::domain::member::Role;
use crate::domain::permission::Permission;
use crate::server::auth::SessionCredential;
use crate::server::context::ServerContext;
use crate::server::error::ApiError;
use crate::server::http::request::CallRequest;
use crate::server::http::response::CallResponse;
use crate::server::router::RouteBuilder;
use crate::wire::sessions::{GetMe, Me, MemberCapabilities, Organization};

pub(in crate::server) fn routes(routes: RouteBuilder) -> RouteBuilder {
    routes.on(get_me)
}

async fn get_me(
    context: Arc<ServerContext>,
    request: CallRequest<GetMe>,
) -> Result<CallResponse<GetMe>, ApiError> {
    let credential = SessionCredential::from_headers(&request.headers)?;
    let actor = credential.authenticate(&context.sessions).await?.actor;
    let mut reader = context.store.reader().await?;
    let organization = reader.organization().await?.ok_or(ApiError::Internal)?;
    Ok(CallResponse::new(Me {
        may: capabilities_of(actor.role),
        member: actor.member,
        role: actor.role,
        organization: Organization { id: organization.id, name: organization.name },
        usage_tracking_since: reader.tracking_since().await?,
        as_of: reader.change_time(context.clock.now()).await?,
        policy: context.settings.policy,
    }))
}

fn capabilities_of(role: Role) -> MemberCapabilities {
    MemberCapabilities {
        create_personal_keys: Permission::CreateKey(KeyKind::Personal).is_granted_to(role),
        manage_organization_keys: Permission::RevokeKey(KeyKind::Organization).is_granted_to(role),
        review: Permission::Review.is_granted_to(role),
        manage_members: Permission::ManageMembers.is_granted_to(role),
        read_activity: Permission::ReadActivity.is_granted_to(role),
    }
}
