//! Keys of both kinds: list, show, edit, confirm, revoke. Creating them stands in `create`.

use std::sync::Arc;

use crate::clock::random_bytes;
use crate::domain::activity::Action;
use crate::domain::id::Id;
use crate::domain::key::{self, ClientInfo, Key, KeyKind};
use crate::domain::member::{Actor, Permission};
use crate::domain::text;
use crate::domain::time::{SECOND, Timestamp, format_ago};
use crate::server::Server;
use crate::server::auth::RefusedParty;
use crate::server::auth::SessionCredential;
use crate::server::error::ApiError;
use crate::server::http::paging::PageRequest;
use crate::server::http::request::CallRequest;
use crate::server::router::CallResponse;
use crate::server::router::RouteBuilder;
use crate::server::verification::revocation_lock::RevocationGuard;
use crate::store::{
    Dialect, KeyListFilter, KeyScope, NewActivity, RevokeGuard, StoredKey, TransactionOutcome, Tx,
};
use crate::wire::keys::{
    ConfirmOrganizationKey, ConfirmPersonalKey, EditKey, EditOrganizationKey, EditPersonalKey,
    GetOrganizationKey, GetPersonalKey, IncludedKeys, KeysQuery, ListOrganizationKeys, ListPersonalKeys,
    RevokeKey, RevokeOrganizationKey, RevokePersonalKey,
};
use crate::wire::page::Page;
use crate::wire::{Call, NoQuery};

mod create;

pub use create::{InFlightRequest, InFlightRequests, digest_of_fields};

/// How far the server reaches back behind an `as_of`, in milliseconds: a write that began before it may have ended after it.
const OVERLAP: i64 = 10 * SECOND;
/// On PostgreSQL another process may still hold a use that is this old, in milliseconds.
const HELD_ELSEWHERE: i64 = 30 * SECOND;

/// The calls of this room.
#[must_use]
pub fn routes(routes: RouteBuilder) -> RouteBuilder {
    use KeyKind::{Organization, Personal};
    let routes = create::routes(routes);
    routes
        .on(|server, request: CallRequest<ListPersonalKeys>| list(server, request, Personal))
        .on(|server, request: CallRequest<ListOrganizationKeys>| list(server, request, Organization))
        .on(|server, request: CallRequest<GetPersonalKey>| show(server, request, Personal))
        .on(|server, request: CallRequest<GetOrganizationKey>| show(server, request, Organization))
        .on(|server, request: CallRequest<EditPersonalKey>| edit(server, request, Personal))
        .on(|server, request: CallRequest<EditOrganizationKey>| edit(server, request, Organization))
        .on(|server, request: CallRequest<ConfirmPersonalKey>| confirm(server, request, Personal))
        .on(|server, request: CallRequest<ConfirmOrganizationKey>| confirm(server, request, Organization))
        .on(|server, request: CallRequest<RevokePersonalKey>| revoke(server, request, Personal))
        .on(|server, request: CallRequest<RevokeOrganizationKey>| revoke(server, request, Organization))
}

/// The keys of this kind that exist for the actor.
pub(in crate::server) fn scope_of(kind: KeyKind, actor: &Actor) -> KeyScope {
    match kind {
        KeyKind::Personal => KeyScope::PersonalOf(actor.member.id),
        KeyKind::Organization => KeyScope::Organization,
    }
}

async fn list<C>(
    server: Arc<Server>,
    request: CallRequest<C>,
    kind: KeyKind,
) -> Result<CallResponse<C>, ApiError>
where
    C: Call<Query = KeysQuery, Reply = Page<Key>>,
{
    let actor = SessionCredential::from_headers(&request.headers)?.signed_in(&server).await?.actor;
    actor.allow(Permission::ListKeys(kind))?;
    let query = request.query()?;
    let scope = scope_of(kind, &actor);
    let revoked = query.include == Some(IncludedKeys::Revoked);
    let name = format!("keys {scope:?} {revoked} {:?}", query.changed_since);
    let paging = PageRequest::read(name, query.limit, query.cursor.as_deref())?;
    let mut reader = server.store.reader().await?;
    let as_of = reader.change_time(server.clock.now()).await?;
    server.recorder.write_before_reading().await;
    let changed_since = query.changed_since.map(|since| since.minus(OVERLAP));
    let filter = KeyListFilter { scope, before: paging.after(), revoked, changed_since };
    let mut keys = reader.keys(filter, paging.fetch()).await?;
    // Counting is as much work as a page: the first one tells.
    let counted = changed_since.is_none() && paging.after().is_none();
    let total = if counted { Some(reader.count_keys(scope, revoked).await?) } else { None };
    drop(reader);
    server.recorder.complete(&mut keys);
    let mut page = paging.page(keys, |key| key.id, as_of, |key| key);
    page.metadata.total = total;
    Ok(CallResponse::new(page))
}

