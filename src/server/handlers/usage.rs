//! Usage statistics: complete for one key, or daily counts for several keys.

use std::sync::Arc;

use crate::domain::id::Id;
use crate::domain::key::KeyKind;
use crate::domain::permission::Permission;
use crate::domain::time::{DAY, MILLISECOND, TimeDelta, Timestamp};
use crate::domain::usage::{Bucket, BucketWidth, DailyUse, Usage};
use crate::server::auth::SessionCredential;
use crate::server::context::ServerContext;
use crate::server::error::ApiError;
use crate::server::http::request::CallRequest;
use crate::server::http::response::CallResponse;
use crate::server::operations::key_fields::scope_for;
use crate::server::router::RouteBuilder;
use crate::wire::Call;
use crate::wire::keys::{
    DAILY_USE_MAX, DailyUseQuery, GetOrganizationKeyUsage, GetPersonalKeyUsage, ListOrganizationKeyUsage,
    ListPersonalKeyUsage, UsageQuery,
};
use crate::wire::page::{Page, PageMetadata};

const DAYS_DEFAULT: u32 = 30;

pub(in crate::server) fn routes(routes: RouteBuilder) -> RouteBuilder {
    use KeyKind::{Organization, Personal};
    routes
        .on(|context, request: CallRequest<GetPersonalKeyUsage>| get_usage(context, request, Personal))
        .on(|context, request: CallRequest<GetOrganizationKeyUsage>| {
            get_usage(context, request, Organization)
        })
        .on(|context, request: CallRequest<ListPersonalKeyUsage>| {
            list_daily_counts(context, request, Personal)
        })
        .on(|context, request: CallRequest<ListOrganizationKeyUsage>| {
            list_daily_counts(context, request, Organization)
        })
}

async fn get_usage<C>(
    context: Arc<ServerContext>,
    request: CallRequest<C>,
    kind: KeyKind,
) -> Result<CallResponse<C>, ApiError>
where
    C: Call<Query = UsageQuery, Reply = Usage>,
{
    let credential = SessionCredential::from_headers(&request.headers)?;
    let actor = credential.authenticate(&context.sessions).await?.actor;
    actor.allow(Permission::ListKeys(kind))?;
    let id = request.id()?;
    let UsageQuery { from, to, bucket } = request.query()?;
    if from.zip(to).is_some_and(|(from, to)| from > to) {
        return Err(ApiError::field("from", "must not be later than `to`"));
    }
    context.verification.flush_uses().await;
    let mut reader = context.store.reader().await?;
    let key = reader.key(id, scope_for(kind, &actor)).await?.ok_or(ApiError::NotFound)?.key;
    let now = reader.change_time(context.clock.now()).await?;
    let width = bucket.duration();
    // The bucket that contains `to` is included, so that a range until now shows the current hour.
    let to = to.unwrap_or(now).min(now.plus(DAY));
    let default_span = if bucket == BucketWidth::Hour { DAY } else { TimeDelta::days(30) };
    let from = from.unwrap_or_else(|| to.minus(default_span)).max(now.minus(bucket.retention()));
    let buckets = reader.usage_buckets(&[id], bucket, from.floor(width), to.plus(MILLISECOND)).await?;
    let tracking_since = reader.tracking_since().await?.max(key.created_at);
    let clients = reader.clients_of(id).await?;
    let buckets = buckets.into_values().next().unwrap_or_default();
    Ok(CallResponse::new(Usage { tracking_since, buckets, clients }))
}

async fn list_daily_counts<C>(
    context: Arc<ServerContext>,
    request: CallRequest<C>,
    kind: KeyKind,
) -> Result<CallResponse<C>, ApiError>
where
    C: Call<Query = DailyUseQuery, Reply = Page<DailyUse>>,
{
    let credential = SessionCredential::from_headers(&request.headers)?;
    let actor = credential.authenticate(&context.sessions).await?.actor;
    actor.allow(Permission::ListKeys(kind))?;
    let query = request.query()?;
    let ids = parse_ids(&query.ids)?;
    let days = query.days.unwrap_or(DAYS_DEFAULT);
    context.verification.flush_uses().await;
    let mut reader = context.store.reader().await?;
    let as_of = reader.change_time(context.clock.now()).await?;
    let today = as_of.floor(DAY);
    let first = today.minus(TimeDelta::days(i64::from(days - 1)));
    let known =
        if ids.is_empty() { vec![] } else { reader.keys_in_scope(&ids, scope_for(kind, &actor)).await? };
    let known_ids: Vec<Id> = known.iter().map(|(id, _)| *id).collect();
    let mut buckets = reader.usage_buckets(&known_ids, BucketWidth::Day, first, today.plus(DAY)).await?;
    let tracking_since = reader.tracking_since().await?;
    let daily_use = |(id, created_at): (Id, Timestamp)| {
        let buckets = buckets.remove(&id).unwrap_or_default();
        DailyUse { id, counts: daily_counts(&buckets, first, days, created_at.max(tracking_since)) }
    };
    let data = known.into_iter().map(daily_use).collect();
    Ok(CallResponse::new(Page {
        metadata: PageMetadata { as_of: Some(as_of), ..PageMetadata::default() },
        data,
    }))
}

/// Parses comma-separated key ids.
fn parse_ids(text: &str) -> Result<Vec<Id>, ApiError> {
    let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
    let ids: Result<Vec<Id>, _> = parts.map(str::parse).collect();
    let ids = ids.map_err(|_| ApiError::field("ids", "must be comma-separated key ids"))?;
    if ids.len() > DAILY_USE_MAX {
        return Err(ApiError::field("ids", format!("must be at most {DAILY_USE_MAX}")));
    }
    Ok(ids)
}

/// Returns one count per day, starting with `first`. The count is `None` for days that ended before `tracked_since`, because no
/// data is not zero.
fn daily_counts(
    buckets: &[Bucket],
    first: Timestamp,
    days: u32,
    tracked_since: Timestamp,
) -> Vec<Option<i64>> {
    (0..i64::from(days))
        .map(|day| first.plus(TimeDelta::days(day)))
        .map(|start| {
            let count = buckets.iter().find(|bucket| bucket.start == start).map(|bucket| bucket.count);
            count.or_else(|| (start.plus(DAY) > tracked_since).then_some(0))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_before_tracking_began_has_no_count() {
        let first = Timestamp(0);
        let buckets = [Bucket { start: Timestamp(0).plus(TimeDelta::days(2)), count: 7, refused: 0 }];
        let counts = daily_counts(&buckets, first, 4, Timestamp(0).plus(DAY + MILLISECOND * 5));
        assert_eq!(counts, [None, Some(0), Some(7), Some(0)]);
    }

    #[test]
    fn key_ids_are_parsed_and_limited_in_number() {
        assert!(parse_ids("").is_ok_and(|ids| ids.is_empty()));
        assert!(parse_ids("nonsense").is_err());
        let id = Id::new(Timestamp(1), [1; 10]);
        assert_eq!(parse_ids(&format!("{id}, {id}")).ok(), Some(vec![id, id]));
        assert!(parse_ids(&vec![id.to_string(); 201].join(",")).is_err());
    }
}
