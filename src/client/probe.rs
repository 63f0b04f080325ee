//! Sends a request with an API key to any server, also one that is not keyward, and returns the raw result for diagnosis.

use reqwest::header::{AUTHORIZATION, HeaderValue};

use super::api_client::Client;
use super::error::ClientError;
use super::reply::{body, cleaned, foreign_type};
use super::request::REPLY_MAX;
use crate::wire::data_plane::ListSites;
use crate::wire::problem::Problem;
use crate::wire::{BASE, Call as _};

/// A server's reply to [`Client::probe`].
#[derive(Clone, Debug)]
pub struct ProbeReply {
    pub(crate) status: u16,
    /// The problem document in the body, if there is one.
    pub(crate) problem: Option<Problem>,
    /// Whether the body's content type is JSON.
    pub(crate) json: bool,
}

impl Client {
    /// Sends `GET /api/v2/sites` with exactly this `Authorization` value, which may be malformed. If the server accepts it, the request
    /// counts as a use of the key.
    ///
    /// # Errors
    /// Fails if no reply arrives or the value cannot be sent in a header.
    pub(crate) async fn probe(&self, authorization: &str) -> Result<ProbeReply, ClientError> {
        let mut value = HeaderValue::from_bytes(authorization.as_bytes())
            .map_err(|e| ClientError::cannot_send(&self.address, &e))?;
        value.set_sensitive(true);
        let url = self.address.join(&format!("{BASE}{}", ListSites::PATH));
        let response = self
            .http
            .get(url)
            .header(AUTHORIZATION, value)
            .send()
            .await
            .map_err(|e| ClientError::transport(&e, &self.address))?;
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let json = foreign_type(&headers).is_none();
        // The status decides; a body that is too long or incomplete is ignored.
        let body = body(response, &self.address, REPLY_MAX).await.unwrap_or_default();
        let problem = if status >= 400 { serde_json::from_slice(&body).ok().map(cleaned) } else { None };
        Ok(ProbeReply { status, problem, json })
    }
}
