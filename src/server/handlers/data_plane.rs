//! What an API key reaches: the sites, the machines, and the answer for a reverse proxy.

use std::net::IpAddr;

use axum::body::{Body, Bytes};
use axum::response::Response;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use crate::server::Server;
use crate::server::error::ApiError;
use crate::server::http::bearer;
use crate::server::verification::use_buffer::RawClient;
use crate::server::verification::verifier::VerifiedKey;
use crate::store::{self, Store};
use crate::wire::data_plane::{Machine, Site};
use crate::wire::page::{Page, PageMetadata};

const KEY_ID: HeaderName = HeaderName::from_static("x-keyward-key-id");
const KEY_NAME: HeaderName = HeaderName::from_static("x-keyward-key-name");
const KEY_KIND: HeaderName = HeaderName::from_static("x-keyward-key-kind");

/// A call of the data plane, taken from its path before the router is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DataCall {
    /// `/sites`
    Sites,
    /// `/machines`
    Machines,
    /// `/auth`
    Auth,
}

/// The organization's data as it is sent. It changes only on the server's host, while the server does not run.
pub struct Data {
    sites: Bytes,
    machines: Bytes,
}

impl Data {
    /// Reads it.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn load(store: &Store) -> Result<Self, store::StoreError> {
        let mut reader = store.reader().await?;
        let sites = reader.sites().await?;
        let machines = reader.machines().await?;
        let site = |s: store::StoredSite| Site { uuid: s.id, name: s.name, address: s.address };
        let machine = |m: store::StoredMachine| Machine {
            uuid: m.id,
            name: m.name,
            genesis_date: m.genesis_date,
            site: m.site,
        };
        Ok(Self {
            sites: page(sites.into_iter().map(site).collect()),
            machines: page(machines.into_iter().map(machine).collect()),
        })
    }
}

fn page<T: serde::Serialize>(data: Vec<T>) -> Bytes {
    let page = Page { metadata: PageMetadata::default(), data };
    serde_json::to_vec(&page).expect("sites and machines are plain data").into()
}

/// Answers a call of the data plane. `address` is the client's.
///
/// # Errors
/// The key is not accepted, or its use cannot be recorded.
pub async fn answer(
    server: &Server,
    call: DataCall,
    headers: &HeaderMap,
    address: IpAddr,
) -> Result<Response, ApiError> {
    let key = bearer::key(headers)?;
    if server.store.restore_pending().is_some() {
        return Err(ApiError::Unavailable(
            "The database was restored from a backup, so no key is admitted until `keyward admin accept-restore` was run \
             on the server's host.",
        ));
    }
    let agent = headers.get(USER_AGENT).map_or(&[][..], HeaderValue::as_bytes);
    let caller = RawClient { agent, address };
    let verified = server.recorder.verify(key, caller, call == DataCall::Auth).await?;
    Ok(match call {
        DataCall::Sites => json(server.data.sites.clone()),
        DataCall::Machines => json(server.data.machines.clone()),
        DataCall::Auth => authenticated(&verified),
    })
}

fn json(body: Bytes) -> Response {
    let mut response = Response::new(Body::from(body));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn authenticated(key: &VerifiedKey) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    let name = percent_encoded(key.name.as_deref().unwrap_or_default());
    let ascii = |value: String| HeaderValue::try_from(value).expect("ids and percent-encoded text are ASCII");
    headers.insert(KEY_ID, ascii(key.id.to_string()));
    headers.insert(KEY_NAME, ascii(name));
    headers.insert(KEY_KIND, HeaderValue::from_static(key.kind.word()));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// UTF-8 with all but the unreserved characters of RFC 3986 escaped.
fn percent_encoded(text: &str) -> String {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let digits = [b'%', DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]];
            out.extend(digits.map(char::from));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_travels_as_ascii() {
        assert_eq!(percent_encoded("Power BI – Süd"), "Power%20BI%20%E2%80%93%20S%C3%BCd");
    }
}