async fn show<C>(
    server: Arc<Server>,
    request: CallRequest<C>,
    kind: KeyKind,
) -> Result<CallResponse<C>, ApiError>
where
    C: Call<Query = NoQuery, Reply = Key>,
{
    let actor = SessionCredential::from_headers(&request.headers)?.signed_in(&server).await?.actor;
    actor.allow(Permission::ListKeys(kind))?;
    let id = request.id()?;
    server.recorder.write_before_reading().await;
    let found = server.store.reader().await?.key(id, scope_of(kind, &actor)).await?;
    Ok(answer(&server, found.ok_or(ApiError::NotFound)?.key))
}

/// The answer of a call that gives the key as it is now.
fn answer<C: Call<Reply = Key>>(server: &Server, mut key: Key) -> CallResponse<C> {
    server.recorder.complete(std::slice::from_mut(&mut key));
    let version = key.version;
    CallResponse::new(key).version(version)
}

/// The key within the actor's reach, once the actor is known to have the permission for its kind.
async fn within_reach(tx: &mut Tx, id: Id, kind: KeyKind, actor: &Actor) -> Result<StoredKey, ApiError> {
    tx.key(id, scope_of(kind, actor)).await?.ok_or(ApiError::NotFound)
}

async fn edit<C>(
    server: Arc<Server>,
    mut request: CallRequest<C>,
    kind: KeyKind,
) -> Result<CallResponse<C>, ApiError>
where
    C: Call<Body = EditKey, Reply = Key>,
{
    let caller = SessionCredential::from_headers(&request.headers)?;
    caller.signed_in(&server).await?.actor.allow(Permission::EditKey(kind))?;
    let id = request.id()?;
    let seen = request.if_match()?.ok_or(ApiError::IfMatchMissing)?;
    let body = request.body()?;
    let name = body.name.map(|name| checked_name(&name)).transpose()?;
    let note = body.note.map(|note| checked_text("note", &note)).transpose()?;
    let (state, client, now) = (server.clone(), request.client, server.clock.now());
    let key = server.store.write(move |tx| {
        Box::pin(async move {
            let actor = caller.within(&state, tx).await?.actor;
            let grant = actor.allow(Permission::EditKey(kind))?;
            let before = within_reach(tx, id, kind, &actor).await?.key;
            if before.revoked_at.is_some() {
                return Err(ApiError::KeyRevoked);
            }
            seen.check(&before)?;
            let name = name.unwrap_or_else(|| before.name.clone());
            let note = note.unwrap_or_else(|| before.note.clone());
            let changes = changes(&before, &name, note.as_deref());
            if changes.is_empty() {
                return Ok(before);
            }
            if !tx.edit_key(id, before.version, &name, note.as_deref(), now).await? {
                return Err(ApiError::VersionMismatch(Box::new(before)));
            }
            let event =
                NewActivity::new(Action::KeyEdited, now, random_bytes()).by(grant.member().id, &client);
            tx.record_activity(event.key(id, &name).detail(changes)).await?;
            tx.on_end(move |outcome| {
                if outcome == TransactionOutcome::Committed {
                    state.recorder.renamed(id, &name);
                }
            });
            Ok::<_, ApiError>(within_reach(tx, id, kind, &actor).await?.key)
        })
    });
    Ok(answer(&server, key.await?))
}

fn changes(before: &Key, name: &str, note: Option<&str>) -> String {
    let mut changes = Vec::new();
    if before.name != name {
        changes.push(format!("was called {}", before.name));
    }
    if before.note.as_deref() != note {
        changes.push("note changed".to_owned());
    }
    changes.join("; ")
}

