//! A request as its handler sees it. Body, query and id are read only when asked for, so that rights are checked first.

use std::marker::PhantomData;
use std::net::IpAddr;

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Query, Request};
use http::header::{CONTENT_TYPE, IF_MATCH, USER_AGENT};
use http::{HeaderMap, Uri};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};

use super::super::{Refusal, Server, address};
use crate::domain::id::Id;
use crate::domain::key::Client;
use crate::domain::text;
use crate::wire::{BASE, BODY_MAX, Call, IDEMPOTENCY_KEY};

/// Most bytes of a `User-Agent` that are kept.
const AGENT_MAX: usize = 200;

/// The peer of a connection, put on each request by the listener.
#[derive(Clone, Copy, Debug)]
pub struct Origin(pub IpAddr);

/// A request for the call `C`.
pub struct Asked<C> {
    /// All headers. Holds the credential: never to be logged.
    pub headers: HeaderMap,
    /// Who asks, as it presents itself.
    pub client: Client,
    /// From which address, trusted proxies seen through.
    pub address: IpAddr,
    uri: Uri,
    body: Result<Bytes, Refusal>,
    call: PhantomData<C>,
}

impl<C: Call> Asked<C> {
    pub(super) async fn read(server: &Server, request: Request) -> Self {
        let (parts, body) = request.into_parts();
        let peer = parts.extensions.get::<Origin>().map_or(IpAddr::from([0, 0, 0, 0]), |origin| origin.0);
        let address = address::of(peer, &parts.headers, &server.settings.trusted_proxies);
        let wait = server.settings.limits.body_timeout;
        let body = match tokio::time::timeout(wait, Limited::new(body, BODY_MAX).collect()).await {
            Ok(Ok(body)) => Ok(body.to_bytes()),
            Ok(Err(e)) if e.is::<LengthLimitError>() => Err(Refusal::BodyTooLarge),
            Ok(Err(_)) => Err(Refusal::Malformed("The body did not arrive whole.".into())),
            Err(_) => Err(Refusal::RequestTimeout),
        };
        Self {
            client: Client { agent: agent(&parts.headers), address: address.to_string() },
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
    pub fn id(&self) -> Result<Id, Refusal> {
        let at = C::PATH.split('/').position(|part| part.starts_with('{'));
        let path = self.uri.path().strip_prefix(BASE).unwrap_or_default();
        let part = at.and_then(|at| path.split('/').nth(at)).unwrap_or_default();
        // The hyphenated form only, so that each thing has one address.
        let id: Id = part.parse().map_err(|_| Refusal::NotFound)?;
        if part.len() == 36 { Ok(id) } else { Err(Refusal::NotFound) }
    }

    /// The query parameters. Unknown ones are ignored.
    ///
    /// # Errors
    /// 422 for a parameter that is not valid.
    pub fn query(&self) -> Result<C::Query, Refusal> {
        match Query::try_from_uri(&self.uri) {
            Ok(Query(query)) => Ok(query),
            Err(rejection) => Err(field(&rejection.body_text())),
        }
    }

    /// The JSON body.
    ///
    /// # Errors
    /// 413, 415, 400 for what is no JSON, 422 for fields that are unknown, given twice, missing or of the wrong type.
    pub fn body(&mut self) -> Result<C::Body, Refusal> {
        let bytes = self.bytes()?;
        if !is_json(&self.headers) {
            return Err(Refusal::MediaTypeUnsupported);
        }
        if bytes.iter().find(|b| !b.is_ascii_whitespace()).is_some_and(|&b| b == b'[') {
            return Err(Refusal::field("body", "must be a JSON object"));
        }
        match Json::from_bytes(&bytes) {
            Ok(Json(body)) => Ok(body),
            Err(JsonRejection::JsonDataError(e)) => Err(field(&e.body_text())),
            Err(_) => Err(Refusal::Malformed("The body is not well-formed JSON.".into())),
        }
    }

    /// The body as it came, once; for its digest beside `Idempotency-Key` see the parsed fields instead.
    fn bytes(&mut self) -> Result<Bytes, Refusal> {
        std::mem::replace(&mut self.body, Ok(Bytes::new()))
    }

    /// The `Idempotency-Key`.
    ///
    /// # Errors
    /// It is missing, given twice, or not 1 to 255 printable ASCII characters.
    pub fn idempotency_key(&self) -> Result<&str, Refusal> {
        let mut all = self.headers.get_all(IDEMPOTENCY_KEY).iter();
        let key = match (all.next(), all.next()) {
            (Some(key), None) => key.to_str().map_err(|_| Refusal::IdempotencyKeyMissing)?,
            _ => return Err(Refusal::IdempotencyKeyMissing),
        };
        let printable = (1..=255).contains(&key.len()) && key.bytes().all(|b| (b' '..=b'~').contains(&b));
        if printable { Ok(key) } else { Err(Refusal::IdempotencyKeyMissing) }
    }

    /// The version in `If-Match`, nothing where it is absent. A tag that is none of ours matches no version: −1.
    pub fn if_match(&self) -> Option<i64> {
        let value = self.headers.get(IF_MATCH)?.to_str().unwrap_or_default().trim();
        let version = value.strip_prefix('"').and_then(|v| v.strip_suffix('"'));
        Some(version.and_then(|v| v.parse().ok()).unwrap_or(-1))
    }
}

/// The `User-Agent` as it is stored: cleaned and cut.
pub fn agent(headers: &HeaderMap) -> String {
    let claimed = headers.get(USER_AGENT).map(|value| String::from_utf8_lossy(value.as_bytes()));
    text::claimed(claimed.as_deref().unwrap_or_default(), AGENT_MAX)
}

fn is_json(headers: &HeaderMap) -> bool {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json")
}

/// A 422 from what serde says, `prefix: field: message`. Only words of ours are passed on: what the client sent may be a secret.
fn field(text: &str) -> Refusal {
    let text = text.split_once(": ").map_or(text, |(_, rest)| rest);
    let (mut name, message) = text.split_once(": ").unwrap_or(("", text));
    let between = |before: &str| message.split_once(before).and_then(|(_, rest)| rest.split('`').next());
    let expected =
        message.rsplit_once(", expected ").map(|(_, rest)| rest.split(" at line ").next().unwrap_or(rest));
    let wrong = if let Some(missing) = between("missing field `")
        .or_else(|| text.strip_prefix("missing field `").and_then(|r| r.split('`').next()))
    {
        name = missing;
        "is missing".to_owned()
    } else if let Some(twice) = between("duplicate field `") {
        name = twice;
        "is given twice".to_owned()
    } else if message.starts_with("must ") {
        message.split(" at line ").next().unwrap_or(message).to_owned()
    } else if message.starts_with("not a time of RFC 3339") {
        "must be a time of RFC 3339, like 2026-11-24T06:10:00Z".to_owned()
    } else if message.starts_with("UUID parsing failed") {
        "must be a UUID".to_owned()
    } else if let Some(expected) = expected {
        if message.starts_with("unknown field") {
            name = "body";
            format!("has an unknown field; known: {expected}")
        } else {
            format!("must be {expected}")
        }
    } else {
        "is not valid".to_owned()
    };
    let known = |name: &str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    Refusal::field(if known(name) { name } else { "body" }, wrong)
}
