//! Creates keys. A retry after a lost response returns the same key, with a new secret that replaces the first one.

use std::sync::Arc;

use crate::clock::random_bytes;
use crate::domain::activity::Action;
use crate::domain::id::Id;
use crate::domain::key::{ClientInfo, Key, KeyKind};
use crate::domain::permission::{Actor, Grant, Permission};
use crate::domain::secret::Secret;
use crate::domain::time::{DAY, TimeDelta, Timestamp};
use crate::server::auth::SessionCredential;
use crate::server::context::ServerContext;
use crate::server::error::ApiError;
use crate::server::http::request::CallRequest;
use crate::server::http::response::CallResponse;
use crate::server::idempotency::digest_of_fields;
use crate::server::operations::key_fields::{scope_for, validate_name, validate_note};
use crate::server::router::RouteBuilder;
use crate::store::{self, EarlierRequest, IdempotentRequest, NewActivity, NewKey, TransactionOutcome, Tx};
use crate::wire::Call;
use crate::wire::keys::{CreateKey, CreateOrganizationKey, CreatePersonalKey, CreatedKey, SecretString};

/// How long after its creation a key can get a new secret, if it was neither used nor confirmed.
const REISSUE_WINDOW: TimeDelta = DAY;

pub(super) fn routes(routes: RouteBuilder) -> RouteBuilder {
    routes
        .on(|context, request: CallRequest<CreatePersonalKey>| create(context, request, KeyKind::Personal))
        .on(|context, request: CallRequest<CreateOrganizationKey>| {
            create(context, request, KeyKind::Organization)
        })
}

/// The validated fields of a request to create a key.
struct NewKeyFields {
    kind: KeyKind,
    name: String,
    note: Option<String>,
    replaces: Option<Id>,
}

enum CreateOutcome {
    WithSecret(Key, Secret),
    /// An earlier request created the key, and its secret cannot be reissued because it was used or confirmed, or is too old.
    AlreadyCreated(Key),
}

async fn create<C>(
    context: Arc<ServerContext>,
    mut request: CallRequest<C>,
    kind: KeyKind,
) -> Result<CallResponse<C>, ApiError>
where
    C: Call<Body = CreateKey, Reply = CreatedKey>,
{
    let credential = SessionCredential::from_headers(&request.headers)?;
    let actor = credential.authenticate(&context.sessions).await?.actor;
    actor.allow(Permission::CreateKey(kind))?;
    let idempotency_key = request.idempotency_key()?.to_owned();
    let body = request.body()?;
    let new_key = NewKeyFields {
        kind,
        name: validate_name(&body.name)?,
        note: body.note.as_deref().map_or(Ok(None), |note| validate_note("note", note))?,
        replaces: body.replaces,
    };
    let idempotent = IdempotentRequest {
        member: actor.member.id,
        operation: C::OPERATION,
        key: idempotency_key,
        fields: digest_of_fields(&(&new_key.name, &new_key.note, new_key.replaces))?,
    };
    let in_flight = context.in_flight.begin(&idempotent)?;
    let (server, client, now) = (context.clone(), request.client, context.clock.now());
    let outcome = context.store.write(move |tx| {
        Box::pin(async move {
            // In flight until the commit, not only until the end of this block.
            tx.on_end(move |_| drop(in_flight));
            let actor = credential.authenticate_in(&server.sessions, tx).await?.actor;
            let grant = actor.allow(Permission::CreateKey(kind))?;
            let id = Id::new(now, random_bytes());
            let creation = Creation { server: &server, actor: &actor, grant: &grant, client: &client, now };
            match tx.claim_idempotency_key(&idempotent, id, now).await? {
                Some(EarlierRequest { same: false, .. }) => Err(ApiError::IdempotencyKeyReused),
                Some(EarlierRequest { subject, .. }) => creation.retry(tx, kind, subject).await,
                None => creation.create(tx, id, new_key).await,
            }
        })
    });
    let (mut key, secret, status) = match outcome.await? {
        CreateOutcome::WithSecret(key, secret) => (key, Some(SecretString::new(secret.expose())), C::STATUS),
        CreateOutcome::AlreadyCreated(key) => (key, None, 200),
    };
    context.verification.complete_uses(std::slice::from_mut(&mut key));
    let (id, version) = (key.id, key.version);
    Ok(CallResponse::new(CreatedKey { key, secret })
        .with_status(status)
        .with_version(version)
        .with_location(id))
}

