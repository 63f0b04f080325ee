//! Keys of both kinds: list, show, edit, confirm, revoke. See [`create`] for creating them.

use std::sync::Arc;

use crate::clock::random_bytes;
use crate::domain::activity::Action;
use crate::domain::id::Id;
use crate::domain::key::{Key, KeyKind};
use crate::domain::permission::{Actor, Permission};
use crate::domain::time::TimeDelta;
use crate::server::auth::SessionCredential;
use crate::server::context::ServerContext;
use crate::server::error::ApiError;
use crate::server::http::paging::PageRequest;
use crate::server::http::request::CallRequest;
use crate::server::http::response::CallResponse;
use crate::server::operations::guarded_revoke::{RevokeActor, RevokeOptions, RevokeOutcome, revoke_guarded};
use crate::server::operations::key_fields::{scope_for, validate_name, validate_note};
use crate::server::router::RouteBuilder;
use crate::store::{KeyListFilter, NewActivity, StoredKey, TransactionOutcome, Tx};
use crate::wire::keys::{
    ConfirmOrganizationKey, ConfirmPersonalKey, EditKey, EditOrganizationKey, EditPersonalKey,
    GetOrganizationKey, GetPersonalKey, IncludedKeys, KeysQuery, ListOrganizationKeys, ListPersonalKeys,
    RevokeKey, RevokeOrganizationKey, RevokePersonalKey,
};
use crate::wire::page::Page;
use crate::wire::{Call, NoQuery};

mod create;

/// How much earlier than `changed_since` the listed changes begin. A change from before the client's last `as_of` may have been
/// committed after it.
const CHANGED_SINCE_OVERLAP: TimeDelta = TimeDelta::seconds(10);

pub(in crate::server) fn routes(routes: RouteBuilder) -> RouteBuilder {
    use KeyKind::{Organization, Personal};
    create::routes(routes)
        .on(|context, request: CallRequest<ListPersonalKeys>| list(context, request, Personal))
        .on(|context, request: CallRequest<ListOrganizationKeys>| list(context, request, Organization))
        .on(|context, request: CallRequest<GetPersonalKey>| get_key(context, request, Personal))
        .on(|context, request: CallRequest<GetOrganizationKey>| get_key(context, request, Organization))
        .on(|context, request: CallRequest<EditPersonalKey>| edit(context, request, Personal))
        .on(|context, request: CallRequest<EditOrganizationKey>| edit(context, request, Organization))
        .on(|context, request: CallRequest<ConfirmPersonalKey>| confirm(context, request, Personal))
        .on(|context, request: CallRequest<ConfirmOrganizationKey>| confirm(context, request, Organization))
        .on(|context, request: CallRequest<RevokePersonalKey>| revoke(context, request, Personal))
        .on(|context, request: CallRequest<RevokeOrganizationKey>| revoke(context, request, Organization))
}

/// Step 1 of "From a database row to a table cell": returns one page of the keys of this kind.
async fn list<C>(
    context: Arc<ServerContext>,
    request: CallRequest<C>,
    kind: KeyKind,
) -> Result<CallResponse<C>, ApiError>
where
    C: Call<Query = KeysQuery, Reply = Page<Key>>,
{
    let credential = SessionCredential::from_headers(&request.headers)?;
    let actor = credential.authenticate(&context.sessions).await?.actor;
    actor.allow(Permission::ListKeys(kind))?;
    let query = request.query()?;
    let scope = scope_for(kind, &actor);
    let revoked = query.include == Some(IncludedKeys::Revoked);
    let list_name = format!("keys {scope:?} {revoked} {:?}", query.changed_since);
    let paging = PageRequest::parse(list_name, query.limit, query.cursor.as_deref())?;
    let mut reader = context.store.reader().await?;
    let as_of = reader.change_time(context.clock.now()).await?;
    context.verification.flush_uses().await;
    let changed_since = query.changed_since.map(|since| since.minus(CHANGED_SINCE_OVERLAP));
    let filter = KeyListFilter { scope, before: paging.after(), revoked, changed_since };
    let mut keys = reader.keys(filter, paging.fetch_limit()).await?;
    // Counting costs as much as reading a page, so only the first page has a total.
    let is_first_page = changed_since.is_none() && paging.after().is_none();
    let total = if is_first_page { Some(reader.count_keys(scope, revoked).await?) } else { None };
    drop(reader);
    context.verification.complete_uses(&mut keys);
    let mut page = paging.page(keys, |key| key.id, as_of, |key| key);
    page.metadata.total = total;
    Ok(CallResponse::new(page))
}

async fn get_key<C>(
    context: Arc<ServerContext>,
    request: CallRequest<C>,
    kind: KeyKind,
) -> Result<CallResponse<C>, ApiError>
where
    C: Call<Query = NoQuery, Reply = Key>,
{
    let credential = SessionCredential::from_headers(&request.headers)?;
    let actor = credential.authenticate(&context.sessions).await?.actor;
    actor.allow(Permission::ListKeys(kind))?;
    let id = request.id()?;
    context.verification.flush_uses().await;
    let found = context.store.reader().await?.key(id, scope_for(kind, &actor)).await?;
    Ok(key_response(&context, found.ok_or(ApiError::NotFound)?.key))
}

