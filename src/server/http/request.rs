//! The request that a handler receives. Body, query and id are parsed on demand, so that permissions can be checked first.

use std::marker::PhantomData;
use std::net::IpAddr;

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::rejection::JsonRejection;
use axum::extract::{Query, Request};
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, USER_AGENT};
use http::{HeaderMap, HeaderValue, Uri};
use http_body_util::BodyExt as _;

use super::client_address::client_address;
use super::if_match::IfMatch;
use crate::domain::id::Id;
use crate::domain::key::ClientInfo;
use crate::domain::text;
use crate::domain::time::NOT_RFC_3339;
use crate::domain::usage::AGENT_MAX;
use crate::server::error::ApiError;
use crate::server::settings::Settings;
use crate::wire::{BASE, BODY_MAX, Call, IDEMPOTENCY_KEY};

/// Address of the connection's peer, stored as a request extension.
#[derive(Clone, Copy, Debug)]
pub(in crate::server) struct PeerAddress(pub IpAddr);

/// A request that calls the operation `C`.
pub(in crate::server) struct CallRequest<C> {
    /// The request headers. They contain the credential: never log them.
    pub headers: HeaderMap,
    /// The client's cleaned `User-Agent` and its address, as they are stored.
    pub client: ClientInfo,
    /// The client's address. Behind a trusted proxy, this is the address that the proxy forwarded.
    pub address: IpAddr,
    uri: Uri,
    body: Result<Bytes, ApiError>,
    call: PhantomData<C>,
}

impl<C: Call> CallRequest<C> {
    /// Receives the whole request. An error while the body is received is returned later, by [`body`](Self::body).
    pub(in crate::server) async fn receive(settings: &Settings, request: Request) -> Self {
        let (parts, body) = request.into_parts();
        let peer = parts.extensions.get::<PeerAddress>().map_or(IpAddr::from([0, 0, 0, 0]), |peer| peer.0);
        let address = client_address(peer, &parts.headers, &settings.trusted_proxies);
        let timeout = settings.limits.body_timeout;
        let body =
            tokio::time::timeout(timeout, read_body(body)).await.unwrap_or(Err(ApiError::RequestTimeout));
        Self {
            client: ClientInfo { agent: user_agent(&parts.headers), address: address.to_string() },
            headers: parts.headers,
            address,
            uri: parts.uri,
            body,
            call: PhantomData,
        }
    }

    /// Parses the `{id}` in the path.
    ///
    /// # Errors
    /// Fails with 404 if the text is not an id.
    pub(in crate::server) fn id(&self) -> Result<Id, ApiError> {
        let at = C::PATH.split('/').position(|part| part.starts_with('{'));
        let path = self.uri.path().strip_prefix(BASE).unwrap_or_default();
        let part = at.and_then(|at| path.split('/').nth(at)).unwrap_or_default();
        let id: Id = part.parse().map_err(|_| ApiError::NotFound)?;
        // Only the hyphenated form, so that each resource has one path.
        if part.len() == 36 { Ok(id) } else { Err(ApiError::NotFound) }
    }

    /// Parses the query parameters. Unknown parameters are ignored, unless the query type of the call denies them.
    ///
    /// # Errors
    /// Fails with 422 if a parameter is invalid.
    pub(in crate::server) fn query(&self) -> Result<C::Query, ApiError> {
        match Query::try_from_uri(&self.uri) {
            Ok(Query(query)) => Ok(query),
            Err(rejection) => Err(field_error("query", &rejection.body_text())),
        }
    }

    /// Parses the JSON body. May be called only once.
    ///
    /// # Errors
    /// - 400 for malformed JSON
    /// - 408 if the body did not arrive in time
    /// - 413 if the body is too large
    /// - 415 for another content type or a compressed body
    /// - 422 for fields that are unknown, missing, duplicated, or of the wrong type
    pub(in crate::server) fn body(&mut self) -> Result<C::Body, ApiError> {
        let bytes = std::mem::replace(&mut self.body, Ok(Bytes::new()))?;
        if !is_json(&self.headers) {
            return Err(ApiError::MediaTypeUnsupported);
        }
        // serde would accept an array as the fields in their order.
        if bytes.iter().find(|b| !b.is_ascii_whitespace()).is_some_and(|&b| b == b'[') {
            return Err(ApiError::field("body", "must be a JSON object"));
        }
        match Json::from_bytes(&bytes) {
            Ok(Json(body)) => Ok(body),
            Err(JsonRejection::JsonDataError(e)) => Err(field_error("body", &e.body_text())),
            Err(_) => Err(ApiError::Malformed("The body is not well-formed JSON.".into())),
        }
    }

