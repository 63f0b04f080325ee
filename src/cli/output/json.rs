//! JSON: the contract's objects, whole or only some fields. Characters that could act on a terminal are written as `\u` escapes,
//! which mean the same.

use std::fmt::Write as _;
use std::io::Write;

use serde_json::Value;

use crate::cli::exit::Failure;
use crate::domain::text;

pub(super) fn array(
    out: &mut impl Write,
    objects: impl Iterator<Item = String>,
    fields: &[String],
) -> Result<(), Failure> {
    let mut between = "\n";
    out.write_all(b"[")?;
    for object in objects {
        out.write_all(between.as_bytes())?;
        out.write_all(safe(&pick(object, fields)?).as_bytes())?;
        between = ",\n";
    }
    out.write_all(b"\n]\n")?;
    Ok(())
}

pub(super) fn object(out: &mut impl Write, object: String, fields: &[String]) -> Result<(), Failure> {
    writeln!(out, "{}", safe(&pick(object, fields)?))?;
    Ok(())
}

/// Only these fields, in this order; `created_by.email` reaches into an object and keeps its name.
fn pick(object: String, fields: &[String]) -> Result<String, Failure> {
    if fields.is_empty() {
        return Ok(object);
    }
    let object: Value = serde_json::from_str(&object).expect("it was written a moment ago");
    let mut picked = Vec::new();
    for field in fields {
        let mut found = &object;
        for part in field.split('.') {
            // Inside of what is absent everything is absent.
            if found.is_null() {
                break;
            }
            found = found.get(part).ok_or_else(|| unknown(field, &object))?;
        }
        picked.push(format!("{}:{found}", Value::from(field.as_str())));
    }
    Ok(format!("{{{}}}", picked.join(",")))
}

fn unknown(field: &str, object: &Value) -> Failure {
    let known: Vec<&str> =
        object.as_object().map(|o| o.keys().map(String::as_str).collect()).unwrap_or_default();
    Failure::usage(format!("there is no field `{}`; there are: {}", text::line(field), known.join(", ")))
}

fn safe(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    let mut buffer = [0; 4];
    for c in json.chars() {
        if c.is_ascii() && c != '\x7f' || text::line(c.encode_utf8(&mut buffer)).starts_with(c) {
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
        assert_eq!(text::first_unshowable(&json), None, "{json}");
        assert_eq!(serde_json::from_str::<Value>(&json).unwrap(), nasty);
        assert!(json.contains("é工"));
    }

    #[test]
    fn fields_are_picked_or_named() {
        let object = r#"{"id":1,"by":{"email":"a"},"last":null}"#.to_owned();
        let picked = pick(object.clone(), &["by.email".into(), "id".into(), "last.agent".into()]).unwrap();
        assert_eq!(picked, r#"{"by.email":"a","id":1,"last.agent":null}"#);
        let failure = pick(object, &["nmae".into()]).unwrap_err();
        assert!(failure.words.contains("id"), "{failure}");
    }
}
