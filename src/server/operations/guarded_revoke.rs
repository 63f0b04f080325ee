//! Revokes a key unless it was used since the actor last viewed it.
//!
//! # A revoke on the server
//! 1. The handler checks the permission, parses [`RevokeOptions`] from the body, and `If-Match`.
//! 2. [`KeyVerification::lock_revocations`](crate::server::verification::KeyVerification::lock_revocations) takes the revocation lock:
//!    while it is held, no use is being written.
//! 3. `Store::write` begins the transaction. It reads the actor's role and the key again, and locks both.
//! 4. [`RevocationGuard::suspend`] suspends the key: its requests wait, and its buffered uses are written in this transaction.
//! 5. The `UPDATE` revokes the key only if its last use is before `unless_used_since`. No request with the key can be accepted after this, so the
//!    decision is exact.
//! 6. The outcome is recorded in the activity log, even if the key was used and stays active.
//! 7. When the transaction ends, the guard resumes the key in its new state, wakes the waiting requests, and releases the lock. Then the
//!    response is sent.

use crate::clock::random_bytes;
use crate::domain::activity::Action;
use crate::domain::id::Id;
use crate::domain::key::{ClientInfo, Key};
use crate::domain::text;
use crate::domain::time::{TimeDelta, Timestamp, format_ago};
use crate::server::auth::RefusedParty;
use crate::server::context::ServerContext;
use crate::server::error::ApiError;
use crate::server::operations::key_fields::validate_note;
use crate::server::verification::revocation_lock::RevocationGuard;
use crate::store::{Dialect, KeyScope, NewActivity, RevokeGuard, Tx};
use crate::wire::keys::RevokeKey;

/// Maximum age of a use that another process may not have written yet (PostgreSQL only).
const BUFFERED_ELSEWHERE_MAX: TimeDelta = TimeDelta::seconds(30);

/// The validated options of a revoke: either a time since which the key must be unused, or a reason for revoking it regardless of
/// its usage.
#[derive(Clone, Debug)]
pub(in crate::server) struct RevokeOptions {
    /// Refuses the revoke if the key was used at or after this time; `None` revokes the key regardless of its usage.
    pub unless_used_since: Option<Timestamp>,
    /// The reason for the revoke. Required if `unless_used_since` is `None`.
    pub reason: Option<String>,
}

impl TryFrom<RevokeKey> for RevokeOptions {
    type Error = ApiError;

    fn try_from(body: RevokeKey) -> Result<Self, ApiError> {
        let reason = body.reason.as_deref().map_or(Ok(None), |reason| validate_note("reason", reason))?;
        // `even_if_used: false` is the same as no `even_if_used`.
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

/// The member who revokes a key, their client, and the operation that was requested.
#[derive(Clone, Copy)]
pub(in crate::server) struct RevokeActor<'a> {
    pub member: Id,
    pub client: &'a ClientInfo,
    pub operation: &'static str,
}

/// The outcome of a guarded revoke. Both outcomes are committed, because a refusal also adds an entry to the activity log.
pub(in crate::server) enum RevokeOutcome {
    Revoked(Key),
    /// The key was used since `unless_used_since` and stays active. Contains the key, and the time of the decision.
    UsedSince(Key, Timestamp),
}

impl RevokeOutcome {
    /// Returns the revoked key.
    ///
    /// # Errors
    /// Returns [`ApiError::UsedSince`] if the revoke was refused, with the current state of the key and its last use.
    pub(in crate::server) fn into_key(self) -> Result<Key, ApiError> {
        match self {
            Self::Revoked(key) => Ok(key),
            Self::UsedSince(key, now) => {
                let last_use = format!(
                    "The key was {}, so it was not revoked. View it again before you decide.",
                    describe_last_use(&key, now)
                );
                Err(ApiError::UsedSince(Box::new(key), last_use))
            }
        }
    }
}

/// Performs steps 4 to 6: revokes the key unless the options and its usage forbid it, and records the outcome.
pub(in crate::server) async fn revoke_guarded(
    context: &ServerContext,
    tx: &mut Tx,
    guard: &RevocationGuard,
    before: &Key,
    options: &RevokeOptions,
    actor: RevokeActor<'_>,
) -> Result<RevokeOutcome, ApiError> {
    guard.suspend(tx, &[(before.id, before.kind)]).await?;
    // Read after the suspension: no use with a later time can be accepted now.
    let now = tx.change_time(context.clock.now()).await?;
    let margin = if tx.dialect() == Dialect::Postgres { BUFFERED_ELSEWHERE_MAX } else { TimeDelta::zero() };
    let condition = RevokeGuard {
        unless_used_since: options.unless_used_since.map(|since| since.minus(margin)),
        version: None,
    };
    let is_revoked =
        tx.revoke_key(before.id, condition, actor.member, options.reason.as_deref(), now).await?;
    let key = tx.key(before.id, KeyScope::Any).await?.ok_or(ApiError::NotFound)?.key;
    let event = |action| {
        NewActivity::new(action, now, random_bytes()).by(actor.member, actor.client).key(key.id, &key.name)
    };
    if is_revoked {
        tx.record_activity(event(Action::KeyRevoked).detail(describe_revoke(&key, options, now))).await?;
        return Ok(RevokeOutcome::Revoked(key));
    }
    guard.keep_keys();
    if context.refusals.should_record(RefusedParty::Member(actor.member), actor.operation, now) {
        tx.record_activity(event(Action::KeyRevokeRefused).detail(describe_last_use(&key, now))).await?;
    }
    Ok(RevokeOutcome::UsedSince(key, now))
}

/// Describes a revoke for the activity log: the condition, the reason, and the other key of a rotation.
fn describe_revoke(key: &Key, options: &RevokeOptions, now: Timestamp) -> String {
    let mut detail = match options.unless_used_since {
        Some(since) => format!("not used since {since}"),
        None if key.last_used_at.is_some() => {
            format!("despite its usage: {}", describe_last_use(key, now))
        }
        None => "never used".to_owned(),
    };
    if let Some(reason) = &options.reason {
        detail = format!("{detail}; reason: {reason}");
    }
    if let Some(old) = key.replaces {
        detail = format!("{detail}; had been created to replace {old}");
    }
    if let Some(new) = key.replaced_by {
        detail = format!("{detail}; replaced by {new}");
    }
    detail
}

/// Describes when and by which client a key was last used: `used 4 s ago by enlyze-powerbi/1.0.0 from 10.0.3.7`.
fn describe_last_use(key: &Key, now: Timestamp) -> String {
    let when = key.last_used_at.map_or_else(|| "at an unknown time".to_owned(), |at| format_ago(at, now));
    match &key.last_used_by {
        Some(client) => format!("used {when} by {}", text::sanitize_line(&client.to_string())),
        None => format!("used {when}"),
    }
}