    /// Returns the value of the `Idempotency-Key` header.
    ///
    /// # Errors
    /// Fails with 400 if the header is missing, was sent twice, or is not 1 to 255 printable ASCII characters.
    pub(in crate::server) fn idempotency_key(&self) -> Result<&str, ApiError> {
        let mut values = self.headers.get_all(IDEMPOTENCY_KEY).iter();
        let key = match (values.next(), values.next()) {
            (Some(key), None) => key.to_str().map_err(|_| ApiError::IdempotencyKeyMissing)?,
            _ => return Err(ApiError::IdempotencyKeyMissing),
        };
        let is_valid = (1..=255).contains(&key.len()) && key.bytes().all(|b| (b' '..=b'~').contains(&b));
        if is_valid { Ok(key) } else { Err(ApiError::IdempotencyKeyMissing) }
    }

    /// Parses the `If-Match` header; returns `None` if it is missing.
    ///
    /// # Errors
    /// Fails with 400 if the header is malformed.
    pub(in crate::server) fn if_match(&self) -> Result<Option<IfMatch>, ApiError> {
        IfMatch::parse(&self.headers)
    }
}

async fn read_body(mut body: Body) -> Result<Bytes, ApiError> {
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| ApiError::Malformed("The body did not arrive completely.".into()))?;
        let data = frame.into_data().unwrap_or_default();
        if bytes.len() + data.len() > BODY_MAX {
            return Err(ApiError::BodyTooLarge);
        }
        bytes.extend_from_slice(&data);
    }
    Ok(bytes.into())
}

/// Returns the `User-Agent` header as it is stored: cleaned, and truncated to [`AGENT_MAX`] bytes.
pub(in crate::server) fn user_agent(headers: &HeaderMap) -> String {
    let claimed = headers.get(USER_AGENT).map(|value| String::from_utf8_lossy(value.as_bytes()));
    text::sanitize_agent(claimed.as_deref().unwrap_or_default(), AGENT_MAX)
}

/// Returns whether the headers declare exactly one content type, JSON, and no compression.
fn is_json(headers: &HeaderMap) -> bool {
    let mut types = headers.get_all(CONTENT_TYPE).iter();
    let (Some(value), None) = (types.next(), types.next()) else { return false };
    let media_type = value.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim();
    let is_identity = |coding: &HeaderValue| coding.as_bytes().trim_ascii().eq_ignore_ascii_case(b"identity");
    media_type.eq_ignore_ascii_case("application/json")
        && headers.get_all(CONTENT_ENCODING).iter().all(is_identity)
}

/// Converts serde's error message about a part of the request, `prefix: field: message`, to a 422 error.
///
/// Only text from the server itself is passed on, because the client's values may be secrets.
fn field_error(part: &str, text: &str) -> ApiError {
    let text = text.split_once(": ").map_or(text, |(_, rest)| rest);
    let text = text.split(" at line ").next().unwrap_or(text);
    let is_name = |name: &str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    let (name, message) = text.split_once(": ").unwrap_or(("", text));
    let name = if is_name(name) { name } else { part };
    // Matches names at the beginning only: the rest of the message may quote the client's value, which may contain the same words.
    let quoted_name = |before: &str| {
        let name = message.strip_prefix(before)?.split('`').next()?;
        is_name(name).then_some(name)
    };
    if let Some(name) = quoted_name("missing field `") {
        return ApiError::field(name, "is missing");
    }
    if let Some(name) = quoted_name("duplicate field `") {
        return ApiError::field(name, "is given twice");
    }
    let expected = message.rsplit_once(", expected ").map(|(_, expected)| expected);
    if message.starts_with("unknown field `") {
        let known = expected.map_or("none", |known| known.trim_start_matches("one of "));
        return ApiError::field(part, format!("has an unknown field; the known fields are {known}"));
    }
    let requirement = match expected {
        _ if message.starts_with("must ") => message.to_owned(),
        _ if message.starts_with(NOT_RFC_3339) => {
            "must be an RFC 3339 timestamp, such as 2026-11-24T06:10:00Z".to_owned()
        }
        _ if message.starts_with("provided string was not `true` or `false`") => {
            "must be `true` or `false`".to_owned()
        }
        _ if message.starts_with("UUID parsing failed") => "must be a UUID".to_owned(),
        // serde names the Rust type, which means nothing to the client.
        Some(expected) if expected.starts_with("struct ") => "must be a JSON object".to_owned(),
        Some(expected) => format!("must be {expected}"),
        None => "is not valid".to_owned(),
    };
    ApiError::field(name, requirement)
}

