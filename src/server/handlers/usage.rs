//! The use of keys over time: of one key in full, of the rows on a screen in short.

use std::sync::Arc;

use crate::domain::id::Id;
use crate::domain::key::KeyKind;
use crate::domain::member::Permission;
use crate::domain::time::{DAY, Timestamp};
use crate::domain::usage::{Bucket, BucketWidth, DailyUse, Usage};
use crate::server::Server;
use crate::server::auth::SessionCredential;
use crate::server::error::ApiError;
use crate::server::handlers::keys::scope_of;
use crate::server::http::request::CallRequest;
use crate::server::router::CallResponse;
use crate::server::router::RouteBuilder;
use crate::wire::Call;
use crate::wire::keys::{
    DAILY_USE_MAX, DailyUseQuery, GetOrganizationKeyUsage, GetPersonalKeyUsage, ListOrganizationKeyUsage,
    ListPersonalKeyUsage, UsageQuery,
};
use crate::wire::page::{Page, PageMetadata};

const DAYS_DEFAULT: u32 = 30;

/// The calls of this room.
#[must_use]
pub fn routes(routes: RouteBuilder) -> RouteBuilder {
    use KeyKind::{Organization, Personal};
    routes
        .on(|server, request: CallRequest<GetPersonalKeyUsage>| usage(server, request, Personal))
        .on(|server, request: CallRequest<GetOrganizationKeyUsage>| usage(server, request, Organization))
        .on(|server, request: CallRequest<ListPersonalKeyUsage>| daily(server, request, Personal))
        .on(|server, request: CallRequest<ListOrganizationKeyUsage>| daily(server, request, Organization))
}

async fn usage<C>(
    server: Arc<Server>,
    request: CallRequest<C>,
    kind: KeyKind,
) -> Result<CallResponse<C>, ApiError>
where
    C: Call<Query = UsageQuery, Reply = Usage>,
{
    let actor = SessionCredential::from_headers(&request.headers)?.signed_in(&server).await?.actor;
    actor.allow(Permission::ListKeys(kind))?;
    let id = request.id()?;
    let UsageQuery { from, to, bucket } = request.query()?;
    if from.zip(to).is_some_and(|(from, to)| from > to) {
        return Err(ApiError::field("from", "must not be later than `to`"));
    }
    server.recorder.write_before_reading().await;
    let mut reader = server.store.reader().await?;
    let key = reader.key(id, scope_of(kind, &actor)).await?.ok_or(ApiError::NotFound)?.key;
    let now = reader.change_time(server.clock.now()).await?;
    let width = bucket.duration();
    // The bucket that `to` falls into is part of it, so that "until now" shows the present hour.
    let to = to.unwrap_or(now).min(now.plus(DAY));
    let span = if bucket == BucketWidth::Hour { DAY } else { 30 * DAY };
    let from = from.unwrap_or_else(|| to.minus(span)).max(now.minus(bucket.retention()));
    let buckets = reader.usage_buckets(&[id], bucket, from.floor(width), to.plus(1)).await?;
    let tracking_since = reader.tracking_since().await?.max(key.created_at);
    let clients = reader.clients_of(id).await?;
    let buckets = buckets.into_values().next().unwrap_or_default();
    Ok(CallResponse::new(Usage { tracking_since, buckets, clients }))
}

async fn daily<C>(
    server: Arc<Server>,
    request: CallRequest<C>,
    kind: KeyKind,
) -> Result<CallResponse<C>, ApiError>
where
    C: Call<Query = DailyUseQuery, Reply = Page<DailyUse>>,
{
    let actor = SessionCredential::from_headers(&request.headers)?.signed_in(&server).await?.actor;
    actor.allow(Permission::ListKeys(kind))?;
    let query = request.query()?;
    let ids = ids(&query.ids)?;
    let days = query.days.unwrap_or(DAYS_DEFAULT);
    server.recorder.write_before_reading().await;
    let mut reader = server.store.reader().await?;
    let as_of = reader.change_time(server.clock.now()).await?;
    let today = as_of.floor(DAY);
    let first = today.minus(i64::from(days - 1) * DAY);
    let known =
        if ids.is_empty() { vec![] } else { reader.keys_in_scope(&ids, scope_of(kind, &actor)).await? };
    let known_ids: Vec<Id> = known.iter().map(|(id, _)| *id).collect();
    let mut buckets = reader.usage_buckets(&known_ids, BucketWidth::Day, first, today.plus(DAY)).await?;
    let tracking_since = reader.tracking_since().await?;
    let row = |(id, created_at): (Id, Timestamp)| DailyUse {
        id,
        counts: counts(&buckets.remove(&id).unwrap_or_default(), first, days, created_at.max(tracking_since)),
    };
    let data = known.into_iter().map(row).collect();
    Ok(CallResponse::new(Page {
        metadata: PageMetadata { as_of: Some(as_of), ..PageMetadata::default() },
        data,
    }))
}

fn ids(text: &str) -> Result<Vec<Id>, ApiError> {
    let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
    let ids: Result<Vec<Id>, _> = parts.map(str::parse).collect();
    let ids = ids.map_err(|_| ApiError::field("ids", "must be ids of keys, separated by commas"))?;
    if ids.len() > DAILY_USE_MAX {
        return Err(ApiError::field("ids", format!("must be at most {DAILY_USE_MAX}")));
    }
    Ok(ids)
}

/// One number a day from `first` on; nothing for days that ended before anything could be seen.
fn counts(buckets: &[Bucket], first: Timestamp, days: u32, seen_since: Timestamp) -> Vec<Option<i64>> {
    (0..i64::from(days))
        .map(|day| first.plus(day * DAY))
        .map(|start| {
            let count = buckets.iter().find(|bucket| bucket.start == start).map(|bucket| bucket.count);
            count.or_else(|| (start.plus(DAY) > seen_since).then_some(0))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_data_is_not_zero() {
        let first = Timestamp(0);
        let buckets = [Bucket { start: Timestamp(2 * DAY), count: 7, refused: 0 }];
        assert_eq!(counts(&buckets, first, 4, Timestamp(DAY + 5)), [None, Some(0), Some(7), Some(0)]);
    }

    #[test]
    fn ids_are_counted_and_read() {
        assert!(ids("").is_ok_and(|ids| ids.is_empty()));
        assert!(ids("nonsense").is_err());
        let id = Id::new(Timestamp(1), [1; 10]);
        assert_eq!(ids(&format!("{id}, {id}")).ok(), Some(vec![id, id]));
        assert!(ids(&vec![id.to_string(); 201].join(",")).is_err());
    }
}
