//! The server accepts exactly the request bodies that the document allows, including fields that depend on one another.

use keyward::server::openapi::document;
use serde_json::{Map, Value, json};

use super::conformance::sign_in_ada_again;
use super::schema::violations;
use crate::support::Database;
use crate::support::raw_http::{request, send};
use crate::support::test_server::TestServer;

/// The request bodies to try for one schema.
struct BodyCases {
    schema: &'static str,
    method: &'static str,
    path: &'static str,
    /// Each field with the values to try. A field that may be null is also tried without a value.
    fields: Vec<(&'static str, Vec<Value>)>,
}

/// Returns every combination of the fields' values.
fn combinations(fields: &[(&'static str, Vec<Value>)]) -> Vec<Map<String, Value>> {
    let Some(((name, values), rest)) = fields.split_first() else { return vec![Map::new()] };
    let mut bodies = Vec::new();
    for body in combinations(rest) {
        for value in values {
            let mut body = body.clone();
            body.insert((*name).into(), value.clone());
            bodies.push(body);
        }
        if values.contains(&Value::Null) {
            bodies.push(body);
        }
    }
    bodies
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_accepts_exactly_the_bodies_that_the_document_allows() {
    let server = TestServer::start(&Database::sqlite()).await;
    let bearer = format!("Bearer {}", sign_in_ada_again(&server).await);
    let document = document();
    let nobody = "0193568e-0000-7000-8000-000000000000";
    let texts = |most: usize| {
        let texts = ["", "  ", "x", &"ä".repeat(most), &"x".repeat(most + 1)];
        texts.iter().map(|text| json!(text)).chain([Value::Null]).collect::<Vec<_>>()
    };
    let cases = [
        BodyCases {
            schema: "RevokeKey",
            method: "POST",
            path: "/api/v2/api-keys/0193568e-0000-7000-8000-000000000000/revoke",
            fields: vec![
                ("unless_used_since", vec![Value::Null, json!("2026-01-01T00:00:00.000Z")]),
                ("even_if_used", vec![Value::Null, json!(true), json!(false)]),
                ("reason", texts(1000)),
            ],
        },
        BodyCases {
            schema: "Decide",
            method: "POST",
            path: "/api/v2/reviews",
            fields: vec![
                ("review_id", vec![json!(nobody)]),
                ("key_id", vec![json!(nobody)]),
                ("decision", vec![json!("keep"), json!("revoke"), json!("rotate"), json!("skip")]),
                ("until", vec![Value::Null, json!("2999-01-01T00:00:00.000Z")]),
                ("unless_used_since", vec![Value::Null, json!("2026-01-01T00:00:00.000Z")]),
                ("note", texts(1000)),
            ],
        },
        BodyCases {
            schema: "CreateKey",
            method: "POST",
            path: "/api/v2/personal-api-keys",
            fields: vec![
                ("name", texts(100)),
                ("note", texts(1000)),
                ("replaces", vec![Value::Null, json!(nobody)]),
            ],
        },
        BodyCases {
            schema: "EditKey",
            method: "PATCH",
            path: "/api/v2/api-keys/0193568e-0000-7000-8000-000000000000",
            fields: vec![("name", texts(100)), ("note", texts(1000))],
        },
    ];
    let (mut taken, mut refused) = (0, 0);
    for BodyCases { schema, method, path, fields } in cases {
        let schema = &document["components"]["schemas"][schema];
        for (n, body) in combinations(&fields).into_iter().enumerate() {
            let body = Value::from(body);
            let violated = violations(&document, schema, &body);
            let header = format!("{path} {n}");
            let headers = [
                ("Authorization", bearer.as_str()),
                ("Content-Type", "application/json"),
                ("Idempotency-Key", &header),
                ("If-Match", "*"),
            ];
            let response = send(server.address(), request(method, path, &headers, &body.to_string())).await;
            let is_refused = response.problem() == "field-invalid";
            assert_eq!(is_refused, !violated.is_empty(), "{path} {body} {violated:?} {response:?}");
            *if is_refused { &mut refused } else { &mut taken } += 1;
        }
    }
    assert!(taken > 50 && refused > 50, "{taken} taken, {refused} refused");
    server.stop().await;
}
