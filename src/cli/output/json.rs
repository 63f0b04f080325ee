//! JSON: the contract's objects, whole or only some fields. Characters that could act on a terminal are written as `\u` escapes,
//! which mean the same.

use std::fmt::Write as _;
use std::io::{self, Write};

use serde_json::Value;

use crate::domain::text;

pub(super) fn object(out: &mut impl Write, object: String, fields: &[String]) -> io::Result<()> {
    writeln!(out, "{}", shown(object, fields))
}

/// The object, or only these of its fields.
pub(super) fn shown(object: String, fields: &[String]) -> String {
    safe(&pick(object, fields))
}

/// Only these fields, in this order; `created_by.email` reaches into an object and keeps its name. Inside of what is absent
/// everything is absent.
fn pick(object: String, fields: &[String]) -> String {
    if fields.is_empty() {
        return object;
    }
    let object: Value = serde_json::from_str(&object).expect("it was written a moment ago");
    let value = |field: &str| field.split('.').try_fold(&object, |value, part| value.get(part));
    let pair =
        |field: &String| format!("{}:{}", Value::from(field.as_str()), value(field).unwrap_or(&Value::Null));
    format!("{{{}}}", fields.iter().map(pair).collect::<Vec<_>>().join(","))
}

fn safe(json: &str) -> String {
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
    fn what_acts_on_a_terminal_is_escaped_and_means_the_same() {
        let nasty = Value::String("a\u{1b}[2J\u{9b}\u{202e}é工\u{e0041}\u{7f}\u{fffd}".into());
        let json = safe(&nasty.to_string());
        assert_eq!(text::first_unsafe_char(&json), None, "{json}");
        assert_eq!(serde_json::from_str::<Value>(&json).unwrap(), nasty);
        assert!(json.contains("é工"));
    }

    #[test]
    fn fields_are_picked() {
        let object = r#"{"id":1,"by":{"email":"a"},"last":null}"#.to_owned();
        let picked = pick(object, &["by.email".into(), "id".into(), "last.agent".into()]);
        assert_eq!(picked, r#"{"by.email":"a","id":1,"last.agent":null}"#);
    }
}
