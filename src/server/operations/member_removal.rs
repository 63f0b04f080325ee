//! What happens to a member's keys when the member is removed: personal keys die, organization keys survive for review.

use crate::clock::random_bytes;
use crate::domain::activity::Action;
use crate::domain::id::Id;
use crate::domain::key::{ClientInfo, KeyKind};
use crate::domain::member::{Grant, MemberStatus};
use crate::domain::time::Timestamp;
use crate::server::Server;
use crate::server::auth;
use crate::server::error::ApiError;
use crate::server::handlers::members::not_removed;
use crate::server::handlers::members::refuse_last_admin;
use crate::server::handlers::members::shown;
use crate::server::verification::revocation_lock::RevocationGuard;
use crate::store::{MemberKeyRow, NewActivity, StoredMember, Tx};
use crate::wire::members::{KeySummary, MemberRemoval};

/// Who does it, from where, and when.
pub(in crate::server) struct RemovalContext<'a> {
    pub grant: &'a Grant,
    pub client: &'a ClientInfo,
    pub at: Timestamp,
    /// To decide about keys.
    pub turn: &'a RevocationGuard,
}

impl RemovalContext<'_> {
    pub(in crate::server) fn event(&self, action: Action) -> NewActivity {
        NewActivity::new(action, self.at, random_bytes()).by(self.grant.member().id, self.client)
    }
}

/// What removing a member does. A dry run and the deed are this same list.
pub(in crate::server) struct RemovalPlan {
    pub dry_run: bool,
    member: StoredMember,
    revoked: Vec<MemberKeyRow>,
    to_review: Vec<MemberKeyRow>,
    sessions_ended: i64,
}

impl From<RemovalPlan> for MemberRemoval {
    fn from(plan: RemovalPlan) -> Self {
        Self {
            member: shown(plan.member),
            dry_run: plan.dry_run,
            revoked: plan.revoked.into_iter().map(summary).collect(),
            to_review: plan.to_review.into_iter().map(summary).collect(),
            sessions_ended: plan.sessions_ended,
        }
    }
}

fn summary(key: MemberKeyRow) -> KeySummary {
    KeySummary {
        id: key.id,
        kind: key.kind,
        name: key.name,
        masked: key.mask.to_string(),
        last_used_at: key.last_used_at,
    }
}

/// What removing the member would do now. The member is shown as they will be.
pub(in crate::server) async fn plan(
    server: &Server,
    tx: &mut Tx,
    id: Id,
    at: Timestamp,
) -> Result<RemovalPlan, ApiError> {
    let mut member = not_removed(crate::server::handlers::members::found(tx, id).await?)?;
    refuse_last_admin(tx, &member).await?;
    let plan = RemovalPlan {
        dry_run: false,
        revoked: tx.active_keys_of(id, KeyKind::Personal).await?,
        to_review: tx.active_keys_of(id, KeyKind::Organization).await?,
        sessions_ended: tx.count_open_sessions_of(id, auth::alive(server, at)).await?,
        member: {
            member.member.status = MemberStatus::Removed;
            member.member.removed_at = Some(at);
            member.personal_keys = 0;
            member
        },
    };
    Ok(plan)
}

/// Removes the member as planned, in the same transaction.
pub(in crate::server) async fn remove(
    server: &Server,
    tx: &mut Tx,
    id: Id,
    by: &RemovalContext<'_>,
) -> Result<RemovalPlan, ApiError> {
    // Waits for creations under way and lets none begin: what is planned now is all that there will be.
    tx.lock_member(id).await?;
    let keys = tx.active_keys_of(id, KeyKind::Personal).await?;
    suspend(tx, &keys, by).await?;
    let plan = plan(server, tx, id, by.at).await?;
    tx.remove_member(id, by.at).await?;
    tx.end_sessions_of(id, by.at).await?;
    tx.end_codes_of(id, by.at).await?;
    revoke(tx, &plan.revoked, by, "revoked with its owner, who was removed").await?;
    let detail = format!(
        "{}; personal keys revoked: {}, organization keys to review: {}",
        plan.member.member.email,
        plan.revoked.len(),
        plan.to_review.len()
    );
    tx.record_activity(by.event(Action::MemberRemoved).member(id).detail(detail)).await?;
    Ok(plan)
}

/// Revokes all personal keys of a member who stays.
pub(in crate::server) async fn revoke_personal_keys(
    tx: &mut Tx,
    member: Id,
    by: &RemovalContext<'_>,
    reason: &str,
) -> Result<Vec<KeySummary>, ApiError> {
    tx.lock_member(member).await?;
    let keys = tx.active_keys_of(member, KeyKind::Personal).await?;
    suspend(tx, &keys, by).await?;
    revoke(tx, &keys, by, reason).await?;
    Ok(keys.into_iter().map(summary).collect())
}

/// Lets requests with these keys wait for the end, and takes in the uses that were answered so far.
async fn suspend(tx: &mut Tx, keys: &[MemberKeyRow], by: &RemovalContext<'_>) -> Result<(), ApiError> {
    let keys: Vec<_> = keys.iter().map(|key| (key.id, key.kind)).collect();
    Ok(by.turn.suspend(tx, &keys).await?)
}

async fn revoke(
    tx: &mut Tx,
    keys: &[MemberKeyRow],
    by: &RemovalContext<'_>,
    reason: &str,
) -> Result<(), ApiError> {
    for key in keys {
        if tx.revoke_with_owner(key, by.grant.member().id, by.at, reason).await? {
            tx.record_activity(by.event(Action::KeyRevoked).key(key.id, &key.name).detail(reason)).await?;
        }
    }
    Ok(())
}
