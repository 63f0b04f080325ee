//! Rotations: each links a new key to the old one that it replaces. The phase is derived from the usage of both keys.

use std::collections::HashMap;
use std::sync::Arc;

use crate::domain::id::Id;
use crate::domain::key::Key;
use crate::domain::permission::Permission;
use crate::domain::policy::Policy;
use crate::domain::rotation::{self, Phase, QuietWindow};
use crate::domain::time::{MILLISECOND, TimeDelta, Timestamp};
use crate::domain::usage::{Bucket, BucketWidth};
use crate::server::auth::SessionCredential;
use crate::server::context::ServerContext;
use crate::server::error::ApiError;
use crate::server::http::paging::PageRequest;
use crate::server::http::request::CallRequest;
use crate::server::http::response::CallResponse;
use crate::server::operations::key_fields::scope_for;
use crate::server::router::RouteBuilder;
use crate::wire::keys::{ListRotations, Rotation, RotationUsage};

/// How far back usage is considered when a quiet window is derived from it.
const USAGE_PERIOD: TimeDelta = TimeDelta::days(90);

/// Hourly usage counts by key.
type HourlyUsage = HashMap<Id, Vec<Bucket>>;

pub(in crate::server) fn routes(routes: RouteBuilder) -> RouteBuilder {
    routes.on(list)
}

async fn list(
    context: Arc<ServerContext>,
    request: CallRequest<ListRotations>,
) -> Result<CallResponse<ListRotations>, ApiError> {
    let credential = SessionCredential::from_headers(&request.headers)?;
    let actor = credential.authenticate(&context.sessions).await?.actor;
    let query = request.query()?;
    actor.allow(Permission::ListKeys(query.owner))?;
    let scope = scope_for(query.owner, &actor);
    let paging = PageRequest::parse(format!("rotations {scope:?}"), query.limit, query.cursor.as_deref())?;
    let mut reader = context.store.reader().await?;
    let now = reader.change_time(context.clock.now()).await?;
    context.verification.flush_uses().await;
    let pairs = reader.rotations(scope, paging.after(), paging.fetch_limit()).await?;
    let with_usage = query.usage == Some(true);
    let needed_ids = |(old, new): &(Key, Key)| [Some(old.id), with_usage.then_some(new.id)];
    let mut ids: Vec<Id> = pairs.iter().flat_map(needed_ids).flatten().collect();
    ids.sort_unstable();
    ids.dedup();
    let hours =
        reader.usage_buckets(&ids, BucketWidth::Hour, now.minus(USAGE_PERIOD), now.plus(MILLISECOND)).await?;
    let tracking_since = reader.tracking_since().await?;
    drop(reader);
    let policy = context.settings.policy;
    let to_rotation = |(mut old, mut new): (Key, Key)| {
        context.verification.complete_uses(std::slice::from_mut(&mut old));
        context.verification.complete_uses(std::slice::from_mut(&mut new));
        let usage = with_usage.then(|| RotationUsage {
            tracking_since,
            old: hourly_usage_of(&hours, old.id).to_vec(),
            new: hourly_usage_of(&hours, new.id).to_vec(),
        });
        build_rotation(old, new, &hours, usage, &policy, now)
    };
    Ok(CallResponse::new(paging.page(pairs, |(_, new)| new.id, now, to_rotation)))
}

fn hourly_usage_of(hours: &HourlyUsage, key: Id) -> &[Bucket] {
    hours.get(&key).map_or(&[], Vec::as_slice)
}

fn build_rotation(
    old: Key,
    new: Key,
    hours: &HourlyUsage,
    usage: Option<RotationUsage>,
    policy: &Policy,
    now: Timestamp,
) -> Rotation {
    let used = hourly_usage_of(hours, old.id).iter().filter(|bucket| bucket.count > 0);
    let window =
        QuietWindow::from_use_hours(&used.map(|bucket| bucket.start).collect::<Vec<_>>(), now, policy);
    let phase = rotation::phase(&old, &new, window, now);
    let is_under_way = !matches!(phase, Phase::Done | Phase::Abandoned);
    Rotation {
        phase,
        quiet_window_s: window.duration.num_seconds(),
        raised_by_gap_s: window.raised_by_gap.map(|gap| gap.num_seconds()),
        quiet_since: is_under_way.then(|| rotation::quiet_since(&old)),
        ready_at: is_under_way.then(|| rotation::ready_at(&old, window)),
        evidence: rotation::evidence(phase, &old, &new, window, now),
        old,
        new,
        usage,
    }
}
