//! Creating a key, so that a lost answer costs nothing: the same request again gives the same key, and the only secret that lives.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use sha2::{Digest as _, Sha256};

use super::super::auth::Caller;
use super::super::router::{Answer, Asked, Routes};
use super::super::{Refusal, Server};
use super::{checked_name, checked_text, scope_of};
use crate::clock::entropy;
use crate::domain::activity::Action;
use crate::domain::id::Id;
use crate::domain::key::{Client, Key, Kind};
use crate::domain::member::{Actor, Grant, Permission};
use crate::domain::secret::Secret;
use crate::domain::time::{DAY, Timestamp};
use crate::store::{self, Event, NewKey, Outcome, Remembered, Request, Tx};
use crate::wire::Call;
use crate::wire::keys::{CreateKey, CreateOrganizationKey, CreatePersonalKey, CreatedKey, ShownOnce};

/// How long after its creation a key that was neither used nor confirmed can get another secret, in milliseconds.
const REISSUED_WITHIN: i64 = DAY;

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .on(|server, asked: Asked<CreatePersonalKey>| create(server, asked, Kind::Personal))
        .on(|server, asked: Asked<CreateOrganizationKey>| create(server, asked, Kind::Organization))
}

/// Requests with an `Idempotency-Key` that run in this process.
#[derive(Debug, Default)]
pub struct RunningRequests(Mutex<HashSet<(Id, &'static str, String)>>);

/// One of them; it ends when this is dropped.
pub struct RunningRequest {
    server: Arc<Server>,
    key: (Id, &'static str, String),
}

impl RunningRequest {
    /// Begins.
    ///
    /// # Errors
    /// The same request is still running.
    pub fn begin(server: &Arc<Server>, request: &Request) -> Result<Self, Refusal> {
        let key = (request.member, request.operation, request.key.clone());
        let mut running = server.running_requests.0.lock().unwrap_or_else(PoisonError::into_inner);
        if running.insert(key.clone()) {
            Ok(Self { server: server.clone(), key })
        } else {
            Err(Refusal::IdempotencyInProgress)
        }
    }
}

impl Drop for RunningRequest {
    fn drop(&mut self) {
        self.server.running_requests.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
    }
}

/// The digest of a request's fields.
pub fn digest_of_fields(fields: &impl serde::Serialize) -> Result<[u8; 32], Refusal> {
    let text = serde_json::to_vec(fields).map_err(|_| Refusal::Internal)?;
    Ok(Sha256::digest(text).into())
}

/// What is to be created, checked.
struct Wanted {
    kind: Kind,
    name: String,
    note: Option<String>,
    replaces: Option<Id>,
}

/// What came of it.
enum Created {
    /// The key with its secret.
    WithSecret(Key, Secret),
    /// The request was answered before, and the secret is in use or stored.
    Before(Key),
}

async fn create<C>(server: Arc<Server>, mut asked: Asked<C>, kind: Kind) -> Result<Answer<C>, Refusal>
where
    C: Call<Body = CreateKey, Reply = CreatedKey>,
{
    let caller = Caller::of(&asked.headers)?;
    let actor = caller.signed_in(&server).await?.actor;
    actor.allow(Permission::CreateKey(kind))?;
    let header = asked.idempotency_key()?.to_owned();
    let body = asked.body()?;
    let wanted = Wanted {
        kind,
        name: checked_name(&body.name)?,
        note: body.note.as_deref().map_or(Ok(None), |note| checked_text("note", note))?,
        replaces: body.replaces,
    };
    let fields = digest_of_fields(&(&wanted.name, &wanted.note, wanted.replaces))?;
    let request = Request { member: actor.member.id, operation: C::OPERATION, key: header, fields };
    let running = RunningRequest::begin(&server, &request)?;
    let (state, client, now) = (server.clone(), asked.client, server.clock.now());
    let created = server.store.write(move |tx| {
        Box::pin(async move {
            // Until the commit, not only until the end of this block.
            tx.on_end(move |_| drop(running));
            let actor = caller.within(&state, tx).await?.actor;
            let grant = actor.allow(Permission::CreateKey(kind))?;
            let id = Id::new(now, entropy());
            match tx.remember(&request, id, now).await? {
                Some(Remembered { same: false, .. }) => Err(Refusal::IdempotencyKeyReused),
                Some(Remembered { subject, .. }) => {
                    repeat(&state, tx, &actor, kind, subject, &client, now).await
                }
                None => make(&state, tx, &actor, &grant, id, wanted, &client, now).await,
            }
        })
    });
    let (mut key, secret, status) = match created.await? {
        Created::WithSecret(key, secret) => (key, Some(ShownOnce::new(secret.expose())), C::STATUS),
        Created::Before(key) => (key, None, 200),
    };
    server.recorder.complete(std::slice::from_mut(&mut key));
    let version = key.version;
    let id = key.id;
    Ok(Answer::new(CreatedKey { key, secret }).status(status).version(version).created(id))
}

#[expect(clippy::too_many_arguments, reason = "one step of a transaction, with all that it was asked with")]
async fn make(
    server: &Arc<Server>,
    tx: &mut Tx,
    actor: &Actor,
    grant: &Grant,
    id: Id,
    wanted: Wanted,
    client: &Client,
    now: Timestamp,
) -> Result<Created, Refusal> {
    let Wanted { kind, name, note, replaces } = wanted;
    if let Some(old) = replaces {
        check_replaceable(tx, old, kind, actor).await?;
    }
    let secret = Secret::generate(entropy);
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
        store::Error::Taken(_) if replaces.is_some() => Refusal::ReplacesConflict(HAS_SUCCESSOR),
        other => other.into(),
    })?;
    let detail = match replaces {
        Some(old) => format!("{kind} key, to replace {old}"),
        None => format!("{kind} key"),
    };
    let event = Event::new(Action::KeyCreated, now, entropy()).by(created_by, client).key(id, &name);
    tx.record(event.detail(detail)).await?;
    let key = tx.key(id, scope_of(kind, actor)).await?.ok_or(Refusal::Internal)?.key;
    let server = server.clone();
    tx.on_end(move |outcome| {
        if outcome != Outcome::RolledBack {
            server.recorder.created(digest, id, kind, &name);
        }
    });
    Ok(Created::WithSecret(key, secret))
}

const NOT_THERE: &str =
    "The key to replace is not there, or is not a key of the same kind and owner. Choose another one.";
const REVOKED: &str = "The key to replace is revoked already. Create the new key without `replaces`.";
const HAS_SUCCESSOR: &str =
    "The key is being replaced already. Finish or cancel that rotation, or replace its new key instead.";

/// The old key must be live, of the same kind and owner, with no other live successor.
async fn check_replaceable(tx: &mut Tx, old: Id, kind: Kind, actor: &Actor) -> Result<(), Refusal> {
    let old = tx.key(old, scope_of(kind, actor)).await?.ok_or(Refusal::ReplacesConflict(NOT_THERE))?.key;
    if old.revoked_at.is_some() {
        return Err(Refusal::ReplacesConflict(REVOKED));
    }
    if old.replaced_by.is_some() {
        return Err(Refusal::ReplacesConflict(HAS_SUCCESSOR));
    }
    Ok(())
}

/// The request came before: its answer may have been lost.
async fn repeat(
    server: &Arc<Server>,
    tx: &mut Tx,
    actor: &Actor,
    kind: Kind,
    id: Id,
    client: &Client,
    now: Timestamp,
) -> Result<Created, Refusal> {
    let scope = scope_of(kind, actor);
    let earlier = tx.key(id, scope).await?.ok_or(Refusal::Internal)?;
    let secret = Secret::generate(entropy);
    let digest = secret.digest();
    if !tx.reissue_key(&earlier, digest, secret.mask(), now.minus(REISSUED_WITHIN), now).await? {
        return Ok(Created::Before(earlier.key));
    }
    let event = Event::new(Action::KeyReissued, now, entropy()).by(actor.member.id, client);
    tx.record(event.key(id, &earlier.key.name).detail("the earlier secret is dead")).await?;
    let key = tx.key(id, scope).await?.ok_or(Refusal::Internal)?.key;
    let (server, name, earlier) = (server.clone(), key.name.clone(), earlier.digest);
    tx.on_end(move |outcome| match outcome {
        Outcome::Committed => server.recorder.reissued(&earlier, digest, id, kind, &name),
        // Both secrets are known then, and the database decides which one lives.
        Outcome::Unknown => server.recorder.created(digest, id, kind, &name),
        Outcome::RolledBack => {}
    });
    Ok(Created::WithSecret(key, secret))
}
