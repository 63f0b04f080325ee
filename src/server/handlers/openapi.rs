//! The OpenAPI document, generated from the types in `wire`, and the Redoc page that shows it.
//!
//! Start reading with [`document`]. Only what the types do not say is listed by hand.

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

use crate::domain::review::Decision;
use crate::wire::problem::{Problem, ProblemType};
use crate::wire::{self, BASE, Call, CallVisitor, Plane};

mod responses;

/// Path of the OpenAPI document, relative to [`BASE`].
const DOCUMENT_PATH: &str = "/openapi.json";
/// `Content-Security-Policy` of the Redoc page: permits its embedded script, and loading the document from this server, but nothing
/// from other hosts.
const CONTENT_POLICY: &str = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; \
                      font-src data:; connect-src 'self'; worker-src blob:; frame-ancestors 'none'";

/// URL of the logo that the Redoc page would load from another host.
const REDOC_LOGO: &str = "https://cdn.redoc.ly/redoc/logo-mini.svg";

/// The serialized OpenAPI document.
static DOCUMENT_JSON: LazyLock<Bytes> = LazyLock::new(|| document().to_string().into());

pub(in crate::server) fn routes() -> Router {
    Router::new()
        .route(&format!("{BASE}{DOCUMENT_PATH}"), get(async || document_response()))
        .route(&format!("{BASE}/redoc"), get(async || redoc_page()))
}

fn document_response() -> Response {
    ([(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "no-cache")], DOCUMENT_JSON.clone()).into_response()
}

fn redoc_page() -> Response {
    let html = Redoc::new(format!("{BASE}{DOCUMENT_PATH}")).with_title("keyward HTTP API").html();
    // The only resource that Redoc's script would load from another host.
    let html = html.replace(REDOC_LOGO, "data:,");
    ([(CONTENT_SECURITY_POLICY, CONTENT_POLICY), (CACHE_CONTROL, "no-cache")], Html(html)).into_response()
}

/// Generates the OpenAPI document.
pub fn document() -> Value {
    let mut builder = DocumentBuilder::default();
    builder.add_schema::<Problem>();
    wire::visit_calls(&mut builder);
    builder.paths.insert(
        format!("{BASE}{DOCUMENT_PATH}"),
        json!({"get": {
            "operationId": "getOpenApi",
            "tags": ["About"],
            "summary": "This document",
            "description": "The OpenAPI document for the version of this server.",
            "security": [],
            "responses": {
                "200": responses::describe_success("The document.", Some(json!({"type": "object"})), &[]),
                "421": responses::describe_failure(&[ProblemType::HostUnknown]),
            },
        }}),
    );
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "keyward",
            "version": env!("CARGO_PKG_VERSION"),
            "description": API_DESCRIPTION,
            "license": {"name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0"},
        },
        "servers": [{"url": "/", "description": "The server that serves this document."}],
        "tags": [
            {"name": "Data plane", "description": "Calls with an API key. Every successful call counts as a use of the key."},
            {"name": "Management plane", "description": "Calls by a signed-in member. API keys are refused."},
            {"name": "Signing in", "description": "Calls without a credential."},
            {"name": "About", "description": "The API's own description."},
        ],
        "paths": builder.paths,
        "components": {
            "schemas": builder.schemas,
            "securitySchemes": {
                "key": {"type": "http", "scheme": "bearer", "bearerFormat": "sk_…", "description": "An API key."},
                "session": {"type": "http", "scheme": "bearer", "bearerFormat": "ses_…", "description": "A member's session."},
            },
        },
    })
}

const API_DESCRIPTION: &str = "One server serves one organization. Integrations send an API key and read data; members sign in and manage keys. \
Errors are problem details (RFC 9457): `type` is a stable name, and the server logs each request under its `X-Request-Id`. \
Lists are paged: send `metadata.next_cursor` as `cursor` until it is null.";

#[derive(Default)]
struct DocumentBuilder {
    paths: Map<String, Value>,
    schemas: BTreeMap<String, Value>,
}

