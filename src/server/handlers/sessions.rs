//! Signing in by a code, and the sessions that come of it.

use std::sync::Arc;

use crate::clock::random_bytes;
use crate::domain::activity::Action;
use crate::domain::id::Id;
use crate::domain::key::ClientInfo;
use crate::domain::member::{MemberRef, MemberStatus};
use crate::domain::secret::{Digest, Token, TokenKind};
use crate::domain::time::{MINUTE, Timestamp};
use crate::server::Server;
use crate::server::auth;
use crate::server::auth::RefusedParty;
use crate::server::auth::SessionCredential;
use crate::server::error::ApiError;
use crate::server::http::paging::PageRequest;
use crate::server::http::rate_limits::ClientNetwork;
use crate::server::http::request::CallRequest;
use crate::server::router::CallResponse;
use crate::server::router::RouteBuilder;
use crate::store::{NewActivity, NewCode, NewSession, StoredSession, Tx};
use crate::wire::Call as _;
use crate::wire::keys::SecretString;
use crate::wire::sessions::{
    CreateSessionCall, CreateSessionCode, CreatedSession, EndCurrentSession, EndSession, ListSessions,
    Session, SignInCode,
};

/// How long a code is good that a member makes for themselves, in milliseconds.
const OWN_CODE_FOR: i64 = 10 * MINUTE;

/// The routes of this room.
pub(in crate::server) fn routes(routes: RouteBuilder) -> RouteBuilder {
    routes.on(sign_in).on(create_code).on(list).on(end_current).on(end)
}

async fn sign_in(
    server: Arc<Server>,
    mut request: CallRequest<CreateSessionCall>,
) -> Result<CallResponse<CreateSessionCall>, ApiError> {
    // Signing in takes no credential but the code; a key is refused here as on the whole plane.
    if let Err(refusal @ ApiError::KeyNotAllowedHere) = SessionCredential::from_headers(&request.headers) {
        return Err(refusal);
    }
    let body = request.body()?;
    let Some(code) = TokenKind::Code.digest(body.code.expose().trim()) else {
        record_refused(&server, &request).await;
        return Err(ApiError::CodeInvalid);
    };
    let (at, client) = (server.clock.now(), request.client.clone());
    let token = Token::new(TokenKind::Session, random_bytes());
    let digest = digest_of(TokenKind::Session, &token);
    let signed_in = server
        .store
        .write(move |tx| Box::pin(async move { redeem(tx, &code, digest, at, client).await }))
        .await;
    match signed_in {
        Ok((session, member)) => Ok(CallResponse::new(CreatedSession {
            session: shown(&server, &session, session.id),
            member,
            token: SecretString::new(token.expose()),
        })),
        Err(refusal) => {
            if matches!(refusal, ApiError::CodeInvalid) {
                record_refused(&server, &request).await;
            }
            Err(refusal)
        }
    }
}

