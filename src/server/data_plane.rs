//! What an API key reaches: the sites, the machines, and the answer for a reverse proxy.

use std::net::IpAddr;

use axum::response::Response;
use http::HeaderMap;

use super::{Refusal, Server};

/// A call of the data plane, taken from its path before the router is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DataCall {
    /// `/sites`
    Sites,
    /// `/machines`
    Machines,
    /// `/auth`
    Auth,
}

/// Answers a call of the data plane. `address` is the client's.
///
/// # Errors
/// The key is not accepted, or its use cannot be recorded.
#[expect(clippy::unused_async, reason = "a first use is written before it is answered")]
pub async fn answer(
    _server: &Server,
    _call: DataCall,
    _headers: &HeaderMap,
    _address: IpAddr,
) -> Result<Response, Refusal> {
    Err(Refusal::Unavailable("The server is starting."))
}