/// The actor, client and time of a key creation, for use inside its transaction.
struct Creation<'a> {
    server: &'a Arc<ServerContext>,
    actor: &'a Actor,
    grant: &'a Grant,
    client: &'a ClientInfo,
    now: Timestamp,
}

impl Creation<'_> {
    fn event(&self, action: Action) -> NewActivity {
        NewActivity::new(action, self.now, random_bytes()).by(self.grant.member().id, self.client)
    }

    async fn create(self, tx: &mut Tx, id: Id, fields: NewKeyFields) -> Result<CreateOutcome, ApiError> {
        let NewKeyFields { kind, name, note, replaces } = fields;
        if let Some(old) = replaces {
            check_replaceable(tx, old, kind, self.actor).await?;
        }
        let secret = Secret::generate(random_bytes);
        let digest = secret.digest();
        let new = NewKey {
            id,
            kind,
            name: name.clone(),
            note,
            digest,
            mask: secret.mask(),
            created_by: self.grant.member().id,
            at: self.now,
            replaces,
        };
        tx.insert_key(&new).await.map_err(|error| match error {
            // Another process created a successor first.
            store::StoreError::Taken(_) if replaces.is_some() => {
                ApiError::ReplacesConflict(OLD_KEY_HAS_SUCCESSOR)
            }
            other => other.into(),
        })?;
        let detail = match replaces {
            Some(old) => format!("{kind} key, created to replace {old}"),
            None => format!("{kind} key"),
        };
        tx.record_activity(self.event(Action::KeyCreated).key(id, &name).detail(detail)).await?;
        let key = tx.key(id, scope_for(kind, self.actor)).await?.ok_or(ApiError::Internal)?.key;
        let server = self.server.clone();
        tx.on_end(move |outcome| {
            if outcome != TransactionOutcome::RolledBack {
                server.verification.key_created(digest, id, kind, &name);
            }
        });
        Ok(CreateOutcome::WithSecret(key, secret))
    }

    /// Handles a retry, because the first response may have been lost: reissues the key's secret if it was neither used nor
    /// confirmed, and is not too old.
    async fn retry(self, tx: &mut Tx, kind: KeyKind, id: Id) -> Result<CreateOutcome, ApiError> {
        let scope = scope_for(kind, self.actor);
        let earlier = tx.key(id, scope).await?.ok_or(ApiError::Internal)?;
        let secret = Secret::generate(random_bytes);
        let digest = secret.digest();
        let created_after = self.now.minus(REISSUE_WINDOW);
        if !tx.reissue_key(&earlier, digest, secret.mask(), created_after, self.now).await? {
            return Ok(CreateOutcome::AlreadyCreated(earlier.key));
        }
        let event = self.event(Action::KeyReissued).key(id, &earlier.key.name);
        tx.record_activity(event.detail("the earlier secret no longer works")).await?;
        let key = tx.key(id, scope).await?.ok_or(ApiError::Internal)?.key;
        let (server, name, earlier) = (self.server.clone(), key.name.clone(), earlier.digest);
        tx.on_end(move |outcome| match outcome {
            TransactionOutcome::Committed => {
                server.verification.secret_reissued(&earlier, digest, id, kind, &name);
            }
            // The cache then knows both secrets, and the database decides which one is valid.
            TransactionOutcome::Unknown => server.verification.key_created(digest, id, kind, &name),
            TransactionOutcome::RolledBack => {}
        });
        Ok(CreateOutcome::WithSecret(key, secret))
    }
}

const OLD_KEY_NOT_FOUND: &str =
    "The key to replace does not exist, or has another kind or owner. Choose another key.";
const OLD_KEY_REVOKED: &str = "The key to replace is already revoked. Create the new key without `replaces`.";
const OLD_KEY_HAS_SUCCESSOR: &str =
    "The key is already being replaced. Finish or cancel that rotation, or replace its new key instead.";

/// Checks that the old key is active, has the same kind and owner, and is not already being replaced.
async fn check_replaceable(tx: &mut Tx, old: Id, kind: KeyKind, actor: &Actor) -> Result<(), ApiError> {
    let old = tx.key(old, scope_for(kind, actor)).await?;
    let old = old.ok_or(ApiError::ReplacesConflict(OLD_KEY_NOT_FOUND))?.key;
    if old.revoked_at.is_some() {
        return Err(ApiError::ReplacesConflict(OLD_KEY_REVOKED));
    }
    if old.replaced_by.is_some() {
        return Err(ApiError::ReplacesConflict(OLD_KEY_HAS_SUCCESSOR));
    }
    Ok(())
}
