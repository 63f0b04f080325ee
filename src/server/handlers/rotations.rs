//! Rotations: each is the link from a new key to an old one, and its phase follows from the use of both.

use std::collections::HashMap;
use std::sync::Arc;

use crate::domain::id::Id;
use crate::domain::key::Key;
use crate::domain::member::Permission;
use crate::domain::policy::Policy;
use crate::domain::rotation::{self, Phase, QuietWindow};
use crate::domain::time::{DAY, SECOND, Timestamp};
use crate::domain::usage::{Bucket, BucketWidth};
use crate::server::Server;
use crate::server::auth::SessionCredential;
use crate::server::error::ApiError;
use crate::server::handlers::keys::scope_of;
use crate::server::http::paging::PageRequest;
use crate::server::http::request::CallRequest;
use crate::server::router::CallResponse;
use crate::server::router::RouteBuilder;
use crate::wire::keys::{ListRotations, Rotation, RotationUsage};

/// How far back use is looked at, in milliseconds.
const LOOKED_BACK: i64 = 90 * DAY;

/// The call of this room.
#[must_use]
pub fn routes(routes: RouteBuilder) -> RouteBuilder {
    routes.on(list)
}

async fn list(
    server: Arc<Server>,
    request: CallRequest<ListRotations>,
) -> Result<CallResponse<ListRotations>, ApiError> {
    let actor = SessionCredential::from_headers(&request.headers)?.signed_in(&server).await?.actor;
    let query = request.query()?;
    actor.allow(Permission::ListKeys(query.owner))?;
    let scope = scope_of(query.owner, &actor);
    let paging = PageRequest::read(format!("rotations {scope:?}"), query.limit, query.cursor.as_deref())?;
    let mut reader = server.store.reader().await?;
    let now = reader.change_time(server.clock.now()).await?;
    server.recorder.write_before_reading().await;
    let pairs = reader.rotations(scope, paging.after(), paging.fetch()).await?;
    let with_usage = query.usage == Some(true);
    let of_both = |(old, new): &(Key, Key)| [Some(old.id), with_usage.then_some(new.id)];
    let mut ids: Vec<Id> = pairs.iter().flat_map(of_both).flatten().collect();
    ids.sort_unstable();
    ids.dedup();
    let hours = reader.usage_buckets(&ids, BucketWidth::Hour, now.minus(LOOKED_BACK), now.plus(1)).await?;
    let tracking_since = reader.tracking_since().await?;
    drop(reader);
    let policy = server.settings.policy;
    let show = |(mut old, mut new): (Key, Key)| {
        server.recorder.complete(std::slice::from_mut(&mut old));
        server.recorder.complete(std::slice::from_mut(&mut new));
        let usage = with_usage.then(|| RotationUsage {
            tracking_since,
            old: of(&hours, old.id).to_vec(),
            new: of(&hours, new.id).to_vec(),
        });
        rotation(old, new, &hours, usage, &policy, now)
    };
    Ok(CallResponse::new(paging.page(pairs, |(_, new)| new.id, now, show)))
}

fn of(hours: &HashMap<Id, Vec<Bucket>>, key: Id) -> &[Bucket] {
    hours.get(&key).map_or(&[], Vec::as_slice)
}

fn rotation(
    old: Key,
    new: Key,
    hours: &HashMap<Id, Vec<Bucket>>,
    usage: Option<RotationUsage>,
    policy: &Policy,
    now: Timestamp,
) -> Rotation {
    let used = of(hours, old.id).iter().filter(|bucket| bucket.count > 0);
    let window =
        QuietWindow::from_use_hours(&used.map(|bucket| bucket.start).collect::<Vec<_>>(), now, policy);
    let phase = rotation::phase(&old, &new, window, now);
    let under_way = !matches!(phase, Phase::Done | Phase::Abandoned);
    Rotation {
        phase,
        quiet_window_s: window.ms / SECOND,
        raised_by_gap_s: window.raised_by_gap.map(|gap| gap / SECOND),
        quiet_since: under_way.then(|| rotation::quiet_since(&old)),
        ready_at: under_way.then(|| rotation::ready_at(&old, window)),
        evidence: rotation::evidence(phase, &old, &new, window, now),
        old,
        new,
        usage,
    }
}
