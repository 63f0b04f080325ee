//! A request as its handler sees it. Body, query and id are read only when asked for, so that rights are checked first.

use std::marker::PhantomData;
use std::net::IpAddr;

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::rejection::JsonRejection;
use axum::extract::{Query, Request};
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, USER_AGENT};
use http::{HeaderMap, HeaderValue, Uri};
use http_body_util::BodyExt as _;

use crate::domain::id::Id;
use crate::domain::key::ClientInfo;
use crate::domain::text;
use crate::domain::usage::AGENT_MAX;
use crate::server::Server;
use crate::server::error::ApiError;
use crate::server::http::client_address;
use crate::server::http::if_match::IfMatch;
use crate::wire::{BASE, BODY_MAX, Call, IDEMPOTENCY_KEY};

/// The peer of a connection, put on each request by the listener.
#[derive(Clone, Copy, Debug)]
pub struct PeerAddress(pub IpAddr);

/// A request for the call `C`.
pub struct CallRequest<C> {
    /// All headers. Holds the credential: never to be logged.
    pub headers: HeaderMap,
    /// Who asks, as it presents itself.
    pub client: ClientInfo,
    /// From which address, trusted proxies seen through.
    pub address: IpAddr,
    uri: Uri,
    body: Result<Bytes, ApiError>,
    call: PhantomData<C>,
}

impl<C: Call> CallRequest<C> {
    pub(in crate::server) async fn read(server: &Server, request: Request) -> Self {
        let (parts, body) = request.into_parts();
        let peer =
            parts.extensions.get::<PeerAddress>().map_or(IpAddr::from([0, 0, 0, 0]), |origin| origin.0);
        let address = client_address::of(peer, &parts.headers, &server.settings.trusted_proxies);
        let wait = server.settings.limits.body_timeout;
        let body = tokio::time::timeout(wait, received(body)).await.unwrap_or(Err(ApiError::RequestTimeout));
        Self {
            client: ClientInfo { agent: agent(&parts.headers), address: address.to_string() },
            headers: parts.headers,
            address,
            uri: parts.uri,
            body,
            call: PhantomData,
        }
    }

    /// The `{id}` of the path.
    ///
    /// # Errors
    /// 404 for what cannot be an id: nothing has that name.
    pub fn id(&self) -> Result<Id, ApiError> {
        let at = C::PATH.split('/').position(|part| part.starts_with('{'));
        let path = self.uri.path().strip_prefix(BASE).unwrap_or_default();
        let part = at.and_then(|at| path.split('/').nth(at)).unwrap_or_default();
        // The hyphenated form only, so that each thing has one address.
        let id: Id = part.parse().map_err(|_| ApiError::NotFound)?;
        if part.len() == 36 { Ok(id) } else { Err(ApiError::NotFound) }
    }

    /// The query parameters. Unknown ones are ignored, save where that would do more than was asked for.
    ///
    /// # Errors
    /// 422 for a parameter that is not valid.
    pub fn query(&self) -> Result<C::Query, ApiError> {
        match Query::try_from_uri(&self.uri) {
            Ok(Query(query)) => Ok(query),
            Err(rejection) => Err(field("query", &rejection.body_text())),
        }
    }

    /// The JSON body.
    ///
    /// # Errors
    /// 413, 415 for another type or a compressed body, 400 for what is no JSON, 422 for fields that are unknown, given twice, missing or of the wrong type.
    pub fn body(&mut self) -> Result<C::Body, ApiError> {
        let bytes = self.bytes()?;
        if !is_json(&self.headers) {
            return Err(ApiError::MediaTypeUnsupported);
        }
        // An array would be taken for the fields in their order.
        if bytes.iter().find(|b| !b.is_ascii_whitespace()).is_some_and(|&b| b == b'[') {
            return Err(ApiError::field("body", "must be a JSON object"));
        }
        match Json::from_bytes(&bytes) {
            Ok(Json(body)) => Ok(body),
            Err(JsonRejection::JsonDataError(e)) => Err(field("body", &e.body_text())),
            Err(_) => Err(ApiError::Malformed("The body is not well-formed JSON.".into())),
        }
    }

    /// The body as it came, once; for its digest beside `Idempotency-Key` see the parsed fields instead.
    fn bytes(&mut self) -> Result<Bytes, ApiError> {
        std::mem::replace(&mut self.body, Ok(Bytes::new()))
    }

