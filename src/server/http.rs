//! HTTP: connections and their limits, and the parts of requests and responses that every handler shares.
//!
//! Start reading in [`listener`], which accepts connections; the request then goes to
//! [`Service::handle`](super::service::Service::handle). Nothing here knows a handler or a resource.

pub(super) mod bearer;
pub(super) mod client_address;
pub(super) mod connection_limits;
pub(super) mod drain_body;
pub(super) mod header_timeout;
pub(super) mod host_check;
pub(super) mod if_match;
pub(super) mod listener;
pub(super) mod paging;
pub(super) mod rate_limits;
pub(super) mod request;
pub(super) mod request_ids;
pub(super) mod response;
pub(super) mod tls;
