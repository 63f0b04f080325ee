//! The data plane: the calls for integrations with an API key. `/sites` and `/machines` return data, `/auth` answers reverse proxies.

use std::net::IpAddr;

use axum::body::{Body, Bytes};
use axum::response::Response;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::server::context::ServerContext;
use crate::server::error::ApiError;
use crate::server::http::bearer;
use crate::server::verification::use_buffer::RawClient;
use crate::server::verification::verifier::AcceptedKey;

const KEY_ID_HEADER: HeaderName = HeaderName::from_static("x-keyward-key-id");
const KEY_NAME_HEADER: HeaderName = HeaderName::from_static("x-keyward-key-name");
const KEY_KIND_HEADER: HeaderName = HeaderName::from_static("x-keyward-key-kind");

/// A data-plane call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::server) enum DataCall {
    Sites,
    Machines,
    Auth,
}

impl DataCall {
    /// Returns the data-plane call at `path`, which is relative to [`BASE`](crate::wire::BASE); `None` for every other path.
    pub(in crate::server) fn from_path(path: &str) -> Option<Self> {
        match path {
            "/sites" => Some(Self::Sites),
            "/machines" => Some(Self::Machines),
            "/auth" => Some(Self::Auth),
            _ => None,
        }
    }
}

/// Step 2 of a verification: handles a data-plane call from the client at `address`.
///
/// # Errors
/// Fails if the key is missing, malformed or not accepted, or if its use cannot be recorded.
pub(in crate::server) async fn handle(
    context: &ServerContext,
    call: DataCall,
    headers: &HeaderMap,
    address: IpAddr,
) -> Result<Response, ApiError> {
    let key = bearer::key(headers)?;
    if context.store.restore_pending().is_some() {
        return Err(ApiError::Unavailable(
            "The database was restored from a backup. No key is accepted until `keyward admin accept-restore` is run on the \
             server's host.",
        ));
    }
    let agent = headers.get(USER_AGENT).map_or(&[][..], HeaderValue::as_bytes);
    let client = RawClient { agent, address };
    let accepted = context.verification.verify(key, client, call == DataCall::Auth).await?;
    Ok(match call {
        DataCall::Sites => json_response(context.site_data.sites.clone()),
        DataCall::Machines => json_response(context.site_data.machines.clone()),
        DataCall::Auth => auth_response(&accepted),
    })
}

fn json_response(body: Bytes) -> Response {
    let mut response = Response::new(Body::from(body));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn auth_response(key: &AcceptedKey) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    let name = percent_encode(key.name.as_deref().unwrap_or_default());
    let ascii = |value: String| HeaderValue::try_from(value).expect("ids and percent-encoded text are ASCII");
    headers.insert(KEY_ID_HEADER, ascii(key.id.to_string()));
    headers.insert(KEY_NAME_HEADER, ascii(name));
    headers.insert(KEY_KIND_HEADER, HeaderValue::from_static(key.kind.word()));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// ASCII characters to percent-encode: all except the unreserved characters of RFC 3986 (2.3).
const NOT_UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

fn percent_encode(text: &str) -> String {
    utf8_percent_encode(text, NOT_UNRESERVED).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_percent_encoded_in_the_header() {
        assert_eq!(percent_encode("Power BI – Süd"), "Power%20BI%20%E2%80%93%20S%C3%BCd");
    }
}
