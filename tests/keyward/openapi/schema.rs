//! Validates JSON values against the schemas of the OpenAPI document. Panics on a schema keyword that is not supported here.

use keyward::domain::id::Id;
use keyward::domain::time::Timestamp;
use serde_json::Value;

/// Schema keywords that do not restrict values.
const ANNOTATION_KEYWORDS: [&str; 6] =
    ["title", "description", "default", "example", "examples", "deprecated"];

/// Returns how `value` violates the schema, each violation with its path in `value`.
pub fn violations(document: &Value, schema: &Value, value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    check_value(document, schema, value, "$", &mut found);
    found
}

/// Returns the schema that a `$ref` refers to, or the schema itself.
pub fn resolve<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    match schema["$ref"].as_str() {
        Some(reference) => {
            document.pointer(reference.trim_start_matches('#')).expect("checked by another test")
        }
        None => schema,
    }
}

fn check_value(document: &Value, schema: &Value, value: &Value, path: &str, found: &mut Vec<String>) {
    let Some(keywords) = schema.as_object() else { return };
    let mut report = |problem: String| found.push(format!("{path}: {problem}: {value}"));
    for (keyword, wanted) in keywords {
        match keyword.as_str() {
            "type" => {
                let types: Vec<_> =
                    wanted.as_array().map_or_else(|| vec![wanted], |types| types.iter().collect());
                if !types.iter().any(|t| is_type(t.as_str().unwrap_or_default(), value)) {
                    report(format!("is not of type {wanted}"));
                }
            }
            "enum" if !wanted.as_array().is_some_and(|all| all.contains(value)) => {
                report(format!("is none of {wanted}"));
            }
            "format" if value.as_str().is_some_and(|text| !has_format(wanted, text)) => {
                report(format!("is not in the format {wanted}"));
            }
            "const" if value != wanted => report(format!("is not {wanted}")),
            "minLength" if char_count(value) < wanted.as_u64() && value.is_string() => {
                report("is too short".into());
            }
            "maxLength" if char_count(value) > wanted.as_u64() => report("is too long".into()),
            "pattern" if value.as_str().is_some_and(|text| !matches_pattern(wanted, text)) => {
                report(format!("does not fit {wanted}"));
            }
            "minimum" if value.as_f64() < wanted.as_f64() && value.is_number() => {
                report("is too small".into());
            }
            "maximum" if value.as_f64() > wanted.as_f64() => report("is too large".into()),
            "required" => {
                for name in wanted.as_array().into_iter().flatten().filter_map(Value::as_str) {
                    if value.is_object() && value.get(name).is_none() {
                        report(format!("lacks {name}"));
                    }
                }
            }
            "additionalProperties" if wanted == &Value::Bool(false) => {
                for name in value.as_object().into_iter().flat_map(|fields| fields.keys()) {
                    if schema["properties"].get(name).is_none() {
                        report(format!("has {name}"));
                    }
                }
            }
            "enum"
            | "format"
            | "minimum"
            | "maximum"
            | "properties"
            | "additionalProperties"
            | "items"
            | "allOf"
            | "oneOf"
            | "anyOf"
            | "$ref"
            | "propertyNames"
            | "const"
            | "minLength"
            | "maxLength"
            | "pattern"
            | "if"
            | "then"
            | "else" => {}
            other => {
                assert!(
                    ANNOTATION_KEYWORDS.contains(&other),
                    "the schema uses `{other}`, which is not checked"
                );
            }
        }
    }
    check_subschemas(document, schema, value, path, found);
}

/// Checks the schema keywords that contain other schemas.
fn check_subschemas(document: &Value, schema: &Value, value: &Value, path: &str, found: &mut Vec<String>) {
    if schema.get("$ref").is_some() {
        check_value(document, resolve(document, schema), value, path, found);
    }
    for (name, part) in schema["properties"].as_object().into_iter().flatten() {
        if let Some(field) = value.get(name) {
            check_value(document, part, field, &format!("{path}.{name}"), found);
        }
    }
    if schema["additionalProperties"].is_object() {
        for (name, field) in value.as_object().into_iter().flatten() {
            if schema["properties"].get(name).is_none() {
                check_value(
                    document,
                    &schema["additionalProperties"],
                    field,
                    &format!("{path}.{name}"),
                    found,
                );
            }
        }
    }
    for (i, item) in value.as_array().into_iter().flatten().enumerate() {
        check_value(document, &schema["items"], item, &format!("{path}[{i}]"), found);
    }
    for part in schema["allOf"].as_array().into_iter().flatten() {
        check_value(document, part, value, path, found);
    }
    if let Some(condition) = schema.get("if") {
        let holds = violations(document, condition, value).is_empty();
        check_value(document, &schema[if holds { "then" } else { "else" }], value, path, found);
    }
    for keyword in ["oneOf", "anyOf"] {
        let Some(options) = schema[keyword].as_array() else { continue };
        let fits = options.iter().filter(|option| violations(document, option, value).is_empty()).count();
        if fits == 0 || (keyword == "oneOf" && fits > 1) {
            found.push(format!("{path}: fits {fits} of {keyword}: {value}"));
        }
    }
}

fn is_type(name: &str, value: &Value) -> bool {
    match name {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("the schema has the type `{other}`, which is not checked"),
    }
}

/// Returns the number of characters in a text; `None` if the value is not a text.
fn char_count(value: &Value) -> Option<u64> {
    value.as_str().map(|text| text.chars().count() as u64)
}

/// Returns whether a text matches a pattern; supports the patterns that the document uses.
fn matches_pattern(pattern: &Value, text: &str) -> bool {
    match pattern.as_str() {
        Some(r"\S") => !text.trim().is_empty(),
        _ => panic!("the schema has the pattern {pattern}, which is not checked"),
    }
}

fn has_format(format: &Value, text: &str) -> bool {
    match format.as_str().unwrap_or_default() {
        "uuid" => text.parse::<Id>().is_ok(),
        "date-time" => Timestamp::parse(text).is_ok() && text.ends_with('Z'),
        _ => true,
    }
}