fn key_response<C: Call<Reply = Key>>(context: &ServerContext, mut key: Key) -> CallResponse<C> {
    context.verification.complete_uses(std::slice::from_mut(&mut key));
    let version = key.version;
    CallResponse::new(key).with_version(version)
}

/// Finds a key that the actor may see. The caller must first check the permission for keys of this kind.
async fn find_key(tx: &mut Tx, id: Id, kind: KeyKind, actor: &Actor) -> Result<StoredKey, ApiError> {
    tx.key(id, scope_for(kind, actor)).await?.ok_or(ApiError::NotFound)
}

async fn edit<C>(
    context: Arc<ServerContext>,
    mut request: CallRequest<C>,
    kind: KeyKind,
) -> Result<CallResponse<C>, ApiError>
where
    C: Call<Body = EditKey, Reply = Key>,
{
    let credential = SessionCredential::from_headers(&request.headers)?;
    credential.authenticate(&context.sessions).await?.actor.allow(Permission::EditKey(kind))?;
    let id = request.id()?;
    let if_match = request.if_match()?.ok_or(ApiError::IfMatchMissing)?;
    let body = request.body()?;
    let name = body.name.map(|name| validate_name(&name)).transpose()?;
    let note = body.note.map(|note| validate_note("note", &note)).transpose()?;
    let (server, client, now) = (context.clone(), request.client, context.clock.now());
    let key = context.store.write(move |tx| {
        Box::pin(async move {
            let actor = credential.authenticate_in(&server.sessions, tx).await?.actor;
            let grant = actor.allow(Permission::EditKey(kind))?;
            let before = find_key(tx, id, kind, &actor).await?.key;
            if before.revoked_at.is_some() {
                return Err(ApiError::KeyRevoked);
            }
            if_match.check(&before)?;
            let name = name.unwrap_or_else(|| before.name.clone());
            let note = note.unwrap_or_else(|| before.note.clone());
            let changes = describe_changes(&before, &name, note.as_deref());
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
                    server.verification.key_renamed(id, &name);
                }
            });
            Ok::<_, ApiError>(find_key(tx, id, kind, &actor).await?.key)
        })
    });
    Ok(key_response(&context, key.await?))
}

/// Describes the changed fields for the activity log; returns an empty string if nothing changed.
fn describe_changes(before: &Key, name: &str, note: Option<&str>) -> String {
    let mut changes = Vec::new();
    if before.name != name {
        changes.push(format!("renamed from {}", before.name));
    }
    if before.note.as_deref() != note {
        changes.push("note changed".to_owned());
    }
    changes.join("; ")
}

async fn confirm<C>(
    context: Arc<ServerContext>,
    request: CallRequest<C>,
    kind: KeyKind,
) -> Result<CallResponse<C>, ApiError>
where
    C: Call<Reply = Key>,
{
    let credential = SessionCredential::from_headers(&request.headers)?;
    credential.authenticate(&context.sessions).await?.actor.allow(Permission::EditKey(kind))?;
    let id = request.id()?;
    let (server, client, now) = (context.clone(), request.client, context.clock.now());
    let key = context.store.write(move |tx| {
        Box::pin(async move {
            let actor = credential.authenticate_in(&server.sessions, tx).await?.actor;
            let row = find_key(tx, id, kind, &actor).await?;
            // Only the creator received the secret.
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
            Ok::<_, ApiError>(find_key(tx, id, kind, &actor).await?.key)
        })
    });
    Ok(key_response(&context, key.await?))
}

/// Performs steps 1 to 3 and step 7 of a revoke; see [`guarded_revoke`](crate::server::operations::guarded_revoke).
async fn revoke<C>(
    context: Arc<ServerContext>,
    mut request: CallRequest<C>,
    kind: KeyKind,
) -> Result<CallResponse<C>, ApiError>
where
    C: Call<Body = RevokeKey, Reply = Key>,
{
    let credential = SessionCredential::from_headers(&request.headers)?;
    credential.authenticate(&context.sessions).await?.actor.allow(Permission::RevokeKey(kind))?;
    let id = request.id()?;
    let if_match = request.if_match()?;
    let options = RevokeOptions::try_from(request.body()?)?;
    let (server, client) = (context.clone(), request.client);
    let guard = context.verification.lock_revocations().await;
    let outcome = context.store.write(move |tx| {
        Box::pin(async move {
            let actor = credential.authenticate_in(&server.sessions, tx).await?.actor;
            let grant = actor.allow(Permission::RevokeKey(kind))?;
            let before = find_key(tx, id, kind, &actor).await?.key;
            if before.revoked_at.is_some() {
                return Ok(RevokeOutcome::Revoked(before));
            }
            if let Some(if_match) = if_match {
                if_match.check(&before)?;
            }
            let operation = C::OPERATION;
            let revoked_by = RevokeActor { member: grant.member().id, client: &client, operation };
            revoke_guarded(&server, tx, &guard, &before, &options, revoked_by).await
        })
    });
    Ok(key_response(&context, outcome.await?.into_key()?))
}
