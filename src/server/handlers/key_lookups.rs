//! Looks up a key by its secret, which never counts as a use, and revokes a leaked key by its secret.

use std::sync::Arc;

use crate::domain::key::{Key, KeyKind};
use crate::domain::permission::{Actor, Permission};
use crate::domain::secret::{Digest, check_secret, digest_of_secret};
use crate::server::auth::SessionCredential;
use crate::server::context::ServerContext;
use crate::server::error::ApiError;
use crate::server::http::request::CallRequest;
use crate::server::http::response::CallResponse;
use crate::server::operations::guarded_revoke::{RevokeActor, RevokeOptions, RevokeOutcome, revoke_guarded};
use crate::server::operations::key_fields::validate_note;
use crate::server::router::RouteBuilder;
use crate::wire::Call as _;
use crate::wire::keys::{FoundKey, LookUpKeyCall, RevokeLeakedKeyCall, SecretString};

pub(in crate::server) fn routes(routes: RouteBuilder) -> RouteBuilder {
    routes.on(look_up).on(revoke_leaked)
}

async fn look_up(
    context: Arc<ServerContext>,
    mut request: CallRequest<LookUpKeyCall>,
) -> Result<CallResponse<LookUpKeyCall>, ApiError> {
    let credential = SessionCredential::from_headers(&request.headers)?;
    let actor = credential.authenticate(&context.sessions).await?.actor;
    let digest = parse_secret(&request.body()?.secret)?;
    context.verification.flush_uses().await;
    let found = context.store.reader().await?.key_by_digest(&digest).await?;
    let mut key = found.ok_or(ApiError::NotFound)?.key;
    if actor.allow(Permission::LookUpAnyKey).is_err() && !is_own(&key, &actor) {
        return Err(ApiError::NotFound);
    }
    context.verification.complete_uses(std::slice::from_mut(&mut key));
    Ok(CallResponse::new(found_key(key, &actor)))
}

fn parse_secret(secret: &SecretString) -> Result<Digest, ApiError> {
    let secret = secret.expose().trim();
    check_secret(secret).map_err(|reason| ApiError::field("secret", format!("is not a key: {reason}")))?;
    Ok(digest_of_secret(secret))
}

fn is_own(key: &Key, actor: &Actor) -> bool {
    key.kind == KeyKind::Personal && key.created_by.id == actor.member.id
}

/// Returns the fields of a found key that the actor may see. For another member's personal key, `key` is `None`.
fn found_key(key: Key, actor: &Actor) -> FoundKey {
    let may_see_all = match key.kind {
        KeyKind::Organization => actor.allow(Permission::ListKeys(KeyKind::Organization)).is_ok(),
        KeyKind::Personal => is_own(&key, actor),
    };
    FoundKey {
        id: key.id,
        kind: key.kind,
        masked: key.masked.clone(),
        created_by: (*key.created_by).clone(),
        revoked_at: key.revoked_at,
        key: may_see_all.then_some(key),
    }
}

async fn revoke_leaked(
    context: Arc<ServerContext>,
    mut request: CallRequest<RevokeLeakedKeyCall>,
) -> Result<CallResponse<RevokeLeakedKeyCall>, ApiError> {
    let credential = SessionCredential::from_headers(&request.headers)?;
    credential.authenticate(&context.sessions).await?.actor.allow(Permission::LookUpAnyKey)?;
    let body = request.body()?;
    let digest = parse_secret(&body.secret)?;
    let reason = validate_note("reason", &body.reason)?
        .ok_or_else(|| ApiError::field("reason", "must not be empty"))?;
    let (server, client) = (context.clone(), request.client);
    let guard = context.verification.lock_revocations().await;
    let revoked = context.store.write(move |tx| {
        Box::pin(async move {
            let actor = credential.authenticate_in(&server.sessions, tx).await?.actor;
            let grant = actor.allow(Permission::LookUpAnyKey)?;
            let key = tx.key_by_digest(&digest).await?.ok_or(ApiError::NotFound)?.key;
            if key.revoked_at.is_some() {
                return Ok((key, actor));
            }
            let options =
                RevokeOptions { unless_used_since: None, reason: Some(format!("leaked: {reason}")) };
            let operation = RevokeLeakedKeyCall::OPERATION;
            let revoked_by = RevokeActor { member: grant.member().id, client: &client, operation };
            match revoke_guarded(&server, tx, &guard, &key, &options, revoked_by).await? {
                RevokeOutcome::Revoked(key) => Ok((key, actor)),
                // Cannot happen: the revoke has no condition, and the row is locked.
                RevokeOutcome::UsedSince(..) => Err(ApiError::Internal),
            }
        })
    });
    let (mut key, actor) = revoked.await?;
    context.verification.complete_uses(std::slice::from_mut(&mut key));
    Ok(CallResponse::new(found_key(key, &actor)))
}
