//! Members, for admins: list, invite, re-role, remove, and sign out.

use std::sync::Arc;

use crate::clock::random_bytes;
use crate::domain::activity::Action;
use crate::domain::email;
use crate::domain::id::Id;
use crate::domain::member::{Grant, MemberStatus, Permission, Role};
use crate::domain::time::HOUR;
use crate::server::Server;
use crate::server::auth;
use crate::server::auth::SessionCredential;
use crate::server::error::ApiError;
use crate::server::handlers::sessions;
use crate::server::http::paging::PageRequest;
use crate::server::http::request::CallRequest;
use crate::server::router::CallResponse;
use crate::server::router::RouteBuilder;
use crate::store::{NewActivity, NewMember, StoredMember, Tx};
use crate::wire::members::{
    ChangeMemberRole, ChangedRole, CreateInvitation, EndMemberSessions, Invitation, ListMembers, Member,
    RemoveMember,
};

use crate::server::operations::member_removal::{self as removal, RemovalContext};

/// How long an invitation is good, in milliseconds.
const INVITATION_FOR: i64 = 72 * HOUR;

/// The routes of this room.
pub(in crate::server) fn routes(routes: RouteBuilder) -> RouteBuilder {
    routes.on(list).on(invite).on(change_role).on(remove).on(end_sessions)
}

/// The admin who asks. Locks the organization first: who is an admin does not change until the transaction ends.
async fn admin(server: &Server, caller: SessionCredential, tx: &mut Tx) -> Result<Grant, ApiError> {
    tx.lock_organization().await?;
    Ok(caller.within(server, tx).await?.actor.allow(Permission::ManageMembers)?)
}

/// The same asked early, so that nobody else takes a lock or has their body read.
async fn early(server: &Server, caller: SessionCredential) -> Result<(), ApiError> {
    caller.signed_in(server).await?.actor.allow(Permission::ManageMembers)?;
    Ok(())
}

async fn list(
    server: Arc<Server>,
    request: CallRequest<ListMembers>,
) -> Result<CallResponse<ListMembers>, ApiError> {
    early(&server, SessionCredential::from_headers(&request.headers)?).await?;
    let query = request.query()?;
    let paging = PageRequest::read("members", query.limit, query.cursor.as_deref())?;
    let mut reader = server.store.reader().await?;
    let as_of = reader.change_time(server.clock.now()).await?;
    let rows = reader.members(paging.after(), paging.fetch()).await?;
    Ok(CallResponse::new(paging.page(rows, |row| row.member.id, as_of, shown)))
}

async fn invite(
    server: Arc<Server>,
    mut request: CallRequest<CreateInvitation>,
) -> Result<CallResponse<CreateInvitation>, ApiError> {
    let caller = SessionCredential::from_headers(&request.headers)?;
    early(&server, caller).await?;
    let body = request.body()?;
    let email = email::normalize_email(&body.email).map_err(|wrong| ApiError::field("email", wrong))?;
    let (at, client) = (server.clock.now(), request.client);
    let invitation = server
        .clone()
        .store
        .write(move |tx| {
            Box::pin(async move {
                let grant = admin(&server, caller, tx).await?;
                let (id, what) = match tx.member_by_email(&email).await? {
                    Some(known) if known.is_active() => {
                        (known.member.id, format!("{email}: a sign-in code, role unchanged"))
                    }
                    Some(known) => {
                        tx.set_role(known.member.id, body.role, at).await?;
                        (known.member.id, format!("{email} as {}, once more", body.role))
                    }
                    None => {
                        let id = Id::new(at, random_bytes());
                        let what = format!("{email} as {}", body.role);
                        tx.insert_member(&NewMember { id, name: email.clone(), email, role: body.role, at })
                            .await?;
                        (id, what)
                    }
                };
                let event = NewActivity::new(Action::MemberInvited, at, random_bytes())
                    .by(grant.member().id, &client);
                tx.record_activity(event.member(id).detail(what)).await?;
                let code = sessions::issue_code(tx, id, at, at.plus(INVITATION_FOR)).await?;
                Ok::<_, ApiError>(Invitation { member: shown(found(tx, id).await?), code })
            })
        })
        .await?;
    Ok(CallResponse::new(invitation))
}