    /// The `Idempotency-Key`.
    ///
    /// # Errors
    /// It is missing, given twice, or not 1 to 255 printable ASCII characters.
    pub fn idempotency_key(&self) -> Result<&str, ApiError> {
        let mut all = self.headers.get_all(IDEMPOTENCY_KEY).iter();
        let key = match (all.next(), all.next()) {
            (Some(key), None) => key.to_str().map_err(|_| ApiError::IdempotencyKeyMissing)?,
            _ => return Err(ApiError::IdempotencyKeyMissing),
        };
        let printable = (1..=255).contains(&key.len()) && key.bytes().all(|b| (b' '..=b'~').contains(&b));
        if printable { Ok(key) } else { Err(ApiError::IdempotencyKeyMissing) }
    }

    /// The `If-Match`, nothing where it is absent.
    ///
    /// # Errors
    /// It is no list of entity tags.
    pub fn if_match(&self) -> Result<Option<IfMatch>, ApiError> {
        IfMatch::read(&self.headers)
    }
}

/// The whole body.
async fn received(mut body: Body) -> Result<Bytes, ApiError> {
    let mut bytes = Vec::new();
    while let Some(data) = next(&mut body).await? {
        if bytes.len() + data.len() > BODY_MAX {
            return Err(ApiError::BodyTooLarge);
        }
        bytes.extend_from_slice(&data);
    }
    Ok(bytes.into())
}

async fn next(body: &mut Body) -> Result<Option<Bytes>, ApiError> {
    match body.frame().await {
        None => Ok(None),
        Some(Ok(frame)) => Ok(Some(frame.into_data().unwrap_or_default())),
        Some(Err(_)) => Err(ApiError::Malformed("The body did not arrive whole.".into())),
    }
}

/// The `User-Agent` as it is stored: cleaned and cut.
pub fn agent(headers: &HeaderMap) -> String {
    let claimed = headers.get(USER_AGENT).map(|value| String::from_utf8_lossy(value.as_bytes()));
    text::sanitize_agent(claimed.as_deref().unwrap_or_default(), AGENT_MAX)
}

/// Whether the body says once that it is JSON, and says nothing of being compressed.
fn is_json(headers: &HeaderMap) -> bool {
    let mut types = headers.get_all(CONTENT_TYPE).iter();
    let (Some(value), None) = (types.next(), types.next()) else { return false };
    let media_type = value.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim();
    let plain = |coding: &HeaderValue| coding.as_bytes().trim_ascii().eq_ignore_ascii_case(b"identity");
    media_type.eq_ignore_ascii_case("application/json") && headers.get_all(CONTENT_ENCODING).iter().all(plain)
}

