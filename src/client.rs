//! Talks to a keyward server: sends one call of the contract and gives back its reply or one of three kinds of error.
//!
//! Nothing is repeated unless the caller asked for patience, and nothing redirected or cached. A server that misbehaves costs at most 15 s and a few
//! megabytes. Proxies are those of the standard environment variables (`HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`, `NO_PROXY`);
//! a server on the loopback interface is always reached directly.

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

/// How long a connection may take to open.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a call may take from its start to the last byte of its reply.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(15);

/// How long a connection is kept for the next call: less than a server keeps it (10 s), so that no call is sent into one that closes.
pub const IDLE_TIMEOUT: Duration = Duration::from_secs(8);

/// What a client may be told besides where to go and as whom.
#[derive(Clone, Debug, Default)]
pub struct ClientOptions {
    /// Certificates in PEM that are trusted besides the system's (`--ca-cert`).
    pub ca_certs: Option<Vec<u8>>,
    /// Without a timer that closes idle connections, for a process that is to sleep: whoever asks for this drops the client when no
    /// call was made for [`IDLE_TIMEOUT`].
    pub without_idle_timer: bool,
}

/// A connection to one server as one member, or as nobody. Cheap to clone; clones share their connections.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    address: ServerAddress,
    credential: Credential,
    roots: TrustedRoots,
    /// Whether harmless calls are repeated, and who hears of it.
    tell: Option<OnRetry>,
}

impl Client {
    /// A client for the server at `address`. No connection is opened yet.
    ///
    /// # Errors
    /// The certificates of the options cannot be read.
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

    /// The same connections, but as someone else.
    #[must_use]
    pub fn with_credential(&self, credential: Credential) -> Self {
        Self { credential, ..self.clone() }
    }

    /// Where the server is.
    pub fn address(&self) -> &ServerAddress {
        &self.address
    }

    /// Where the trusted certificates came from.
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
