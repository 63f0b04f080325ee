//! Creating a key, so that a lost answer costs nothing: the same request again gives the same key, and the only secret that lives.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use sha2::{Digest as _, Sha256};

use crate::clock::random_bytes;
use crate::domain::activity::Action;
use crate::domain::id::Id;
use crate::domain::key::{ClientInfo, Key, KeyKind};
use crate::domain::member::{Actor, Grant, Permission};
use crate::domain::secret::Secret;
use crate::domain::time::{DAY, Timestamp};
use crate::server::Server;
use crate::server::auth::SessionCredential;
use crate::server::error::ApiError;
use crate::server::handlers::keys::checked_name;
use crate::server::handlers::keys::checked_text;
use crate::server::handlers::keys::scope_of;
use crate::server::http::request::CallRequest;
use crate::server::router::CallResponse;
use crate::server::router::RouteBuilder;
use crate::store::{self, EarlierRequest, IdempotentRequest, NewActivity, NewKey, TransactionOutcome, Tx};
use crate::wire::Call;
use crate::wire::keys::{CreateKey, CreateOrganizationKey, CreatePersonalKey, CreatedKey, SecretString};

/// How long after its creation a key that was neither used nor confirmed can get another secret, in milliseconds.
const REISSUED_WITHIN: i64 = DAY;

pub(in crate::server) fn routes(routes: RouteBuilder) -> RouteBuilder {
    routes
        .on(|server, request: CallRequest<CreatePersonalKey>| create(server, request, KeyKind::Personal))
        .on(|server, request: CallRequest<CreateOrganizationKey>| {
            create(server, request, KeyKind::Organization)
        })
}

