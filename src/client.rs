//! The HTTP client: sends the calls of the API and returns their replies.
//!
//! Start reading with [`Client::send`] and [`enum@ClientError`]. Nothing is retried unless `Client::with_retries` was called;
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

pub use address::ServerAddress;
pub use api_client::Client;
pub use credential::Credential;
pub use error::ClientError;
pub use options::ClientOptions;
pub use request::CallRequest;

pub(crate) use address::ServerAddressError;
pub(crate) use api_client::RetryNotice;
pub(crate) use credential::CredentialError;
pub(crate) use options::IDLE_TIMEOUT;
pub(crate) use pages::{PagedQuery, Retention};
pub(crate) use probe::ProbeReply;
pub(crate) use tls::TrustedRoots;
