//! The activity log, for admins.

use std::sync::Arc;

use crate::domain::permission::Permission;
use crate::server::auth::SessionCredential;
use crate::server::context::ServerContext;
use crate::server::error::ApiError;
use crate::server::http::paging::PageRequest;
use crate::server::http::request::CallRequest;
use crate::server::http::response::CallResponse;
use crate::server::router::RouteBuilder;
use crate::store::ActivityFilter;
use crate::wire::activity::ListActivity;

pub(in crate::server) fn routes(routes: RouteBuilder) -> RouteBuilder {
    routes.on(list)
}

async fn list(
    context: Arc<ServerContext>,
    request: CallRequest<ListActivity>,
) -> Result<CallResponse<ListActivity>, ApiError> {
    let credential = SessionCredential::from_headers(&request.headers)?;
    credential.authenticate(&context.sessions).await?.actor.allow(Permission::ReadActivity)?;
    let query = request.query()?;
    let paging = PageRequest::parse("activity", query.limit, query.cursor.as_deref())?;
    let filter = ActivityFilter {
        key: query.key,
        member: query.member,
        action: query.action,
        from: query.from,
        to: query.to,
        before: paging.after(),
    };
    let mut reader = context.store.reader().await?;
    let as_of = reader.change_time(context.clock.now()).await?;
    let rows = reader.activity(filter, paging.fetch_limit()).await?;
    Ok(CallResponse::new(paging.page(rows, |row| row.id, as_of, |row| row)))
}
