//! The OpenAPI document, made from the wire types, and the page that shows it.

use std::any::type_name;
use std::collections::BTreeMap;
use std::sync::LazyLock;

use aide::redoc::Redoc;
use axum::Router;
use axum::body::Bytes;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use serde_json::{Map, Value, json};
use utoipa::openapi::path::ParameterIn;
use utoipa::openapi::{RefOr, Schema};
use utoipa::{IntoParams as _, ToSchema};

use crate::wire::problem::{Problem, ProblemType};
use crate::wire::{self, BASE, Call, CallVisitor, Plane};

mod operation;

/// Where the document is, below [`BASE`].
const DOCUMENT: &str = "/openapi.json";
/// Lets the page run what it brings along, ask this server for the document, and ask nobody else for anything.
const POLICY: &str = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; \
                      font-src data:; connect-src 'self'; worker-src blob:; frame-ancestors 'none'";

/// The picture that Redoc shows beside its name.
const LOGO: &str = "https://cdn.redoc.ly/redoc/logo-mini.svg";

/// The document as it is sent. Made once.
static TEXT: LazyLock<Bytes> = LazyLock::new(|| document().to_string().into());

/// The routes of the document and its page.
pub(in crate::server) fn routes() -> Router {
    Router::new()
        .route(&format!("{BASE}{DOCUMENT}"), get(async || text()))
        .route(&format!("{BASE}/redoc"), get(async || page()))
}

fn text() -> Response {
    ([(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "no-cache")], TEXT.clone()).into_response()
}

fn page() -> Response {
    let html = Redoc::new(format!("{BASE}{DOCUMENT}")).with_title("keyward: the HTTP contract").html();
    // The one thing that Redoc's script would fetch from elsewhere.
    let html = html.replace(LOGO, "data:,");
    ([(CONTENT_SECURITY_POLICY, POLICY), (CACHE_CONTROL, "no-cache")], Html(html)).into_response()
}

/// The whole document.
pub fn document() -> Value {
    let mut document = DocumentBuilder::default();
    document.component::<Problem>();
    wire::visit_calls(&mut document);
    document.paths.insert(
        format!("{BASE}{DOCUMENT}"),
        json!({"get": {
            "operationId": "getOpenApi",
            "tags": ["About"],
            "summary": "This document",
            "description": "The contract as the server was built with it.",
            "security": [],
            "responses": {
                "200": operation::success("The document.", Some(json!({"type": "object"})), &[]),
                "421": operation::failure(&[ProblemType::HostUnknown]),
            },
        }}),
    );
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "keyward",
            "version": env!("CARGO_PKG_VERSION"),
            "description": ABOUT,
            "license": {"name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0"},
        },
        "servers": [{"url": "/", "description": "The server that this document is from."}],
        "tags": [
            {"name": "Data plane", "description": "What an API key reaches. Every success counts as a use of the key."},
            {"name": "Management plane", "description": "What a signed-in member reaches. API keys are refused here."},
            {"name": "Signing in", "description": "Without a credential."},
            {"name": "About", "description": "The contract itself."},
        ],
        "paths": document.paths,
        "components": {
            "schemas": document.schemas,
            "securitySchemes": {
                "key": {"type": "http", "scheme": "bearer", "bearerFormat": "sk_…", "description": "An API key."},
                "session": {"type": "http", "scheme": "bearer", "bearerFormat": "ses_…", "description": "A member's session."},
            },
        },
    })
}

const ABOUT: &str = "One server answers for one organization. Integrations send an API key and read data; members sign in and manage keys. \
Errors are problem details (RFC 9457): `type` is a bare, stable name; `X-Request-Id` finds the request in the server's log. \
Lists are pages: hand `metadata.next_cursor` back as `cursor` until it is null.";

#[derive(Default)]
struct DocumentBuilder {
    paths: Map<String, Value>,
    schemas: BTreeMap<String, Value>,
}

