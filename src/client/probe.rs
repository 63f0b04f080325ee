//! Sends a request with an API key to any server, also one that is not keyward, and returns the raw result for diagnosis.

use reqwest::header::{AUTHORIZATION, HeaderValue, WWW_AUTHENTICATE};

use super::api_client::Client;
use super::error::ClientError;
use super::reply::{body, cleaned, foreign_type};
use super::request::REPLY_MAX;
use super::sanitize::sentence;
use crate::wire::data_plane::ListSites;
use crate::wire::problem::Problem;
use crate::wire::{BASE, Call as _};

/// The reply of the server.
#[derive(Clone, Debug)]
pub struct ProbeReply {
    /// HTTP status.
    pub status: u16,
    /// Sanitized value of `WWW-Authenticate`.
    pub challenge: Option<String>,
    /// The problem, if the body is one.
    pub problem: Option<Problem>,
    /// Whether the content type is JSON.
    pub json: bool,
}

impl Client {
    /// Sends `GET /api/v2/sites` with exactly this `Authorization` value, which may be malformed. If it is accepted, it counts as
    /// a use of the key.
    ///
    /// # Errors
    /// No reply arrived, or the value cannot be sent in a header.
    pub async fn probe(&self, authorization: &str) -> Result<ProbeReply, ClientError> {
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
        let challenge =
            headers.get(WWW_AUTHENTICATE).map(|v| sentence(&String::from_utf8_lossy(v.as_bytes())));
        let json = foreign_type(&headers).is_none();
        // The status decides; a body that is too long or incomplete is ignored.
        let body = body(response, &self.address, REPLY_MAX).await.unwrap_or_default();
        let problem = if status >= 400 { serde_json::from_slice(&body).ok().map(cleaned) } else { None };
        Ok(ProbeReply { status, challenge, problem, json })
    }
}
