//! Reads replies without trusting them: limits the size, checks the content type, sanitizes messages.

use std::collections::BTreeMap;

use reqwest::Response;
use reqwest::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, LOCATION};
use serde::de::DeserializeOwned;

use super::address::ServerAddress;
use super::error::ClientError;
use super::sanitize::sentence;
use crate::wire::problem::Problem;

/// Size limit in bytes for the body of a refusal.
const PROBLEM_MAX: usize = 256 * 1024;

/// Step 4: checks a reply's size and content type and parses it. Returns the parsed reply and its length in bytes.
pub(super) async fn read<T: DeserializeOwned>(
    response: Response,
    address: &ServerAddress,
    max: usize,
) -> Result<(T, usize), ClientError> {
    let status = response.status();
    if !status.is_success() {
        return Err(refusal(response, address).await);
    }
    let headers = response.headers().clone();
    let body = body(response, address, max).await?;
    if body.is_empty() {
        let nothing =
            serde_json::from_slice(b"null").map_err(|_| ClientError::empty(address, status.as_u16()));
        return Ok((nothing?, 0));
    }
    if let Some(foreign) = foreign_type(&headers) {
        return Err(ClientError::foreign(address, status.as_u16(), &foreign));
    }
    let reply =
        serde_json::from_slice(&body).map_err(|e| ClientError::unreadable(address, status.as_u16(), &e));
    Ok((reply?, body.len()))
}

/// Converts a reply with an error status to a [`ClientError`].
async fn refusal(response: Response, address: &ServerAddress) -> ClientError {
    let status = response.status();
    if status.is_redirection() {
        let to = response.headers().get(LOCATION).map(|v| String::from_utf8_lossy(v.as_bytes()).into_owned());
        return ClientError::redirected(address, status.as_u16(), to.as_deref());
    }
    let headers = response.headers().clone();
    let body = match body(response, address, PROBLEM_MAX).await {
        Ok(body) => body,
        Err(error) => return error,
    };
    if let Some(foreign) = foreign_type(&headers) {
        return ClientError::foreign(address, status.as_u16(), &foreign);
    }
    match serde_json::from_slice(&body) {
        Ok(problem) => ClientError::Refused(Box::new(cleaned(problem))),
        Err(e) => ClientError::unreadable(address, status.as_u16(), &e),
    }
}

/// Reads the body of a reply. Fails if it is longer than `max` bytes.
pub(super) async fn body(
    mut response: Response,
    address: &ServerAddress,
    max: usize,
) -> Result<Vec<u8>, ClientError> {
    let status = response.status().as_u16();
    if let Some(encoding) = response.headers().get(CONTENT_ENCODING)
        && !encoding.as_bytes().eq_ignore_ascii_case(b"identity")
    {
        return Err(ClientError::foreign(address, status, "a compressed body that was not requested"));
    }
    let mut all = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|e| ClientError::transport(&e, address))? {
        if all.len() + chunk.len() > max {
            return Err(ClientError::too_long(address, status, max));
        }
        all.extend_from_slice(&chunk);
    }
    Ok(all)
}

/// Returns a description of the content type, or `None` if it is JSON.
pub(super) fn foreign_type(headers: &HeaderMap) -> Option<String> {
    let Some(value) = headers.get(CONTENT_TYPE) else { return Some("no content type".to_owned()) };
    let text = String::from_utf8_lossy(value.as_bytes());
    let media = text.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
    let json = media == "application/json" || (media.starts_with("application/") && media.ends_with("+json"));
    (!json).then(|| sentence(&media))
}

/// Sanitizes all text in a problem.
pub(super) fn cleaned(problem: Problem) -> Problem {
    Problem {
        title: sentence(&problem.title),
        detail: sentence(&problem.detail),
        errors: problem
            .errors
            .iter()
            .map(|(field, wrong)| (sentence(field), sentence(wrong)))
            .collect::<BTreeMap<_, _>>(),
        ..problem
    }
}
