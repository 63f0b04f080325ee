//! The HTTP client: sends the calls of the API and returns their replies.
//!
//! Start reading with [`Client::send`] and [`enum@ClientError`]. Nothing is retried unless [`Client::with_retries`] was called;
//! nothing is redirected or cached. A misbehaving server costs at most 15 s and a few megabytes. Proxies come from the usual
//! environment variables (`HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`, `NO_PROXY`); loopback servers are always reached directly.

use std::time::Duration;

use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, IF_MATCH};

use crate::wire::{BASE, Call, IDEMPOTENCY_KEY};

mod address;
mod credential;
mod error;
mod keys;
mod pages;
mod probe;
mod reply;
mod request;
mod retry;
pub mod state;
#[cfg(test)]
mod tests;
mod tls;

pub use address::{ServerAddress, ServerAddressError};
pub use credential::{Credential, CredentialError};
pub use error::{ClientError, UnreachableCause};
pub use pages::{HELD_MAX, KEYS_MAX, KeyPage, PagedQuery, Retention};
pub use probe::ProbeReply;
pub use request::CallRequest;
pub use retry::{OnRetry, RetryNotice};
pub use tls::{TrustedRoots, install_provider};

/// Time limit for opening a connection.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Time limit for a call, from its start to the last byte of the reply.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(15);

/// Time an idle connection stays open for the next call. It is shorter than the server's limit (10 s), so that no call is sent
/// into a connection that is being closed.
pub const IDLE_TIMEOUT: Duration = Duration::from_secs(8);

/// Options of a client besides server address and credential.
#[derive(Clone, Debug, Default)]
pub struct ClientOptions {
    /// Additional trusted certificates in PEM (`--ca-cert`).
    pub ca_certs: Option<Vec<u8>>,
    /// Runs no timer that closes idle connections, so that the process can sleep. The owner must drop the client when no call was
    /// made for [`IDLE_TIMEOUT`].
    pub without_idle_timer: bool,
}

/// A client for one server and one credential. Cloning is cheap; clones share their connections.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    address: ServerAddress,
    credential: Credential,
    roots: TrustedRoots,
    /// Set if safe calls are retried: called before each retry.
    tell: Option<OnRetry>,
}

impl Client {
    /// Creates a client for the server at `address`, without connecting yet.
    ///
    /// # Errors
    /// The certificates in the options cannot be read.
    pub fn new(
        address: ServerAddress,
        credential: Credential,
        options: &ClientOptions,
    ) -> Result<Self, ClientError> {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json, application/problem+json"));
        let plain = || {
            let builder = reqwest::Client::builder()
                .user_agent(concat!("keyward/", env!("CARGO_PKG_VERSION")))
                .default_headers(headers.clone())
                .redirect(reqwest::redirect::Policy::none())
                .retry(reqwest::retry::never())
                .referer(false)
                .connect_timeout(CONNECT_TIMEOUT)
                .timeout(REQUEST_TIMEOUT)
                .pool_idle_timeout((!options.without_idle_timer).then_some(IDLE_TIMEOUT));
            if address.is_loopback() { builder.no_proxy() } else { builder }
        };
        let (http, roots) = tls::build(plain, &address, options)?;
        Ok(Self { http, address, credential, roots, tell: None })
    }

    /// Returns a client that shares the connections but uses another credential.
    #[must_use]
    pub fn with_credential(&self, credential: Credential) -> Self {
        Self { credential, ..self.clone() }
    }

    /// Returns the address of the server.
    pub fn address(&self) -> &ServerAddress {
        &self.address
    }

    /// Returns where the trusted certificates come from.
    pub fn roots(&self) -> TrustedRoots {
        self.roots
    }

    async fn send_prepared<C: Call>(
        &self,
        prepared: reqwest::Request,
        max: usize,
    ) -> Result<(C::Reply, usize), ClientError> {
        let response =
            self.http.execute(prepared).await.map_err(|e| ClientError::transport(&e, &self.address))?;
        reply::read(response, &self.address, max).await
    }

    fn prepare<C: Call>(&self, request: &CallRequest<C>) -> Result<reqwest::Request, ClientError> {
        let path = match (&request.id, C::HAS_ID) {
            (Some(id), true) => C::PATH.replacen("{id}", &id.to_string(), 1),
            _ => C::PATH.to_owned(),
        };
        let mut builder =
            self.http.request(C::METHOD, self.address.join(&format!("{BASE}{path}"))).query(&request.query);
        if let Some(value) = self.credential.header() {
            builder = builder.header(AUTHORIZATION, value);
        }
        if let Some(key) = &request.idempotency_key {
            builder = builder.header(HeaderName::from_static(IDEMPOTENCY_KEY), key);
        }
        if let Some(version) = request.if_match {
            builder = builder.header(IF_MATCH, format!("\"{version}\""));
        }
        let body =
            serde_json::to_vec(&request.body).map_err(|e| ClientError::cannot_send(&self.address, &e))?;
        if body != b"null" {
            builder = builder.header(CONTENT_TYPE, "application/json").body(body);
        }
        builder.build().map_err(|e| ClientError::cannot_send(&self.address, &e))
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Client({})", self.address)
    }
}