/// Takes the code and begins a session. An invited member becomes active.
async fn redeem(
    tx: &mut Tx,
    code: &Digest,
    digest: Digest,
    at: Timestamp,
    client: ClientInfo,
) -> Result<(StoredSession, MemberRef), ApiError> {
    // Becoming active may make an admin, and must not meet a removal half way.
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

async fn record_refused(server: &Server, request: &CallRequest<CreateSessionCall>) {
    let at = server.clock.now();
    let who = RefusedParty::ClientNetwork(ClientNetwork::of(request.address));
    if server.refusals.is_due(who, CreateSessionCall::OPERATION, at) {
        let event = NewActivity::new(Action::SessionRefused, at, random_bytes()).from(&request.client);
        auth::record(server, event.detail("a sign-in code that is not valid")).await;
    }
}

async fn create_code(
    server: Arc<Server>,
    request: CallRequest<CreateSessionCode>,
) -> Result<CallResponse<CreateSessionCode>, ApiError> {
    let caller = SessionCredential::from_headers(&request.headers)?;
    caller.signed_in(&server).await?;
    let (at, client) = (server.clock.now(), request.client);
    let code = server
        .clone()
        .store
        .write(move |tx| {
            Box::pin(async move {
                let member = caller.within(&server, tx).await?.actor.member.id;
                let event =
                    NewActivity::new(Action::SessionCodeCreated, at, random_bytes()).by(member, &client);
                tx.record_activity(event.member(member).detail("for another machine, 10 min")).await?;
                issue_code(tx, member, at, at.plus(OWN_CODE_FOR)).await
            })
        })
        .await?;
    Ok(CallResponse::new(code))
}

/// Issues a code for a member; their earlier ones end.
pub(in crate::server) async fn issue_code(
    tx: &mut Tx,
    member_id: Id,
    at: Timestamp,
    expires_at: Timestamp,
) -> Result<SignInCode, ApiError> {
    let token = Token::new(TokenKind::Code, random_bytes());
    let digest = digest_of(TokenKind::Code, &token);
    tx.end_codes_of(member_id, at).await?;
    tx.insert_code(NewCode { id: Id::new(at, random_bytes()), member_id, digest, at, expires_at }).await?;
    Ok(SignInCode { code: SecretString::new(token.expose()), expires_at })
}

fn digest_of(kind: TokenKind, token: &Token) -> Digest {
    kind.digest(token.expose()).expect("a token that was just made is well-formed")
}

async fn list(
    server: Arc<Server>,
    request: CallRequest<ListSessions>,
) -> Result<CallResponse<ListSessions>, ApiError> {
    let found = SessionCredential::from_headers(&request.headers)?.signed_in(&server).await?;
    let query = request.query()?;
    let member = found.actor.member.id;
    let paging = PageRequest::read(format!("sessions {member}"), query.limit, query.cursor.as_deref())?;
    let now = server.clock.now();
    let mut reader = server.store.reader().await?;
    let as_of = reader.change_time(now).await?;
    let alive = auth::alive(&server, now);
    let rows = reader.sessions_of(member, alive, paging.after(), paging.fetch()).await?;
    let page = paging.page(rows, |row| row.id, as_of, |row| shown(&server, &row, found.session.id));
    Ok(CallResponse::new(page))
}

async fn end_current(
    server: Arc<Server>,
    request: CallRequest<EndCurrentSession>,
) -> Result<CallResponse<EndCurrentSession>, ApiError> {
    let caller = SessionCredential::from_headers(&request.headers)?;
    let id = caller.signed_in(&server).await?.session.id;
    let ended = end_own(server, caller, id, request.client).await?;
    if ended { Ok(CallResponse::new(())) } else { Err(ApiError::SessionEnded) }
}

async fn end(
    server: Arc<Server>,
    request: CallRequest<EndSession>,
) -> Result<CallResponse<EndSession>, ApiError> {
    let caller = SessionCredential::from_headers(&request.headers)?;
    caller.signed_in(&server).await?;
    let id = request.id()?;
    let ended = end_own(server, caller, id, request.client).await?;
    if ended { Ok(CallResponse::new(())) } else { Err(ApiError::NotFound) }
}

/// Ends a session of the caller; `false` where there is none with this id any more.
async fn end_own(
    server: Arc<Server>,
    caller: SessionCredential,
    id: Id,
    client: ClientInfo,
) -> Result<bool, ApiError> {
    let at = server.clock.now();
    server
        .clone()
        .store
        .write(move |tx| {
            Box::pin(async move {
                let me = caller.within(&server, tx).await?;
                let member = me.actor.member.id;
                if !tx.end_session(id, member, at).await? {
                    return Ok(false);
                }
                let event = NewActivity::new(Action::SessionEnded, at, random_bytes()).by(member, &client);
                let which = if id == me.session.id { "this session" } else { "another session" };
                tx.record_activity(event.member(member).detail(which)).await?;
                Ok(true)
            })
        })
        .await
}

fn shown(server: &Server, row: &StoredSession, current: Id) -> Session {
    Session {
        id: row.id,
        created_at: row.created_at,
        last_used_at: row.last_used_at,
        expires_at: auth::expires_at(server, row),
        agent: row.agent.clone(),
        address: row.address.clone(),
        current: row.id == current,
    }
}