/// A 422 from what serde says of that part of a request, `prefix: field: message`. Only words of ours are passed on: what the client sent may be a secret.
fn field(part: &str, text: &str) -> ApiError {
    let text = text.split_once(": ").map_or(text, |(_, rest)| rest);
    let text = text.split(" at line ").next().unwrap_or(text);
    let is_name = |name: &str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    let (name, message) = text.split_once(": ").unwrap_or(("", text));
    let name = if is_name(name) { name } else { part };
    // At the beginning only, and names only: what follows may quote what was sent, and that may hold the same words.
    let quoted = |before: &str| {
        let name = message.strip_prefix(before)?.split('`').next()?;
        is_name(name).then_some(name)
    };
    if let Some(name) = quoted("missing field `") {
        return ApiError::field(name, "is missing");
    }
    if let Some(name) = quoted("duplicate field `") {
        return ApiError::field(name, "is given twice");
    }
    let expected = message.rsplit_once(", expected ").map(|(_, expected)| expected);
    if message.starts_with("unknown field `") {
        let known = expected.map_or("none", |known| known.trim_start_matches("one of "));
        return ApiError::field(part, format!("has an unknown field; known: {known}"));
    }
    let wrong = match expected {
        _ if message.starts_with("must ") => message.to_owned(),
        _ if message.starts_with("not a time of RFC 3339") => {
            "must be a time of RFC 3339, like 2026-11-24T06:10:00Z".to_owned()
        }
        _ if message.starts_with("provided string was not `true` or `false`") => {
            "must be `true` or `false`".to_owned()
        }
        _ if message.starts_with("UUID parsing failed") => "must be a UUID".to_owned(),
        // What was to be read has a name in Rust only.
        Some(expected) if expected.starts_with("struct ") => "must be a JSON object".to_owned(),
        Some(expected) => format!("must be {expected}"),
        None => "is not valid".to_owned(),
    };
    ApiError::field(name, wrong)
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
        let refused = request::<C>("/", "application/json; charset=utf-8", body).body();
        refused.err().unwrap_or_else(|| panic!("taken: {body}")).problem()
    }

    #[test]
    fn a_body_is_refused_with_what_is_wrong_and_without_what_was_sent() {
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
                "`body` has an unknown field; known: `name`, `note`, `replaces`",
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
                "`unless_used_since` must be a time of RFC 3339",
            ),
            (
                body_problem::<CreatePersonalKey>(&format!("{{\"name\":\"a\",\"replaces\":\"{secret}\"}}")),
                422,
                "`replaces` must be a UUID",
            ),
        ];
        for (problem, status, says) in cases {
            assert_eq!(problem.status, status, "{problem:?}");
            assert!(problem.detail.contains(says), "{problem:?}");
            assert!(!serde_json::to_string(&problem).unwrap().contains(secret), "{problem:?}");
        }
    }

    #[test]
    fn a_body_says_once_that_it_is_plain_json() {
        let taken = |headers: &[(HeaderName, &'static str)]| {
            let mut request = request::<EditPersonalKey>("/", "application/json", "{}");
            request.headers.clear();
            for (name, value) in headers {
                request.headers.append(name, HeaderValue::from_static(value));
            }
            match request.body() {
                Ok(_) => true,
                Err(refusal) => {
                    assert!(matches!(refusal, ApiError::MediaTypeUnsupported), "{refusal:?}");
                    false
                }
            }
        };
        assert!(taken(&[(CONTENT_TYPE, "Application/JSON ; charset=utf-8")]));
        assert!(taken(&[(CONTENT_TYPE, "application/json"), (CONTENT_ENCODING, "identity")]));
        assert!(!taken(&[]));
        assert!(!taken(&[(CONTENT_TYPE, "text/plain")]));
        assert!(!taken(&[(CONTENT_TYPE, "application/json, text/plain")]));
        assert!(!taken(&[(CONTENT_TYPE, "application/json"), (CONTENT_TYPE, "text/plain")]));
        assert!(!taken(&[(CONTENT_TYPE, "application/json"), (CONTENT_ENCODING, "gzip")]));
        assert!(!taken(&[(CONTENT_TYPE, "application/json"), (CONTENT_ENCODING, "gzip, identity")]));
    }

    #[test]
    fn a_query_is_refused_with_what_is_wrong() {
        let cases = [
            ("limit=0", "`limit` must be 1 to 1000"),
            ("limit=1001", "`limit` must be 1 to 1000"),
            ("limit=-1", "`limit` must be 1 to 1000"),
            ("limit=1e1", "`limit` must be 1 to 1000"),
            ("limit=", "`limit` must be 1 to 1000"),
            ("limit=5&limit=6", "`limit` is given twice"),
            ("key=sk_0", "`key` must be a UUID"),
            ("from=yesterday", "`from` must be a time of RFC 3339"),
            ("action=sk_0", "`action` must be one of"),
        ];
        for (query, says) in cases {
            let refused = request::<ListActivity>(&format!("/?{query}"), "", "").query();
            let problem = refused.err().unwrap_or_else(|| panic!("taken: {query}")).problem();
            assert_eq!(problem.status, 422);
            assert!(problem.detail.contains(says), "{query}: {problem:?}");
            assert!(!problem.detail.contains("sk_0"), "{problem:?}");
        }
        let fine = request::<ListActivity>("/?limit=1000&unknown=1&cursor=", "", "").query();
        assert_eq!(fine.map(|q| q.limit).ok(), Some(Some(1_000)));
        // A trial with a slip of the pen must not become the deed.
        let slip = request::<RemoveMember>("/?dry-run=true", "", "").query();
        let problem = slip.expect_err("taken").problem();
        assert!(problem.detail.contains("`query` has an unknown field; known: `dry_run`"), "{problem:?}");
    }

    #[test]
    fn what_is_no_id_is_not_found() {
        let id = |path: &str| request::<EditPersonalKey>(path, "", "").id().is_ok();
        assert!(id("/api/v2/personal-api-keys/0193568e-0000-7000-8000-000000000000"));
        assert!(!id("/api/v2/personal-api-keys/0193568e000070008000000000000000"));
        assert!(!id("/api/v2/personal-api-keys/7"));
    }
}
