//! Members, for admins: list, invite, change the role, remove, end sessions.

use std::sync::Arc;

use crate::clock::random_bytes;
use crate::domain::activity::Action;
use crate::domain::email;
use crate::domain::id::Id;
use crate::domain::member::Role;
use crate::domain::permission::{Grant, Permission};
use crate::domain::time::TimeDelta;
use crate::server::auth::SessionCredential;
use crate::server::context::ServerContext;
use crate::server::error::ApiError;
use crate::server::http::paging::PageRequest;
use crate::server::http::request::CallRequest;
use crate::server::http::response::CallResponse;
use crate::server::operations::member_removal::{
    self, RemovalContext, find_current_member, find_member, require_other_admin, to_wire,
};
use crate::server::operations::sign_in_codes::issue_code;
use crate::server::router::RouteBuilder;
use crate::store::{NewActivity, NewMember, Tx};
use crate::wire::members::{
    ChangeMemberRole, ChangedRole, CreateInvitation, EndMemberSessions, Invitation, ListMembers, RemoveMember,
};

/// How long an invitation is valid.
const INVITATION_LIFETIME: TimeDelta = TimeDelta::hours(72);

pub(in crate::server) fn routes(routes: RouteBuilder) -> RouteBuilder {
    routes.on(list).on(invite).on(change_role).on(remove).on(end_sessions)
}

/// Checks that the member is an admin, before the body is read and before any rows are locked.
async fn require_admin(context: &ServerContext, credential: SessionCredential) -> Result<(), ApiError> {
    credential.authenticate(&context.sessions).await?.actor.allow(Permission::ManageMembers)?;
    Ok(())
}

/// Checks that the member is an admin inside a transaction. Locks the organization first, so that no admins are added or removed
/// until the transaction ends.
async fn lock_as_admin(
    context: &ServerContext,
    credential: SessionCredential,
    tx: &mut Tx,
) -> Result<Grant, ApiError> {
    tx.lock_organization().await?;
    let actor = credential.authenticate_in(&context.sessions, tx).await?.actor;
    Ok(actor.allow(Permission::ManageMembers)?)
}

async fn list(
    context: Arc<ServerContext>,
    request: CallRequest<ListMembers>,
) -> Result<CallResponse<ListMembers>, ApiError> {
    require_admin(&context, SessionCredential::from_headers(&request.headers)?).await?;
    let query = request.query()?;
    let paging = PageRequest::parse("members", query.limit, query.cursor.as_deref())?;
    let mut reader = context.store.reader().await?;
    let as_of = reader.change_time(context.clock.now()).await?;
    let rows = reader.members(paging.after(), paging.fetch_limit()).await?;
    Ok(CallResponse::new(paging.page(rows, |row| row.member.id, as_of, to_wire)))
}

async fn invite(
    context: Arc<ServerContext>,
    mut request: CallRequest<CreateInvitation>,
) -> Result<CallResponse<CreateInvitation>, ApiError> {
    let credential = SessionCredential::from_headers(&request.headers)?;
    require_admin(&context, credential).await?;
    let body = request.body()?;
    let email = email::normalize_email(&body.email).map_err(|reason| ApiError::field("email", reason))?;
    let (at, client, store) = (context.clock.now(), request.client, context.store.clone());
    let invitation = store.write(move |tx| {
        Box::pin(async move {
            let grant = lock_as_admin(&context, credential, tx).await?;
            let (id, detail) = match tx.member_by_email(&email).await? {
                Some(known) if known.is_active() => {
                    (known.member.id, format!("sign-in code for {email}, role unchanged"))
                }
                Some(known) => {
                    tx.set_role(known.member.id, body.role, at).await?;
                    (known.member.id, format!("{email} invited again as {}", body.role))
                }
                None => {
                    let id = Id::new(at, random_bytes());
                    let detail = format!("{email} as {}", body.role);
                    tx.insert_member(&NewMember { id, name: email.clone(), email, role: body.role, at })
                        .await?;
                    (id, detail)
                }
            };
            let event =
                NewActivity::new(Action::MemberInvited, at, random_bytes()).by(grant.member().id, &client);
            tx.record_activity(event.member(id).detail(detail)).await?;
            let code = issue_code(tx, id, at, at.plus(INVITATION_LIFETIME)).await?;
            Ok::<_, ApiError>(Invitation { member: to_wire(find_member(tx, id).await?), code })
        })
    });
    Ok(CallResponse::new(invitation.await?))
}

