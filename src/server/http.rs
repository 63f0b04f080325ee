//! HTTP: connections, limits, and the parts of requests and responses that all handlers share.

pub mod bearer;
pub mod client_address;
pub mod connection_limits;
pub mod drain_body;
mod header_timeout;
pub mod host_check;
pub mod if_match;
pub mod listener;
pub mod paging;
pub mod rate_limits;
pub mod request;
pub mod tls;