async fn change_role(
    server: Arc<Server>,
    mut request: CallRequest<ChangeMemberRole>,
) -> Result<CallResponse<ChangeMemberRole>, ApiError> {
    let caller = SessionCredential::from_headers(&request.headers)?;
    early(&server, caller).await?;
    let id = request.id()?;
    let body = request.body()?;
    let (at, client) = (server.clock.now(), request.client);
    let turn = server.recorder.turn().await;
    let changed = server
        .clone()
        .store
        .write(move |tx| {
            Box::pin(async move {
                let grant = admin(&server, caller, tx).await?;
                let target = not_removed(found(tx, id).await?)?;
                if body.role != Role::Admin {
                    refuse_last_admin(tx, &target).await?;
                }
                let by = RemovalContext { grant: &grant, client: &client, at, turn: &turn };
                if tx.set_role(id, body.role, at).await? {
                    let detail = format!("{} → {}", target.role, body.role);
                    tx.record_activity(by.event(Action::MemberRoleChanged).member(id).detail(detail)).await?;
                }
                let revoked = if body.revoke_personal_keys == Some(true) {
                    let reason = format!("revoked when the owner's role became {}", body.role);
                    removal::revoke_personal_keys(tx, id, &by, &reason).await?
                } else {
                    Vec::new()
                };
                Ok::<_, ApiError>(ChangedRole { member: shown(found(tx, id).await?), revoked })
            })
        })
        .await?;
    Ok(CallResponse::new(changed))
}

async fn remove(
    server: Arc<Server>,
    request: CallRequest<RemoveMember>,
) -> Result<CallResponse<RemoveMember>, ApiError> {
    let caller = SessionCredential::from_headers(&request.headers)?;
    early(&server, caller).await?;
    let id = request.id()?;
    let dry_run = request.query()?.dry_run == Some(true);
    let (at, client, store) = (server.clock.now(), request.client, server.store.clone());
    server.recorder.write_before_reading().await;
    let mut removal = if dry_run {
        store
            .read(move |tx| {
                Box::pin(async move {
                    caller.within(&server, tx).await?.actor.allow(Permission::ManageMembers)?;
                    removal::plan(&server, tx, id, at).await
                })
            })
            .await?
    } else {
        let turn = server.recorder.turn().await;
        store
            .write(move |tx| {
                Box::pin(async move {
                    let grant = admin(&server, caller, tx).await?;
                    let by = RemovalContext { grant: &grant, client: &client, at, turn: &turn };
                    removal::remove(&server, tx, id, &by).await
                })
            })
            .await?
    };
    removal.dry_run = dry_run;
    Ok(CallResponse::new(removal.into()))
}

async fn end_sessions(
    server: Arc<Server>,
    request: CallRequest<EndMemberSessions>,
) -> Result<CallResponse<EndMemberSessions>, ApiError> {
    let caller = SessionCredential::from_headers(&request.headers)?;
    early(&server, caller).await?;
    let id = request.id()?;
    let (at, client) = (server.clock.now(), request.client);
    server
        .clone()
        .store
        .write(move |tx| {
            Box::pin(async move {
                let grant = admin(&server, caller, tx).await?;
                let target = found(tx, id).await?;
                let open = tx.count_open_sessions_of(id, auth::alive(&server, at)).await?;
                tx.end_sessions_of(id, at).await?;
                if target.is_active() {
                    // A code that was made in one of these sessions would open another.
                    tx.end_codes_of(id, at).await?;
                }
                if open > 0 {
                    let event = NewActivity::new(Action::SessionEnded, at, random_bytes());
                    let event = event.by(grant.member().id, &client).member(id);
                    tx.record_activity(event.detail(format!("all sessions of the member: {open}"))).await?;
                }
                Ok::<_, ApiError>(())
            })
        })
        .await?;
    Ok(CallResponse::new(()))
}

pub(in crate::server) async fn found(tx: &mut Tx, id: Id) -> Result<StoredMember, ApiError> {
    tx.member(id).await?.ok_or(ApiError::NotFound)
}

pub(in crate::server) fn not_removed(row: StoredMember) -> Result<StoredMember, ApiError> {
    if row.member.status == MemberStatus::Removed { Err(ApiError::MemberRemoved) } else { Ok(row) }
}

/// Refuses to take away the last active admin. The organization must be locked.
pub(in crate::server) async fn refuse_last_admin(tx: &mut Tx, target: &StoredMember) -> Result<(), ApiError> {
    let is_admin = target.role == Role::Admin && target.is_active();
    if is_admin && !tx.has_other_admin(target.member.id).await? { Err(ApiError::LastAdmin) } else { Ok(()) }
}

pub(in crate::server) fn shown(row: StoredMember) -> Member {
    Member {
        id: row.member.id,
        name: row.member.name,
        email: row.member.email,
        role: row.role,
        status: row.member.status,
        created_at: row.created_at,
        removed_at: row.member.removed_at,
        last_seen_at: row.last_seen_at,
        personal_keys: row.personal_keys,
        organization_keys: row.organization_keys,
    }
}