/// A name as it is stored.
fn checked_name(text: &str) -> Result<String, ApiError> {
    key::normalize_name(text).map_err(|wrong| ApiError::field("name", wrong))
}

/// A note or reason as it is stored; nothing where it is blank.
pub(in crate::server) fn checked_text(field: &str, text: &str) -> Result<Option<String>, ApiError> {
    key::normalize_note(text).map_err(|wrong| ApiError::field(field, wrong))
}

async fn confirm<C>(
    server: Arc<Server>,
    request: CallRequest<C>,
    kind: KeyKind,
) -> Result<CallResponse<C>, ApiError>
where
    C: Call<Reply = Key>,
{
    let caller = SessionCredential::from_headers(&request.headers)?;
    caller.signed_in(&server).await?.actor.allow(Permission::EditKey(kind))?;
    let id = request.id()?;
    let (state, client, now) = (server.clone(), request.client, server.clock.now());
    let key = server.store.write(move |tx| {
        Box::pin(async move {
            let actor = caller.within(&state, tx).await?.actor;
            let row = within_reach(tx, id, kind, &actor).await?;
            // Only whoever created it was given the secret.
            let grant = actor.grant(Permission::EditKey(kind), Some(row.key.created_by.id))?;
            if row.confirmed_at.is_some() {
                return Ok(row.key);
            }
            if row.key.revoked_at.is_some() {
                return Err(ApiError::KeyRevoked);
            }
            if tx.confirm_key(id, now).await? {
                let event = NewActivity::new(Action::KeyConfirmed, now, random_bytes())
                    .by(grant.member().id, &client);
                tx.record_activity(event.key(id, &row.key.name)).await?;
            }
            Ok::<_, ApiError>(within_reach(tx, id, kind, &actor).await?.key)
        })
    });
    Ok(answer(&server, key.await?))
}

/// A revoke as it is asked for: one of its two forms.
#[derive(Clone, Debug)]
pub(in crate::server) struct RevokeOptions {
    /// Refuse if the key was used at this time or later.
    pub unless_used_since: Option<Timestamp>,
    /// Why; always there where use is not looked at.
    pub reason: Option<String>,
}

impl TryFrom<RevokeKey> for RevokeOptions {
    type Error = ApiError;

    fn try_from(body: RevokeKey) -> Result<Self, ApiError> {
        let reason = body.reason.as_deref().map_or(Ok(None), |reason| checked_text("reason", reason))?;
        // `false` is what it is when nothing is said.
        match (body.unless_used_since, body.even_if_used.filter(|&even| even)) {
            (Some(_), Some(_)) => {
                Err(ApiError::field("even_if_used", "must not be given together with `unless_used_since`"))
            }
            (None, None) => Err(ApiError::field(
                "unless_used_since",
                "is missing: give it, or `even_if_used` with a `reason`",
            )),
            (None, Some(_)) if reason.is_none() => {
                Err(ApiError::field("reason", "must not be empty with `even_if_used`"))
            }
            (unless_used_since, _) => Ok(Self { unless_used_since, reason }),
        }
    }
}

async fn revoke<C>(
    server: Arc<Server>,
    mut request: CallRequest<C>,
    kind: KeyKind,
) -> Result<CallResponse<C>, ApiError>
where
    C: Call<Body = RevokeKey, Reply = Key>,
{
    let caller = SessionCredential::from_headers(&request.headers)?;
    caller.signed_in(&server).await?.actor.allow(Permission::RevokeKey(kind))?;
    let id = request.id()?;
    let seen = request.if_match()?;
    let options = RevokeOptions::try_from(request.body()?)?;
    let (state, client) = (server.clone(), request.client);
    let turn = server.recorder.turn().await;
    let revoked = server.store.write(move |tx| {
        Box::pin(async move {
            let actor = caller.within(&state, tx).await?.actor;
            let grant = actor.allow(Permission::RevokeKey(kind))?;
            let before = within_reach(tx, id, kind, &actor).await?.key;
            if before.revoked_at.is_some() {
                return Ok(RevokeOutcome::Revoked(before));
            }
            if let Some(seen) = seen {
                seen.check(&before)?;
            }
            let by = RevokeActor { member: grant.member().id, client: &client, operation: C::OPERATION };
            revoke_guarded(&state, tx, &turn, &before, &options, by).await
        })
    });
    Ok(answer(&server, revoked.await?.into_key()?))
}

