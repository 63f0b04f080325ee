//! Asks any server whether it takes a key, also one that is not keyward: the raw answer, judged by the caller.

use reqwest::header::{AUTHORIZATION, HeaderValue, WWW_AUTHENTICATE};

use super::reply::{body, cleaned, foreign_type, sentence};
use super::{Client, ClientError};
use crate::wire::data_plane::ListSites;
use crate::wire::problem::Problem;
use crate::wire::{BASE, Call as _};

/// What a server answered.
#[derive(Clone, Debug)]
pub struct ProbeReply {
    /// The HTTP status.
    pub status: u16,
    /// `WWW-Authenticate`, cleaned.
    pub challenge: Option<String>,
    /// The problem, where the body was one.
    pub problem: Option<Problem>,
    /// Whether the body was JSON.
    pub json: bool,
}

impl Client {
    /// `GET /api/v2/sites` with exactly this `Authorization`, which may be malformed. A success is a use of the key.
    ///
    /// # Errors
    /// No answer came, or the value cannot stand in a header at all.
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
        // The status is the answer; a body that is too long or breaks off says nothing more.
        let body = body(response, &self.address, super::request::REPLY_MAX).await.unwrap_or_default();
        let problem = if status >= 400 { serde_json::from_slice(&body).ok().map(cleaned) } else { None };
        Ok(ProbeReply { status, challenge, problem, json })
    }
}
