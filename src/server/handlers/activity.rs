//! The activity log, for admins.

use std::sync::Arc;

use crate::domain::member::Permission;
use crate::server::Server;
use crate::server::auth::SessionCredential;
use crate::server::error::ApiError;
use crate::server::http::paging::PageRequest;
use crate::server::http::request::CallRequest;
use crate::server::router::CallResponse;
use crate::server::router::RouteBuilder;
use crate::store::ActivityFilter;
use crate::wire::activity::ListActivity;

/// The routes of this room.
pub(in crate::server) fn routes(routes: RouteBuilder) -> RouteBuilder {
    routes.on(list)
}

async fn list(
    server: Arc<Server>,
    request: CallRequest<ListActivity>,
) -> Result<CallResponse<ListActivity>, ApiError> {
    let found = SessionCredential::from_headers(&request.headers)?.signed_in(&server).await?;
    found.actor.allow(Permission::ReadActivity)?;
    let query = request.query()?;
    let paging = PageRequest::read("activity", query.limit, query.cursor.as_deref())?;
    let filter = ActivityFilter {
        key: query.key,
        member: query.member,
        action: query.action,
        from: query.from,
        to: query.to,
        before: paging.after(),
    };
    let mut reader = server.store.reader().await?;
    let as_of = reader.change_time(server.clock.now()).await?;
    let rows = reader.activity(filter, paging.fetch()).await?;
    Ok(CallResponse::new(paging.page(rows, |row| row.id, as_of, |row| row)))
}
