//! The list of routes of the management plane. The data plane is recognized earlier, by [`Service`](super::service::Service).

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;

use super::context::ServerContext;
use super::error::ApiError;
use super::handlers::{
    activity, key_lookups, keys, me, members, openapi, reviews, rotations, sessions, usage,
};
use super::router::RouteBuilder;

pub(super) fn routes(context: &Arc<ServerContext>) -> Router {
    let builder = RouteBuilder::new(context.clone());
    let builder = me::routes(builder);
    let builder = sessions::routes(builder);
    let builder = activity::routes(builder);
    let builder = members::routes(builder);
    let builder = keys::routes(builder);
    let builder = usage::routes(builder);
    let builder = rotations::routes(builder);
    let builder = reviews::routes(builder);
    let builder = key_lookups::routes(builder);
    builder
        .into_router()
        .merge(openapi::routes())
        .fallback(|| async { ApiError::NotFound })
        .method_not_allowed_fallback(|| async { ApiError::MethodNotAllowed })
        .layer(DefaultBodyLimit::disable())
}
