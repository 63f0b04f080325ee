//! Whose key is this? Found by its secret, which is never a use; and a leaked one is revoked by whoever presents it.

use std::sync::Arc;

use crate::domain::key::{Key, KeyKind};
use crate::domain::member::{Actor, Permission};
use crate::domain::secret::{Digest, check_secret, digest_of_secret};
use crate::server::Server;
use crate::server::auth::SessionCredential;
use crate::server::error::ApiError;
use crate::server::handlers::keys::RevokeActor;
use crate::server::handlers::keys::RevokeOptions;
use crate::server::handlers::keys::RevokeOutcome;
use crate::server::handlers::keys::checked_text;
use crate::server::handlers::keys::revoke_guarded;
use crate::server::http::request::CallRequest;
use crate::server::router::CallResponse;
use crate::server::router::RouteBuilder;
use crate::wire::Call as _;
use crate::wire::keys::{FoundKey, LookUpKeyCall, RevokeLeakedKeyCall, SecretString};

/// The calls of this room.
#[must_use]
pub fn routes(routes: RouteBuilder) -> RouteBuilder {
    routes.on(look_up).on(revoke_leaked)
}

async fn look_up(
    server: Arc<Server>,
    mut request: CallRequest<LookUpKeyCall>,
) -> Result<CallResponse<LookUpKeyCall>, ApiError> {
    let actor = SessionCredential::from_headers(&request.headers)?.signed_in(&server).await?.actor;
    let digest = digest(&request.body()?.secret)?;
    server.recorder.write_before_reading().await;
    let found = server.store.reader().await?.key_by_digest(&digest).await?;
    let mut key = found.ok_or(ApiError::NotFound)?.key;
    if actor.allow(Permission::LookUpAnyKey).is_err() && !is_own(&key, &actor) {
        return Err(ApiError::NotFound);
    }
    server.recorder.complete(std::slice::from_mut(&mut key));
    Ok(CallResponse::new(found_key(key, &actor)))
}

fn digest(secret: &SecretString) -> Result<Digest, ApiError> {
    let secret = secret.expose().trim();
    check_secret(secret).map_err(|wrong| ApiError::field("secret", format!("is not a key: {wrong}")))?;
    Ok(digest_of_secret(secret))
}

fn is_own(key: &Key, actor: &Actor) -> bool {
    key.kind == KeyKind::Personal && key.created_by.id == actor.member.id
}

/// What the actor may see of a key that was found. Of another's personal key: whose it is and whether it lives.
fn found_key(key: Key, actor: &Actor) -> FoundKey {
    let all = match key.kind {
        KeyKind::Organization => actor.allow(Permission::ListKeys(KeyKind::Organization)).is_ok(),
        KeyKind::Personal => is_own(&key, actor),
    };
    FoundKey {
        id: key.id,
        kind: key.kind,
        masked: key.masked.clone(),
        created_by: (*key.created_by).clone(),
        revoked_at: key.revoked_at,
        key: all.then_some(key),
    }
}

async fn revoke_leaked(
    server: Arc<Server>,
    mut request: CallRequest<RevokeLeakedKeyCall>,
) -> Result<CallResponse<RevokeLeakedKeyCall>, ApiError> {
    let caller = SessionCredential::from_headers(&request.headers)?;
    caller.signed_in(&server).await?.actor.allow(Permission::LookUpAnyKey)?;
    let body = request.body()?;
    let digest = digest(&body.secret)?;
    let reason = checked_text("reason", &body.reason)?
        .ok_or_else(|| ApiError::field("reason", "must not be empty"))?;
    let (state, client) = (server.clone(), request.client);
    let turn = server.recorder.turn().await;
    let revoked = server.store.write(move |tx| {
        Box::pin(async move {
            let actor = caller.within(&state, tx).await?.actor;
            let grant = actor.allow(Permission::LookUpAnyKey)?;
            let key = tx.key_by_digest(&digest).await?.ok_or(ApiError::NotFound)?.key;
            if key.revoked_at.is_some() {
                return Ok((key, actor));
            }
            let options =
                RevokeOptions { unless_used_since: None, reason: Some(format!("leaked: {reason}")) };
            let by = RevokeActor {
                member: grant.member().id,
                client: &client,
                operation: RevokeLeakedKeyCall::OPERATION,
            };
            match revoke_guarded(&state, tx, &turn, &key, &options, by).await? {
                RevokeOutcome::Revoked(key) => Ok((key, actor)),
                // Without a guard only another revoke can come first, and the row is held.
                RevokeOutcome::UsedSince(..) => Err(ApiError::Internal),
            }
        })
    });
    let (mut key, actor) = revoked.await?;
    server.recorder.complete(std::slice::from_mut(&mut key));
    Ok(CallResponse::new(found_key(key, &actor)))
}