impl DocumentBuilder {
    /// Adds the schema of `T`, and every schema that it refers to, to the document. Returns a `$ref` to the schema of `T`.
    fn add_schema<T: ToSchema>(&mut self) -> Value {
        let mut found: Vec<(String, RefOr<Schema>)> = Vec::new();
        T::schemas(&mut found);
        for (name, schema) in found {
            self.schemas.entry(name).or_insert_with(|| to_json(&schema));
        }
        let name = T::name().into_owned();
        let reference = json!({"$ref": format!("#/components/schemas/{name}")});
        self.schemas.entry(name).or_insert_with_key(|name| {
            let mut schema = to_json(&T::schema());
            if let Some(conditions) = field_conditions(name) {
                schema.as_object_mut().expect("a schema is a JSON object").extend(conditions);
            }
            schema
        });
        reference
    }
}

impl CallVisitor for DocumentBuilder {
    fn visit<C: Call>(&mut self) {
        let body = (!is_unit::<C::Body>()).then(|| self.add_schema::<C::Body>());
        let reply = (!is_unit::<C::Reply>()).then(|| self.add_schema::<C::Reply>());
        let (tag, security) = match C::PLANE {
            Plane::Data => ("Data plane", json!([{"key": []}])),
            Plane::Management => ("Management plane", json!([{"session": []}])),
            Plane::Open => ("Signing in", json!([])),
        };
        // A heading: the first sentence, without markup.
        let summary = C::ABOUT.trim().split_inclusive(['.', ';']).next().unwrap_or_default();
        let summary = summary.trim_end_matches(['.', ';']).replace('`', "");
        let mut operation = json!({
            "operationId": C::OPERATION,
            "tags": [tag],
            "summary": summary,
            "description": C::ABOUT.trim(),
            "security": security,
            "parameters": parameters::<C>(),
            "responses": responses::responses::<C>(reply.as_ref()),
        });
        if let Some(schema) = body {
            operation["requestBody"] =
                json!({"required": true, "content": {"application/json": {"schema": schema}}});
        }
        let path = self.paths.entry(format!("{BASE}{}", C::PATH)).or_insert_with(|| json!({}));
        path[C::METHOD.as_str().to_ascii_lowercase()] = operation;
    }
}

/// Describes the query, path and header parameters of a call.
fn parameters<C: Call>() -> Vec<Value> {
    let mut all: Vec<Value> =
        C::Query::into_params(|| Some(ParameterIn::Query)).iter().map(to_json).collect();
    if C::HAS_ID {
        all.push(json!({
            "name": "id", "in": "path", "required": true, "schema": {"type": "string", "format": "uuid"},
        }));
    }
    let traits = responses::OperationTraits::for_operation(C::OPERATION);
    if traits.idempotent {
        all.push(json!({
            "name": "Idempotency-Key", "in": "header", "required": true,
            "description": "A new value for each thing that you create. A retry with the same value never creates a second one.",
            "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[ -~]+$"},
        }));
    }
    if let Some(required) = traits.if_match {
        all.push(json!({
            "name": "If-Match", "in": "header", "required": required,
            "description": "The `ETag` of the key as you last read it, or `*` for any version.",
            "schema": {"type": "string", "pattern": responses::IF_MATCH_PATTERN},
        }));
    }
    all
}

/// Returns the conditions between a body's fields that Rust types cannot express; `None` if the schema has no such conditions.
fn field_conditions(schema: &str) -> Option<Map<String, Value>> {
    let given = json!({"type": "string"});
    let absent = json!({"type": "null"});
    let conditions = match schema {
        "RevokeKey" => json!({
            "if": {"properties": {"even_if_used": {"const": true}}, "required": ["even_if_used"]},
            "then": {
                "properties": {"unless_used_since": absent, "reason": {"type": "string", "pattern": "\\S"}},
                "required": ["reason"],
            },
            "else": {"properties": {"unless_used_since": given}, "required": ["unless_used_since"]},
        }),
        "Decide" => json!({
            "if": {"properties": {"decision": {"const": Decision::Revoke.word()}}},
            "then": {
                "properties": {"unless_used_since": given, "until": absent},
                "required": ["unless_used_since"],
            },
            "else": {
                "properties": {"unless_used_since": absent},
                "if": {"properties": {"decision": {"const": Decision::Keep.word()}}},
                "else": {"properties": {"until": absent}},
            },
        }),
        _ => return None,
    };
    conditions.as_object().cloned()
}

fn is_unit<T>() -> bool {
    type_name::<T>() == type_name::<()>()
}

fn to_json(part: &impl serde::Serialize) -> Value {
    serde_json::to_value(part).expect("every part of the document can be serialized as JSON")
}
