//! Writes objects of the HTTP API as JSON, completely or reduced to chosen fields. Characters that could control a terminal are
//! written as `\u` escapes, which mean the same to a parser.

use std::fmt::Write as _;
use std::io::{self, Write};

use serde_json::Value;

use crate::domain::text;

pub(super) fn write_object(out: &mut impl Write, object: String, fields: &[String]) -> io::Result<()> {
    writeln!(out, "{}", render(object, fields))
}

/// Returns the object with control characters escaped, reduced to `fields` unless the list is empty.
pub(super) fn render(object: String, fields: &[String]) -> String {
    escape_control_characters(&select_fields(object, fields))
}

/// Reduces an object to `fields`, in their order. `created_by.email` selects a field of a nested object and is also its name in
/// the result. Fields of an absent object are `null`.
fn select_fields(object: String, fields: &[String]) -> String {
    if fields.is_empty() {
        return object;
    }
    let object: Value =
        serde_json::from_str(&object).expect("keyward serialized the object, so it is valid JSON");
    let value = |field: &str| field.split('.').try_fold(&object, |value, part| value.get(part));
    let pair =
        |field: &String| format!("{}:{}", Value::from(field.as_str()), value(field).unwrap_or(&Value::Null));
    format!("{{{}}}", fields.iter().map(pair).collect::<Vec<_>>().join(","))
}

fn escape_control_characters(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    let mut buffer = [0; 4];
    for c in json.chars() {
        if c.is_ascii() && c != '\x7f' || text::sanitize_line(c.encode_utf8(&mut buffer)).starts_with(c) {
            out.push(c);
        } else {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                write!(out, "\\u{unit:04x}").expect("writing to a String cannot fail");
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escaping_control_characters_does_not_change_the_parsed_value() {
        let hostile = Value::String("a\u{1b}[2J\u{9b}\u{202e}é工\u{e0041}\u{7f}\u{fffd}".into());
        let json = escape_control_characters(&hostile.to_string());
        assert_eq!(text::first_unsafe_char(&json), None, "{json}");
        assert_eq!(serde_json::from_str::<Value>(&json).unwrap(), hostile);
        assert!(json.contains("é工"));
    }

    #[test]
    fn an_object_is_reduced_to_the_selected_fields() {
        let object = r#"{"id":1,"by":{"email":"a"},"last":null}"#.to_owned();
        let selected = select_fields(object, &["by.email".into(), "id".into(), "last.agent".into()]);
        assert_eq!(selected, r#"{"by.email":"a","id":1,"last.agent":null}"#);
    }
}
