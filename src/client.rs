//! The HTTP client: sends the calls of the API and returns their replies.
//!
//! Start reading with [`Client::send`] and [`enum@ClientError`]. Nothing is retried unless [`Client::with_retries`] was called;
//! nothing is redirected or cached. A misbehaving server costs at most 15 s and a few megabytes. Proxies come from the usual
//! environment variables (`HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`, `NO_PROXY`); loopback servers are always reached directly.

mod address;
mod api_client;
mod credential;
mod error;
mod keys;
mod options;
mod pages;
mod probe;
mod reply;
mod request;
mod retry;
mod sanitize;
pub mod state;
#[cfg(test)]
mod tests;
mod tls;
mod tls_error;

pub use address::{ServerAddress, ServerAddressError};
pub use api_client::{Client, OnRetry, RetryNotice};
pub use credential::{Credential, CredentialError};
pub use error::{ClientError, UnreachableCause};
pub use options::{CONNECT_TIMEOUT, ClientOptions, IDLE_TIMEOUT, REQUEST_TIMEOUT};
pub use pages::{HELD_MAX, KEYS_MAX, KeyPage, PagedQuery, Retention};
pub use probe::ProbeReply;
pub use request::CallRequest;
pub use tls::{TrustedRoots, install_provider};
