//! Sign-in with a code, and the sessions of the signed-in member.

use std::sync::Arc;

use crate::clock::random_bytes;
use crate::domain::activity::Action;
use crate::domain::id::Id;
use crate::domain::key::ClientInfo;
use crate::domain::member::{MemberRef, MemberStatus};
use crate::domain::secret::{Digest, Token, TokenKind};
use crate::domain::time::{TimeDelta, Timestamp};
use crate::server::auth::{RefusedParty, SessionCredential, refusals};
use crate::server::context::ServerContext;
use crate::server::error::ApiError;
use crate::server::http::paging::PageRequest;
use crate::server::http::request::CallRequest;
use crate::server::http::response::CallResponse;
use crate::server::network::ClientNetwork;
use crate::server::operations::sign_in_codes::issue_code;
use crate::server::router::RouteBuilder;
use crate::store::{NewActivity, NewSession, StoredSession, Tx};
use crate::wire::Call as _;
use crate::wire::keys::SecretString;
use crate::wire::sessions::{
    CreateSessionCall, CreateSessionCode, CreatedSession, EndCurrentSession, EndSession, ListSessions,
    Session,
};

/// How long a sign-in code is valid that a member creates to sign in on another machine.
const OWN_CODE_LIFETIME: TimeDelta = TimeDelta::minutes(10);

pub(in crate::server) fn routes(routes: RouteBuilder) -> RouteBuilder {
    routes.on(sign_in).on(create_code).on(list).on(end_current).on(end)
}

async fn sign_in(
    context: Arc<ServerContext>,
    mut request: CallRequest<CreateSessionCall>,
) -> Result<CallResponse<CreateSessionCall>, ApiError> {
    // Sign-in needs no credential besides the code, but refuses an API key like every call of the management plane.
    if let Err(error @ ApiError::KeyNotAllowedHere) = SessionCredential::from_headers(&request.headers) {
        return Err(error);
    }
    let body = request.body()?;
    let Some(code) = TokenKind::Code.digest(body.code.expose().trim()) else {
        record_refused_code(&context, &request).await;
        return Err(ApiError::CodeInvalid);
    };
    let (at, client) = (context.clock.now(), request.client.clone());
    let token = Token::new(TokenKind::Session, random_bytes());
    let digest = TokenKind::Session.digest(token.expose()).expect("new tokens are well-formed");
    let signed_in = context
        .store
        .write(move |tx| Box::pin(async move { redeem(tx, &code, digest, at, client).await }))
        .await;
    match signed_in {
        Ok((session, member)) => Ok(CallResponse::new(CreatedSession {
            session: to_wire(&context, &session, session.id),
            member,
            token: SecretString::new(token.expose()),
        })),
        Err(error) => {
            if matches!(error, ApiError::CodeInvalid) {
                record_refused_code(&context, &request).await;
            }
            Err(error)
        }
    }
}

/// Redeems a sign-in code and creates a session. If the member was only invited, they become active.
async fn redeem(
    tx: &mut Tx,
    code: &Digest,
    digest: Digest,
    at: Timestamp,
    client: ClientInfo,
) -> Result<(StoredSession, MemberRef), ApiError> {
    // Activation may add an admin, and must not run while a removal counts them.
    tx.lock_organization().await?;
    let code = tx.redeem_code(code, at).await?.ok_or(ApiError::CodeInvalid)?;
    tx.activate_member(code.member_id, at).await?;
    let member = tx.member(code.member_id).await?.ok_or(ApiError::CodeInvalid)?.member;
    if member.status != MemberStatus::Active {
        return Err(ApiError::CodeInvalid);
    }
    let id = Id::new(at, random_bytes());
    let event =
        NewActivity::new(Action::SessionCreated, at, random_bytes()).by(member.id, &client).member(member.id);
    tx.record_activity(event.detail(client.agent.clone())).await?;
    let ClientInfo { agent, address } = client;
    let new =
        NewSession { id, member_id: member.id, digest, at, agent: agent.clone(), address: address.clone() };
    tx.insert_session(new).await?;
    let session = StoredSession {
        id,
        member_id: member.id,
        created_at: at,
        last_used_at: at,
        ended_at: None,
        agent,
        address,
    };
    Ok((session, member))
}

