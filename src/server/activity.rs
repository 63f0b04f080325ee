//! The activity log, for admins.

use std::sync::Arc;

use super::auth::Caller;
use super::paging::Paging;
use super::{Answer, Asked, Refusal, Routes, Server};
use crate::domain::member::Permission;
use crate::store::ActivityFilter;
use crate::wire::activity::ListActivity;

/// The routes of this room.
pub(super) fn routes(routes: Routes) -> Routes {
    routes.on(list)
}

async fn list(server: Arc<Server>, asked: Asked<ListActivity>) -> Result<Answer<ListActivity>, Refusal> {
    let found = Caller::of(&asked.headers)?.signed_in(&server).await?;
    found.actor.allow(Permission::ReadActivity)?;
    let query = asked.query()?;
    let paging = Paging::read("activity", query.limit, query.cursor.as_deref())?;
    let filter = ActivityFilter {
        key: query.key,
        member: query.member,
        action: query.action,
        from: query.from,
        to: query.to,
        before: paging.after(),
    };
    let mut reader = server.store.reader().await?;
    let as_of = reader.watermark(server.clock.now()).await?;
    let rows = reader.activity(filter, paging.fetch()).await?;
    Ok(Answer::new(paging.page(rows, |row| row.id, as_of, |row| row)))
}