async fn change_role(
    context: Arc<ServerContext>,
    mut request: CallRequest<ChangeMemberRole>,
) -> Result<CallResponse<ChangeMemberRole>, ApiError> {
    let credential = SessionCredential::from_headers(&request.headers)?;
    require_admin(&context, credential).await?;
    let id = request.id()?;
    let body = request.body()?;
    let (at, client, store) = (context.clock.now(), request.client, context.store.clone());
    let guard = context.verification.lock_revocations().await;
    let changed = store.write(move |tx| {
        Box::pin(async move {
            let grant = lock_as_admin(&context, credential, tx).await?;
            let member = find_current_member(tx, id).await?;
            if body.role != Role::Admin {
                require_other_admin(tx, &member).await?;
            }
            let removal = RemovalContext { grant: &grant, client: &client, at, guard: &guard };
            if tx.set_role(id, body.role, at).await? {
                let detail = format!("{} → {}", member.role, body.role);
                tx.record_activity(removal.event(Action::MemberRoleChanged).member(id).detail(detail))
                    .await?;
            }
            let revoked = if body.revoke_personal_keys == Some(true) {
                let reason = format!("revoked because its owner's role was changed to {}", body.role);
                member_removal::revoke_personal_keys(tx, id, &removal, &reason).await?
            } else {
                Vec::new()
            };
            Ok::<_, ApiError>(ChangedRole { member: to_wire(find_member(tx, id).await?), revoked })
        })
    });
    Ok(CallResponse::new(changed.await?))
}

async fn remove(
    context: Arc<ServerContext>,
    request: CallRequest<RemoveMember>,
) -> Result<CallResponse<RemoveMember>, ApiError> {
    let credential = SessionCredential::from_headers(&request.headers)?;
    require_admin(&context, credential).await?;
    let id = request.id()?;
    let is_dry_run = request.query()?.dry_run == Some(true);
    let (at, client, store) = (context.clock.now(), request.client, context.store.clone());
    context.verification.flush_uses().await;
    let plan = if is_dry_run {
        let read = store.read(move |tx| {
            Box::pin(async move {
                let actor = credential.authenticate_in(&context.sessions, tx).await?.actor;
                actor.allow(Permission::ManageMembers)?;
                member_removal::plan_removal(&context, tx, id, at).await
            })
        });
        read.await?
    } else {
        let guard = context.verification.lock_revocations().await;
        let written = store.write(move |tx| {
            Box::pin(async move {
                let grant = lock_as_admin(&context, credential, tx).await?;
                let removal = RemovalContext { grant: &grant, client: &client, at, guard: &guard };
                member_removal::remove_member(&context, tx, id, &removal).await
            })
        });
        written.await?
    };
    Ok(CallResponse::new(plan.into_reply(is_dry_run)))
}

async fn end_sessions(
    context: Arc<ServerContext>,
    request: CallRequest<EndMemberSessions>,
) -> Result<CallResponse<EndMemberSessions>, ApiError> {
    let credential = SessionCredential::from_headers(&request.headers)?;
    require_admin(&context, credential).await?;
    let id = request.id()?;
    let (at, client, store) = (context.clock.now(), request.client, context.store.clone());
    let ended = store.write(move |tx| {
        Box::pin(async move {
            let grant = lock_as_admin(&context, credential, tx).await?;
            let member = find_member(tx, id).await?;
            let open = tx.count_open_sessions_of(id, context.sessions.cutoffs_for_unexpired(at)).await?;
            tx.end_sessions_of(id, at).await?;
            if member.is_active() {
                // A code that was created in one of these sessions would start another one.
                tx.end_codes_of(id, at).await?;
            }
            if open > 0 {
                let event = NewActivity::new(Action::SessionEnded, at, random_bytes());
                let event = event.by(grant.member().id, &client).member(id);
                tx.record_activity(event.detail(format!("all of the member's sessions ({open})"))).await?;
            }
            Ok::<_, ApiError>(())
        })
    });
    ended.await?;
    Ok(CallResponse::new(()))
}