/// Requests with an `Idempotency-Key` that run in this process.
#[derive(Debug, Default)]
pub struct InFlightRequests(Mutex<HashSet<(Id, &'static str, String)>>);

/// One of them; it ends when this is dropped.
pub struct InFlightRequest {
    server: Arc<Server>,
    key: (Id, &'static str, String),
}

impl InFlightRequest {
    /// Begins.
    ///
    /// # Errors
    /// The same request is still running.
    pub fn begin(server: &Arc<Server>, request: &IdempotentRequest) -> Result<Self, ApiError> {
        let key = (request.member, request.operation, request.key.clone());
        let mut running = server.running_requests.0.lock().unwrap_or_else(PoisonError::into_inner);
        if running.insert(key.clone()) {
            Ok(Self { server: server.clone(), key })
        } else {
            Err(ApiError::IdempotencyInProgress)
        }
    }
}

impl Drop for InFlightRequest {
    fn drop(&mut self) {
        self.server.running_requests.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
    }
}

/// The digest of a request's fields.
pub fn digest_of_fields(fields: &impl serde::Serialize) -> Result<[u8; 32], ApiError> {
    let text = serde_json::to_vec(fields).map_err(|_| ApiError::Internal)?;
    Ok(Sha256::digest(text).into())
}

/// What is to be created, checked.
struct NewKeyFields {
    kind: KeyKind,
    name: String,
    note: Option<String>,
    replaces: Option<Id>,
}

/// What came of it.
enum CreateOutcome {
    /// The key with its secret.
    WithSecret(Key, Secret),
    /// The request was answered before, and the secret is in use or stored.
    CreatedBefore(Key),
}

async fn create<C>(
    server: Arc<Server>,
    mut request: CallRequest<C>,
    kind: KeyKind,
) -> Result<CallResponse<C>, ApiError>
where
    C: Call<Body = CreateKey, Reply = CreatedKey>,
{
    let caller = SessionCredential::from_headers(&request.headers)?;
    let actor = caller.signed_in(&server).await?.actor;
    actor.allow(Permission::CreateKey(kind))?;
    let header = request.idempotency_key()?.to_owned();
    let body = request.body()?;
    let new_key = NewKeyFields {
        kind,
        name: checked_name(&body.name)?,
        note: body.note.as_deref().map_or(Ok(None), |note| checked_text("note", note))?,
        replaces: body.replaces,
    };
    let fields = digest_of_fields(&(&new_key.name, &new_key.note, new_key.replaces))?;
    let idempotent =
        IdempotentRequest { member: actor.member.id, operation: C::OPERATION, key: header, fields };
    let running = InFlightRequest::begin(&server, &idempotent)?;
    let (state, client, now) = (server.clone(), request.client, server.clock.now());
    let created = server.store.write(move |tx| {
        Box::pin(async move {
            // Until the commit, not only until the end of this block.
            tx.on_end(move |_| drop(running));
            let actor = caller.within(&state, tx).await?.actor;
            let grant = actor.allow(Permission::CreateKey(kind))?;
            let id = Id::new(now, random_bytes());
            match tx.claim_idempotency_key(&idempotent, id, now).await? {
                Some(EarlierRequest { same: false, .. }) => Err(ApiError::IdempotencyKeyReused),
                Some(EarlierRequest { subject, .. }) => {
                    repeat(&state, tx, &actor, kind, subject, &client, now).await
                }
                None => make(&state, tx, &actor, &grant, id, new_key, &client, now).await,
            }
        })
    });
    let (mut key, secret, status) = match created.await? {
        CreateOutcome::WithSecret(key, secret) => (key, Some(SecretString::new(secret.expose())), C::STATUS),
        CreateOutcome::CreatedBefore(key) => (key, None, 200),
    };
    server.recorder.complete(std::slice::from_mut(&mut key));
    let version = key.version;
    let id = key.id;
    Ok(CallResponse::new(CreatedKey { key, secret }).status(status).version(version).created(id))
}

#[expect(clippy::too_many_arguments, reason = "one step of a transaction, with all that it was asked with")]
async fn make(
    server: &Arc<Server>,
    tx: &mut Tx,
    actor: &Actor,
    grant: &Grant,
    id: Id,
    fields: NewKeyFields,
    client: &ClientInfo,
    now: Timestamp,
) -> Result<CreateOutcome, ApiError> {
    let NewKeyFields { kind, name, note, replaces } = fields;
    if let Some(old) = replaces {
        check_replaceable(tx, old, kind, actor).await?;
    }
    let secret = Secret::generate(random_bytes);
    let digest = secret.digest();
    let created_by = grant.member().id;
    let new = NewKey {
        id,
        kind,
        name: name.clone(),
        note,
        digest,
        mask: secret.mask(),
        created_by,
        at: now,
        replaces,
    };
    tx.insert_key(&new).await.map_err(|error| match error {
        // Another process was faster.
        store::StoreError::Taken(_) if replaces.is_some() => ApiError::ReplacesConflict(HAS_SUCCESSOR),
        other => other.into(),
    })?;
    let detail = match replaces {
        Some(old) => format!("{kind} key, to replace {old}"),
        None => format!("{kind} key"),
    };
    let event =
        NewActivity::new(Action::KeyCreated, now, random_bytes()).by(created_by, client).key(id, &name);
    tx.record_activity(event.detail(detail)).await?;
    let key = tx.key(id, scope_of(kind, actor)).await?.ok_or(ApiError::Internal)?.key;
    let server = server.clone();
    tx.on_end(move |outcome| {
        if outcome != TransactionOutcome::RolledBack {
            server.recorder.created(digest, id, kind, &name);
        }
    });
    Ok(CreateOutcome::WithSecret(key, secret))
}

const NOT_THERE: &str =
    "The key to replace is not there, or is not a key of the same kind and owner. Choose another one.";
const REVOKED: &str = "The key to replace is revoked already. Create the new key without `replaces`.";
const HAS_SUCCESSOR: &str =
    "The key is being replaced already. Finish or cancel that rotation, or replace its new key instead.";

/// The old key must be live, of the same kind and owner, with no other live successor.
async fn check_replaceable(tx: &mut Tx, old: Id, kind: KeyKind, actor: &Actor) -> Result<(), ApiError> {
    let old = tx.key(old, scope_of(kind, actor)).await?.ok_or(ApiError::ReplacesConflict(NOT_THERE))?.key;
    if old.revoked_at.is_some() {
        return Err(ApiError::ReplacesConflict(REVOKED));
    }
    if old.replaced_by.is_some() {
        return Err(ApiError::ReplacesConflict(HAS_SUCCESSOR));
    }
    Ok(())
}

/// The request came before: its answer may have been lost.
async fn repeat(
    server: &Arc<Server>,
    tx: &mut Tx,
    actor: &Actor,
    kind: KeyKind,
    id: Id,
    client: &ClientInfo,
    now: Timestamp,
) -> Result<CreateOutcome, ApiError> {
    let scope = scope_of(kind, actor);
    let earlier = tx.key(id, scope).await?.ok_or(ApiError::Internal)?;
    let secret = Secret::generate(random_bytes);
    let digest = secret.digest();
    if !tx.reissue_key(&earlier, digest, secret.mask(), now.minus(REISSUED_WITHIN), now).await? {
        return Ok(CreateOutcome::CreatedBefore(earlier.key));
    }
    let event = NewActivity::new(Action::KeyReissued, now, random_bytes()).by(actor.member.id, client);
    tx.record_activity(event.key(id, &earlier.key.name).detail("the earlier secret is dead")).await?;
    let key = tx.key(id, scope).await?.ok_or(ApiError::Internal)?.key;
    let (server, name, earlier) = (server.clone(), key.name.clone(), earlier.digest);
    tx.on_end(move |outcome| match outcome {
        TransactionOutcome::Committed => server.recorder.reissued(&earlier, digest, id, kind, &name),
        // Both secrets are known then, and the database decides which one lives.
        TransactionOutcome::Unknown => server.recorder.created(digest, id, kind, &name),
        TransactionOutcome::RolledBack => {}
    });
    Ok(CreateOutcome::WithSecret(key, secret))
}
