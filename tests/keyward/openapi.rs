//! The OpenAPI document: complete, and consistent with the server's replies.

use std::collections::BTreeSet;

use keyward::server::openapi::document;
use keyward::wire::{self, Call, CallVisitor};
use serde_json::Value;

mod conformance;
mod request_bodies;
mod request_fuzzer;
mod schema;

/// Adds every `$ref` inside `value` to `out`.
fn collect_references(value: &Value, out: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            out.extend(fields.get("$ref").and_then(Value::as_str).map(str::to_owned));
            fields.values().for_each(|field| collect_references(field, out));
        }
        Value::Array(items) => items.iter().for_each(|item| collect_references(item, out)),
        _ => {}
    }
}

#[test]
fn every_schema_reference_resolves() {
    let document = document();
    let mut all = BTreeSet::new();
    collect_references(&document, &mut all);
    assert!(all.len() > 20, "{all:?}");
    for reference in all {
        let pointer = reference.strip_prefix('#').expect("references stay within the document");
        assert!(document.pointer(pointer).is_some(), "{reference} does not resolve");
    }
}

#[test]
fn every_call_is_documented_with_its_problems_and_headers() {
    struct CallCheck(Value, usize);
    impl CallVisitor for CallCheck {
        fn visit<C: Call>(&mut self) {
            let path = format!("{}{}", wire::BASE, C::PATH);
            let operation = &self.0["paths"][&path][C::METHOD.as_str().to_lowercase()];
            assert_eq!(operation["operationId"], C::OPERATION, "{path}");
            let responses = operation["responses"].as_object().unwrap();
            assert!(responses.contains_key(&C::STATUS.to_string()), "{path}");
            for (status, response) in responses {
                let has = |header: &str| response["headers"].get(header).is_some();
                assert!(has("X-Request-Id"), "{path} {status}");
                assert_eq!(has("WWW-Authenticate"), status == "401", "{path} {status}");
                assert_eq!(has("Retry-After"), ["429", "503"].contains(&status.as_str()), "{path} {status}");
            }
            self.1 += 1;
        }
    }
    let mut check = CallCheck(document(), 0);
    wire::visit_calls(&mut check);
    let operations: usize =
        check.0["paths"].as_object().unwrap().values().map(|path| path.as_object().unwrap().len()).sum();
    assert_eq!(operations, check.1 + 1, "every call, and the document itself");
}