/// Who revokes.
#[derive(Clone, Copy)]
pub(in crate::server) struct RevokeActor<'a> {
    /// The member.
    pub member: Id,
    /// What they use.
    pub client: &'a ClientInfo,
    /// The operation's name.
    pub operation: &'static str,
}

/// How a guarded revoke ended. Both are committed: a refusal with its activity row.
pub(in crate::server) enum RevokeOutcome {
    /// The key is revoked.
    Revoked(Key),
    /// It was used since, and lives.
    UsedSince(Key, Timestamp),
}

impl RevokeOutcome {
    /// The revoked key.
    ///
    /// # Errors
    /// [`ApiError::UsedSince`] with the key as it is and how it was used.
    pub(in crate::server) fn into_key(self) -> Result<Key, ApiError> {
        match self {
            Self::Revoked(key) => Ok(key),
            Self::UsedSince(key, now) => {
                let how = format!(
                    "The key was {}. It was not revoked: look again, then decide.",
                    use_of(&key, now)
                );
                Err(ApiError::UsedSince(Box::new(key), how))
            }
        }
    }
}

/// `used 4 s ago by enlyze-powerbi/1.0.0 from 10.0.3.7`
fn use_of(key: &Key, now: Timestamp) -> String {
    let when = key.last_used_at.map_or_else(|| "at a time not known".to_owned(), |at| format_ago(at, now));
    match &key.last_used_by {
        Some(client) => format!("used {when} by {}", text::sanitize_line(&client.to_string())),
        None => format!("used {when}"),
    }
}

/// Revokes a live key if it was not used since, and records either outcome.
pub(in crate::server) async fn revoke_guarded(
    server: &Server,
    tx: &mut Tx,
    turn: &RevocationGuard,
    before: &Key,
    options: &RevokeOptions,
    by: RevokeActor<'_>,
) -> Result<RevokeOutcome, ApiError> {
    turn.suspend(tx, &[(before.id, before.kind)]).await?;
    // Asked for only now: no use is answered any more that could be dated later.
    let now = tx.change_time(server.clock.now()).await?;
    let held_elsewhere = if tx.dialect() == Dialect::Postgres { HELD_ELSEWHERE } else { 0 };
    let guard = RevokeGuard {
        unless_used_since: options.unless_used_since.map(|since| since.minus(held_elsewhere)),
        version: None,
    };
    let revoked = tx.revoke_key(before.id, guard, by.member, options.reason.as_deref(), now).await?;
    let key = tx.key(before.id, KeyScope::Any).await?.ok_or(ApiError::NotFound)?.key;
    let event = |action| {
        NewActivity::new(action, now, random_bytes()).by(by.member, by.client).key(key.id, &key.name)
    };
    if revoked {
        let mut detail = match options.unless_used_since {
            Some(since) => format!("not used since {since}"),
            None => format!("whatever its use: {}", use_or_none(&key, now)),
        };
        if let Some(reason) = &options.reason {
            detail = format!("{detail}; reason: {reason}");
        }
        if let Some(old) = key.replaces {
            detail = format!("{detail}; it was to replace {old}");
        }
        if let Some(new) = key.replaced_by {
            detail = format!("{detail}; replaced by {new}");
        }
        tx.record_activity(event(Action::KeyRevoked).detail(detail)).await?;
        return Ok(RevokeOutcome::Revoked(key));
    }
    turn.spare();
    if server.refusals.is_due(RefusedParty::Member(by.member), by.operation, now) {
        tx.record_activity(event(Action::KeyRevokeRefused).detail(use_of(&key, now))).await?;
    }
    Ok(RevokeOutcome::UsedSince(key, now))
}

fn use_or_none(key: &Key, now: Timestamp) -> String {
    if key.last_used_at.is_some() { use_of(key, now) } else { "never used".to_owned() }
}
