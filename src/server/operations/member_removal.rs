//! Removes a member: personal keys are revoked, organization keys stay active for review.

use crate::clock::random_bytes;
use crate::domain::activity::Action;
use crate::domain::id::Id;
use crate::domain::key::{ClientInfo, KeyKind};
use crate::domain::member::{MemberStatus, Role};
use crate::domain::permission::Grant;
use crate::domain::time::Timestamp;
use crate::server::context::ServerContext;
use crate::server::error::ApiError;
use crate::server::verification::revocation_lock::RevocationGuard;
use crate::store::{MemberKeyRow, NewActivity, StoredMember, Tx};
use crate::wire::members::{KeySummary, Member, MemberRemoval};

/// The admin's permission, client, time and revocation guard for a change to a member's keys.
pub(in crate::server) struct RemovalContext<'a> {
    pub grant: &'a Grant,
    pub client: &'a ClientInfo,
    pub at: Timestamp,
    pub guard: &'a RevocationGuard,
}

impl RemovalContext<'_> {
    /// Creates an activity log entry with the admin as its actor.
    pub(in crate::server) fn event(&self, action: Action) -> NewActivity {
        NewActivity::new(action, self.at, random_bytes()).by(self.grant.member().id, self.client)
    }
}

/// What removing a member changes. A dry run and an actual removal return the same plan.
pub(in crate::server) struct RemovalPlan {
    member: StoredMember,
    revoked: Vec<MemberKeyRow>,
    to_review: Vec<MemberKeyRow>,
    sessions_ended: i64,
}

impl RemovalPlan {
    pub(in crate::server) fn into_reply(self, dry_run: bool) -> MemberRemoval {
        MemberRemoval {
            member: to_wire(self.member),
            dry_run,
            revoked: self.revoked.into_iter().map(to_summary).collect(),
            to_review: self.to_review.into_iter().map(to_summary).collect(),
            sessions_ended: self.sessions_ended,
        }
    }
}

fn to_summary(key: MemberKeyRow) -> KeySummary {
    KeySummary {
        id: key.id,
        kind: key.kind,
        name: key.name,
        masked: key.mask.to_string(),
        last_used_at: key.last_used_at,
    }
}

/// Converts a stored member to the type that the API returns.
pub(in crate::server) fn to_wire(row: StoredMember) -> Member {
    Member {
        id: row.member.id,
        name: row.member.name,
        email: row.member.email,
        role: row.role,
        status: row.member.status,
        created_at: row.created_at,
        removed_at: row.member.removed_at,
        last_seen_at: row.last_seen_at,
        personal_keys: row.personal_keys,
        organization_keys: row.organization_keys,
    }
}

pub(in crate::server) async fn find_member(tx: &mut Tx, id: Id) -> Result<StoredMember, ApiError> {
    tx.member(id).await?.ok_or(ApiError::NotFound)
}

/// Finds a member who has not been removed.
pub(in crate::server) async fn find_current_member(tx: &mut Tx, id: Id) -> Result<StoredMember, ApiError> {
    let row = find_member(tx, id).await?;
    if row.member.status == MemberStatus::Removed { Err(ApiError::MemberRemoved) } else { Ok(row) }
}

/// Fails if the member is the last active admin, who can be neither removed nor demoted. The caller must have locked the
/// organization.
pub(in crate::server) async fn require_other_admin(
    tx: &mut Tx,
    member: &StoredMember,
) -> Result<(), ApiError> {
    let is_admin = member.role == Role::Admin && member.is_active();
    if is_admin && !tx.has_other_admin(member.member.id).await? { Err(ApiError::LastAdmin) } else { Ok(()) }
}

/// Returns what removing the member now would change, including the member as they would be afterwards.
pub(in crate::server) async fn plan_removal(
    context: &ServerContext,
    tx: &mut Tx,
    id: Id,
    at: Timestamp,
) -> Result<RemovalPlan, ApiError> {
    let mut member = find_current_member(tx, id).await?;
    require_other_admin(tx, &member).await?;
    let revoked = tx.active_keys_of(id, KeyKind::Personal).await?;
    let to_review = tx.active_keys_of(id, KeyKind::Organization).await?;
    let sessions_ended = tx.count_open_sessions_of(id, context.sessions.cutoffs_for_unexpired(at)).await?;
    member.member.status = MemberStatus::Removed;
    member.member.removed_at = Some(at);
    member.personal_keys = 0;
    Ok(RemovalPlan { member, revoked, to_review, sessions_ended })
}

/// Removes the member, and returns the plan that was carried out.
pub(in crate::server) async fn remove_member(
    context: &ServerContext,
    tx: &mut Tx,
    id: Id,
    removal: &RemovalContext<'_>,
) -> Result<RemovalPlan, ApiError> {
    // Waits for key creations in progress and blocks new ones, so that the plan is complete.
    tx.lock_member(id).await?;
    let keys = tx.active_keys_of(id, KeyKind::Personal).await?;
    suspend_keys(tx, &keys, removal).await?;
    let plan = plan_removal(context, tx, id, removal.at).await?;
    tx.remove_member(id, removal.at).await?;
    tx.end_sessions_of(id, removal.at).await?;
    tx.end_codes_of(id, removal.at).await?;
    revoke_keys(tx, &plan.revoked, removal, "revoked because its owner was removed").await?;
    let detail = format!(
        "{}; personal keys revoked: {}, organization keys to review: {}",
        plan.member.member.email,
        plan.revoked.len(),
        plan.to_review.len()
    );
    tx.record_activity(removal.event(Action::MemberRemoved).member(id).detail(detail)).await?;
    Ok(plan)
}

/// Revokes all personal keys of a member whose role is changed.
pub(in crate::server) async fn revoke_personal_keys(
    tx: &mut Tx,
    member: Id,
    removal: &RemovalContext<'_>,
    reason: &str,
) -> Result<Vec<KeySummary>, ApiError> {
    tx.lock_member(member).await?;
    let keys = tx.active_keys_of(member, KeyKind::Personal).await?;
    suspend_keys(tx, &keys, removal).await?;
    revoke_keys(tx, &keys, removal, reason).await?;
    Ok(keys.into_iter().map(to_summary).collect())
}

/// Suspends the keys: requests with them wait until the transaction ends, which also writes their buffered uses.
async fn suspend_keys(
    tx: &mut Tx,
    keys: &[MemberKeyRow],
    removal: &RemovalContext<'_>,
) -> Result<(), ApiError> {
    let keys: Vec<_> = keys.iter().map(|key| (key.id, key.kind)).collect();
    Ok(removal.guard.suspend(tx, &keys).await?)
}

async fn revoke_keys(
    tx: &mut Tx,
    keys: &[MemberKeyRow],
    removal: &RemovalContext<'_>,
    reason: &str,
) -> Result<(), ApiError> {
    for key in keys {
        if tx.revoke_with_owner(key, removal.grant.member().id, removal.at, reason).await? {
            tx.record_activity(removal.event(Action::KeyRevoked).key(key.id, &key.name).detail(reason))
                .await?;
        }
    }
    Ok(())
}