impl DocumentBuilder {
    /// A reference to the schema of `T`, which is added with all that it refers to.
    fn component<T: ToSchema>(&mut self) -> Value {
        let mut found: Vec<(String, RefOr<Schema>)> = Vec::new();
        T::schemas(&mut found);
        for (name, schema) in found {
            self.schemas.entry(name).or_insert_with(|| plain(&schema));
        }
        let name = T::name().into_owned();
        let reference = json!({"$ref": format!("#/components/schemas/{name}")});
        self.schemas.entry(name).or_insert_with_key(|name| {
            let mut schema = plain(&T::schema());
            if let Some(between) = between_fields(name) {
                schema.as_object_mut().expect("a schema is an object").extend(between);
            }
            schema
        });
        reference
    }
}

impl CallVisitor for DocumentBuilder {
    fn call<C: Call>(&mut self) {
        let body = (!is_nothing::<C::Body>()).then(|| self.component::<C::Body>());
        let reply = (!is_nothing::<C::Reply>()).then(|| self.component::<C::Reply>());
        let (tag, security) = match C::PLANE {
            Plane::Data => ("Data plane", json!([{"key": []}])),
            Plane::Management => ("Management plane", json!([{"session": []}])),
            Plane::Open => ("Signing in", json!([])),
        };
        // A heading takes no markup, and one sentence.
        let summary = C::ABOUT.trim().split_inclusive(['.', ';']).next().unwrap_or_default();
        let summary = summary.trim_end_matches(['.', ';']).replace('`', "");
        let mut operation = json!({
            "operationId": C::OPERATION,
            "tags": [tag],
            "summary": summary,
            "description": C::ABOUT.trim(),
            "security": security,
            "parameters": parameters::<C>(),
            "responses": operation::responses::<C>(reply.as_ref()),
        });
        if let Some(schema) = body {
            operation["requestBody"] =
                json!({"required": true, "content": {"application/json": {"schema": schema}}});
        }
        let path = self.paths.entry(format!("{BASE}{}", C::PATH)).or_insert_with(|| json!({}));
        path[C::METHOD.as_str().to_ascii_lowercase()] = operation;
    }
}

/// Query, path and header parameters of a call.
fn parameters<C: Call>() -> Vec<Value> {
    let mut all: Vec<Value> = C::Query::into_params(|| Some(ParameterIn::Query)).iter().map(plain).collect();
    if C::HAS_ID {
        all.push(json!({
            "name": "id", "in": "path", "required": true, "schema": {"type": "string", "format": "uuid"},
        }));
    }
    let traits = operation::OperationTraits::of(C::OPERATION);
    if traits.idempotent {
        all.push(json!({
            "name": "Idempotency-Key", "in": "header", "required": true,
            "description": "A new one for each thing to create. Repeating a request with it never creates twice.",
            "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[ -~]+$"},
        }));
    }
    if let Some(required) = traits.if_match {
        all.push(json!({
            "name": "If-Match", "in": "header", "required": required,
            "description": "The `ETag` of the key that was looked at; `*` for whatever it is now.",
            "schema": {"type": "string", "pattern": operation::IF_MATCH},
        }));
    }
    all
}

/// What holds between the fields of a body, which their types cannot say.
fn between_fields(schema: &str) -> Option<Map<String, Value>> {
    let given = json!({"type": "string"});
    let absent = json!({"type": "null"});
    let between = match schema {
        "RevokeKey" => json!({
            "if": {"properties": {"even_if_used": {"const": true}}, "required": ["even_if_used"]},
            "then": {
                "properties": {"unless_used_since": absent, "reason": {"type": "string", "pattern": "\\S"}},
                "required": ["reason"],
            },
            "else": {"properties": {"unless_used_since": given}, "required": ["unless_used_since"]},
        }),
        "Decide" => json!({
            "if": {"properties": {"decision": {"const": "revoke"}}},
            "then": {
                "properties": {"unless_used_since": given, "until": absent},
                "required": ["unless_used_since"],
            },
            "else": {
                "properties": {"unless_used_since": absent},
                "if": {"properties": {"decision": {"const": "keep"}}},
                "else": {"properties": {"until": absent}},
            },
        }),
        _ => return None,
    };
    between.as_object().cloned()
}

fn is_nothing<T>() -> bool {
    type_name::<T>() == type_name::<()>()
}

fn plain(part: &impl serde::Serialize) -> Value {
    serde_json::to_value(part).expect("parts of the document are plain data")
}
