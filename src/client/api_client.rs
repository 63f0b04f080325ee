//! [`Client`]: one server, one credential, and the connections to it. Sending with retries is in [`super::retry`].

use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, IF_MATCH};

use super::address::ServerAddress;
use super::credential::Credential;
use super::error::ClientError;
use super::options::{CONNECT_TIMEOUT, ClientOptions, IDLE_TIMEOUT, REQUEST_TIMEOUT};
use super::request::CallRequest;
use super::tls::TrustedRoots;
use super::{reply, tls};
use crate::wire::{BASE, Call, IDEMPOTENCY_KEY};

/// A retry that is about to happen.
#[derive(Clone, Copy, Debug)]
pub struct RetryNotice<'a> {
    /// Why the previous attempt failed.
    pub(crate) error: &'a ClientError,
    /// Number of the next attempt; the first retry is attempt 2.
    pub(crate) attempt: u32,
}

/// A function that is called before each retry.
pub type OnRetry = fn(RetryNotice<'_>);

/// A client for one server and one credential. Cloning is cheap; clones share their connections.
#[derive(Clone)]
pub struct Client {
    pub(super) http: reqwest::Client,
    pub(super) address: ServerAddress,
    pub(super) credential: Credential,
    pub(super) roots: TrustedRoots,
    /// Called before each retry. `None` if calls are not retried.
    pub(super) on_retry: Option<OnRetry>,
}

impl Client {
    /// Creates a client for the server at `address`, without connecting yet.
    ///
    /// # Errors
    /// Returns an error if the certificates in the options cannot be read.
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
        let (http, roots) = tls::build_http_client(plain, &address, options)?;
        Ok(Self { http, address, credential, roots, on_retry: None })
    }

    /// Returns a client that shares this client's connections but sends another credential.
    #[must_use]
    pub fn with_credential(&self, credential: Credential) -> Self {
        Self { credential, ..self.clone() }
    }

    /// Returns the address of the server.
    pub fn address(&self) -> &ServerAddress {
        &self.address
    }

    /// Returns where the trusted certificates come from.
    pub(crate) fn roots(&self) -> TrustedRoots {
        self.roots
    }

    pub(super) async fn send_prepared<C: Call>(
        &self,
        prepared: reqwest::Request,
        max: usize,
    ) -> Result<(C::Reply, usize), ClientError> {
        let response =
            self.http.execute(prepared).await.map_err(|e| ClientError::transport(&e, &self.address))?;
        reply::read(response, &self.address, max).await
    }

    pub(super) fn prepare<C: Call>(&self, request: &CallRequest<C>) -> Result<reqwest::Request, ClientError> {
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