async fn record_refused_code(context: &ServerContext, request: &CallRequest<CreateSessionCall>) {
    let at = context.clock.now();
    let party = RefusedParty::Network(ClientNetwork::from_address(request.address));
    if context.refusals.should_record(party, CreateSessionCall::OPERATION, at) {
        let event = NewActivity::new(Action::SessionRefused, at, random_bytes()).from(&request.client);
        refusals::record_refusal(&context.store, event.detail("invalid sign-in code")).await;
    }
}

async fn create_code(
    context: Arc<ServerContext>,
    request: CallRequest<CreateSessionCode>,
) -> Result<CallResponse<CreateSessionCode>, ApiError> {
    let credential = SessionCredential::from_headers(&request.headers)?;
    credential.authenticate(&context.sessions).await?;
    let (at, client, store) = (context.clock.now(), request.client, context.store.clone());
    let code = store.write(move |tx| {
        Box::pin(async move {
            let member = credential.authenticate_in(&context.sessions, tx).await?.actor.member.id;
            let event = NewActivity::new(Action::SessionCodeCreated, at, random_bytes()).by(member, &client);
            tx.record_activity(
                event.member(member).detail("to sign in on another machine, valid for 10 min"),
            )
            .await?;
            issue_code(tx, member, at, at.plus(OWN_CODE_LIFETIME)).await
        })
    });
    Ok(CallResponse::new(code.await?))
}

async fn list(
    context: Arc<ServerContext>,
    request: CallRequest<ListSessions>,
) -> Result<CallResponse<ListSessions>, ApiError> {
    let credential = SessionCredential::from_headers(&request.headers)?;
    let current = credential.authenticate(&context.sessions).await?;
    let query = request.query()?;
    let member = current.actor.member.id;
    let paging = PageRequest::parse(format!("sessions {member}"), query.limit, query.cursor.as_deref())?;
    let now = context.clock.now();
    let mut reader = context.store.reader().await?;
    let as_of = reader.change_time(now).await?;
    let unexpired = context.sessions.cutoffs_for_unexpired(now);
    let rows = reader.sessions_of(member, unexpired, paging.after(), paging.fetch_limit()).await?;
    let page = paging.page(rows, |row| row.id, as_of, |row| to_wire(&context, &row, current.session.id));
    Ok(CallResponse::new(page))
}

async fn end_current(
    context: Arc<ServerContext>,
    request: CallRequest<EndCurrentSession>,
) -> Result<CallResponse<EndCurrentSession>, ApiError> {
    let credential = SessionCredential::from_headers(&request.headers)?;
    let id = credential.authenticate(&context.sessions).await?.session.id;
    let is_ended = end_own_session(context, credential, id, request.client).await?;
    if is_ended { Ok(CallResponse::new(())) } else { Err(ApiError::SessionEnded) }
}

async fn end(
    context: Arc<ServerContext>,
    request: CallRequest<EndSession>,
) -> Result<CallResponse<EndSession>, ApiError> {
    let credential = SessionCredential::from_headers(&request.headers)?;
    credential.authenticate(&context.sessions).await?;
    let id = request.id()?;
    let is_ended = end_own_session(context, credential, id, request.client).await?;
    if is_ended { Ok(CallResponse::new(())) } else { Err(ApiError::NotFound) }
}

/// Ends one of the signed-in member's sessions. Returns `false` if they have no such session, or if it has already ended.
async fn end_own_session(
    context: Arc<ServerContext>,
    credential: SessionCredential,
    id: Id,
    client: ClientInfo,
) -> Result<bool, ApiError> {
    let (at, store) = (context.clock.now(), context.store.clone());
    let ended = store.write(move |tx| {
        Box::pin(async move {
            let current = credential.authenticate_in(&context.sessions, tx).await?;
            let member = current.actor.member.id;
            if !tx.end_session(id, member, at).await? {
                return Ok(false);
            }
            let event = NewActivity::new(Action::SessionEnded, at, random_bytes()).by(member, &client);
            let detail = if id == current.session.id {
                "the current session"
            } else {
                "another of the member's sessions"
            };
            tx.record_activity(event.member(member).detail(detail)).await?;
            Ok(true)
        })
    });
    ended.await
}

fn to_wire(context: &ServerContext, row: &StoredSession, current: Id) -> Session {
    Session {
        id: row.id,
        created_at: row.created_at,
        last_used_at: row.last_used_at,
        expires_at: context.sessions.expires_at(row),
        agent: row.agent.clone(),
        address: row.address.clone(),
        current: row.id == current,
    }
}