#[cfg(test)]
mod tests {
    use http::HeaderName;

    use super::*;
    use crate::wire::activity::ListActivity;
    use crate::wire::keys::{CreatePersonalKey, EditPersonalKey, RevokePersonalKey};
    use crate::wire::members::{CreateInvitation, RemoveMember};
    use crate::wire::problem::Problem;
    use crate::wire::reviews::RecordReviewExport;

    fn request<C: Call>(uri: &str, content_type: &str, body: &str) -> CallRequest<C> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, content_type.parse().unwrap());
        CallRequest {
            headers,
            client: ClientInfo { agent: String::new(), address: String::new() },
            address: IpAddr::from([127, 0, 0, 1]),
            uri: uri.parse().unwrap(),
            body: Ok(Bytes::copy_from_slice(body.as_bytes())),
            call: PhantomData,
        }
    }

    fn body_problem<C: Call>(body: &str) -> Problem {
        let result = request::<C>("/", "application/json; charset=utf-8", body).body();
        result.err().unwrap_or_else(|| panic!("accepted: {body}")).into_problem()
    }

    #[test]
    fn errors_about_an_invalid_body_give_the_reason_but_no_sent_values() {
        let secret = "sk_0123456789";
        let deep = "[".repeat(10_000);
        let cases: [(Problem, u16, &str); 17] = [
            (body_problem::<CreatePersonalKey>(""), 400, "well-formed"),
            (body_problem::<CreatePersonalKey>("{\"name\":"), 400, "well-formed"),
            (body_problem::<CreatePersonalKey>("{\"name\":\"a\"}{}"), 400, "well-formed"),
            (
                body_problem::<CreatePersonalKey>(&format!("{{\"name\":{deep}")),
                422,
                "`name` must be a string",
            ),
            (body_problem::<CreatePersonalKey>(&deep), 422, "`body` must be a JSON object"),
            (body_problem::<CreatePersonalKey>("[\"a\"]"), 422, "`body` must be a JSON object"),
            (body_problem::<CreatePersonalKey>("null"), 422, "`body` must be a JSON object"),
            (
                body_problem::<RecordReviewExport>("{\"records\":1.5,\"sha256\":\"\"}"),
                422,
                "`records` must be a whole number",
            ),
            (body_problem::<CreatePersonalKey>("{}"), 422, "`name` is missing"),
            (
                body_problem::<CreatePersonalKey>("{\"name\":\"a\",\"name\":\"b\"}"),
                422,
                "`name` is given twice",
            ),
            (
                body_problem::<CreatePersonalKey>(&format!("{{\"name\":\"a\",\"{secret}\":1}}")),
                422,
                "`body` has an unknown field; the known fields are `name`, `note`, `replaces`",
            ),
            (
                body_problem::<CreateInvitation>(&format!("{{\"email\":\"a\",\"role\":\"{secret}\"}}")),
                422,
                "`role` must be one of `admin`, `normal`, `operator`",
            ),
            (
                body_problem::<CreateInvitation>(&format!(
                    "{{\"email\":\"a\",\"role\":\"missing field `{secret}`\"}}"
                )),
                422,
                "`role` must be one of `admin`, `normal`, `operator`",
            ),
            (
                body_problem::<CreateInvitation>(&format!(
                    "{{\"email\":\"a\",\"role\":\"unknown field `a`, expected {secret}\"}}"
                )),
                422,
                "`role` must be one of `admin`, `normal`, `operator`",
            ),
            (
                body_problem::<CreatePersonalKey>(&format!("{{\"a: missing field `{secret}`\":1}}")),
                422,
                "`a` must be one of `name`, `note`, `replaces`",
            ),
            (
                body_problem::<RevokePersonalKey>(&format!("{{\"unless_used_since\":\"{secret}\"}}")),
                422,
                "`unless_used_since` must be an RFC 3339 timestamp",
            ),
            (
                body_problem::<CreatePersonalKey>(&format!("{{\"name\":\"a\",\"replaces\":\"{secret}\"}}")),
                422,
                "`replaces` must be a UUID",
            ),
        ];
        for (problem, status, expected) in cases {
            assert_eq!(problem.status, status, "{problem:?}");
            assert!(problem.detail.contains(expected), "{problem:?}");
            assert!(!serde_json::to_string(&problem).unwrap().contains(secret), "{problem:?}");
        }
    }

    #[test]
    fn a_body_must_be_declared_once_as_uncompressed_json() {
        let accepts = |headers: &[(HeaderName, &'static str)]| {
            let mut request = request::<EditPersonalKey>("/", "application/json", "{}");
            request.headers.clear();
            for (name, value) in headers {
                request.headers.append(name, HeaderValue::from_static(value));
            }
            match request.body() {
                Ok(_) => true,
                Err(error) => {
                    assert!(matches!(error, ApiError::MediaTypeUnsupported), "{error:?}");
                    false
                }
            }
        };
        assert!(accepts(&[(CONTENT_TYPE, "Application/JSON ; charset=utf-8")]));
        assert!(accepts(&[(CONTENT_TYPE, "application/json"), (CONTENT_ENCODING, "identity")]));
        assert!(!accepts(&[]));
        assert!(!accepts(&[(CONTENT_TYPE, "text/plain")]));
        assert!(!accepts(&[(CONTENT_TYPE, "application/json, text/plain")]));
        assert!(!accepts(&[(CONTENT_TYPE, "application/json"), (CONTENT_TYPE, "text/plain")]));
        assert!(!accepts(&[(CONTENT_TYPE, "application/json"), (CONTENT_ENCODING, "gzip")]));
        assert!(!accepts(&[(CONTENT_TYPE, "application/json"), (CONTENT_ENCODING, "gzip, identity")]));
    }

    #[test]
    fn errors_about_an_invalid_query_give_the_reason() {
        let cases = [
            ("limit=0", "`limit` must be a number from 1 to 1000"),
            ("limit=1001", "`limit` must be a number from 1 to 1000"),
            ("limit=-1", "`limit` must be a number from 1 to 1000"),
            ("limit=1e1", "`limit` must be a number from 1 to 1000"),
            ("limit=", "`limit` must be a number from 1 to 1000"),
            ("limit=5&limit=6", "`limit` is given twice"),
            ("key=sk_0", "`key` must be a UUID"),
            ("from=yesterday", "`from` must be an RFC 3339 timestamp"),
            ("action=sk_0", "`action` must be one of"),
        ];
        for (query, expected) in cases {
            let result = request::<ListActivity>(&format!("/?{query}"), "", "").query();
            let problem = result.err().unwrap_or_else(|| panic!("accepted: {query}")).into_problem();
            assert_eq!(problem.status, 422);
            assert!(problem.detail.contains(expected), "{query}: {problem:?}");
            assert!(!problem.detail.contains("sk_0"), "{problem:?}");
        }
        let fine = request::<ListActivity>("/?limit=1000&unknown=1&cursor=", "", "").query();
        assert_eq!(fine.map(|q| q.limit).ok(), Some(Some(1_000)));
        // A misspelled `dry_run` must not remove the member.
        let typo = request::<RemoveMember>("/?dry-run=true", "", "").query();
        let problem = typo.expect_err("a misspelled parameter was accepted").into_problem();
        assert!(
            problem.detail.contains("`query` has an unknown field; the known fields are `dry_run`"),
            "{problem:?}"
        );
    }

    #[test]
    fn a_path_with_an_invalid_id_is_not_found() {
        let id = |path: &str| request::<EditPersonalKey>(path, "", "").id().is_ok();
        assert!(id("/api/v2/personal-api-keys/0193568e-0000-7000-8000-000000000000"));
        assert!(!id("/api/v2/personal-api-keys/0193568e000070008000000000000000"));
        assert!(!id("/api/v2/personal-api-keys/7"));
    }
}
