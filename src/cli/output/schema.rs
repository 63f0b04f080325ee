//! The fields of the JSON that commands print. `--json=FIELDS` selects from them, help and `docs/json.md` list them.
//!
//! Fields are added over time, never renamed or removed.

use std::fmt::Write as _;

use clap::ValueEnum;

use crate::cli::words::words_of;
use crate::domain::key::KeyKind;
use crate::domain::member::MemberStatus;
use crate::domain::staleness::Flag;

/// Documentation of one field of a JSON object.
#[derive(Debug)]
pub struct JsonField {
    /// Name of the field in JSON.
    pub name: &'static str,
    /// Type and meaning of the field's value.
    description: FieldDescription,
    /// Fields of the nested object, or of the objects in the list; empty for a plain value.
    pub fields: &'static [JsonField],
    /// Whether the value is a list of objects, whose fields `--json=FIELDS` cannot select.
    pub is_list: bool,
}

/// Type and meaning of a field's value.
#[derive(Debug)]
enum FieldDescription {
    /// A short phrase, such as `time; null if not revoked`.
    Text(&'static str),
    /// One of a fixed set of words, which the function returns.
    OneOf(fn() -> Vec<String>),
}

impl JsonField {
    /// Returns the type and meaning of the value in Markdown.
    pub fn description(&self) -> String {
        match &self.description {
            FieldDescription::Text(text) => (*text).to_owned(),
            FieldDescription::OneOf(words) => {
                let words: Vec<String> = words().iter().map(|word| format!("`{word}`")).collect();
                match words.split_last() {
                    Some((last, [])) => last.clone(),
                    Some((last, others)) => format!("{} or {last}", others.join(", ")),
                    None => String::new(),
                }
            }
        }
    }
}

/// Creates the documentation of a field with a plain value.
pub(in crate::cli) const fn field(name: &'static str, description: &'static str) -> JsonField {
    JsonField { name, description: FieldDescription::Text(description), fields: &[], is_list: false }
}

/// Creates the documentation of a field whose value is one of the words of the enum `T`.
pub(in crate::cli) const fn one_of<T: ValueEnum>(name: &'static str) -> JsonField {
    JsonField { name, description: FieldDescription::OneOf(words_of::<T>), fields: &[], is_list: false }
}

/// Creates the documentation of a field whose value is an object.
pub(in crate::cli) const fn object(
    name: &'static str,
    description: &'static str,
    fields: &'static [JsonField],
) -> JsonField {
    JsonField { name, description: FieldDescription::Text(description), fields, is_list: false }
}

/// Creates the documentation of a field whose value is a list of objects.
pub(in crate::cli) const fn list(
    name: &'static str,
    description: &'static str,
    fields: &'static [JsonField],
) -> JsonField {
    JsonField { name, description: FieldDescription::Text(description), fields, is_list: true }
}

/// JSON fields of a member nested in another object.
pub(in crate::cli) const MEMBER_REF_FIELDS: &[JsonField] = &[
    field("id", "id"),
    field("name", "text"),
    field("email", "text"),
    one_of::<MemberStatus>("status"),
    field("removed_at", "time or null"),
];

/// JSON fields of an API key.
pub(in crate::cli) const KEY_FIELDS: &[JsonField] = &[
    field("id", "id"),
    one_of::<KeyKind>("kind"),
    field("name", "text"),
    field("masked", "masked secret, `sk_…5G08`"),
    field("note", "text or null"),
    field("version", "number; increases with each change, but not with uses"),
    field("created_at", "time"),
    object("created_by", "member", MEMBER_REF_FIELDS),
    field("last_used_at", "time; null if never used"),
    object(
        "last_used_by",
        "client or null",
        &[field("agent", "text; the `User-Agent` that the client sent"), field("address", "text")],
    ),
    field("use_count", "number"),
    field("replaces", "id of the key that this one replaces, or null"),
    field("replaced_by", "id of the key that replaces this one, or null"),
    field("revoked_at", "time; null if not revoked"),
    object("revoked_by", "member or null", MEMBER_REF_FIELDS),
    field("revoke_reason", "text or null"),
];

/// JSON fields of a key that was looked up by its secret.
pub(in crate::cli) const FOUND_KEY_FIELDS: &[JsonField] = &[
    field("id", "id"),
    one_of::<KeyKind>("kind"),
    field("masked", "masked secret"),
    object("created_by", "member", MEMBER_REF_FIELDS),
    field("revoked_at", "time; null if not revoked"),
    object("key", "key; null if you may not see it", KEY_FIELDS),
];

/// JSON fields of one reason why a key is stale.
pub(in crate::cli) const RAISED_FLAG_FIELDS: &[JsonField] =
    &[one_of::<Flag>("flag"), field("evidence", "text")];

/// Returns whether a path such as `created_by.email` names a field.
pub(super) fn has_field(fields: &[JsonField], name: &str) -> bool {
    let (first, rest) = name.split_once('.').map_or((name, None), |(first, rest)| (first, Some(rest)));
    fields
        .iter()
        .filter(|f| f.name == first)
        .any(|f| rest.is_none_or(|rest| !f.is_list && has_field(f.fields, rest)))
}

/// Returns the field names as a list for an error message.
pub(super) fn field_names(fields: &[JsonField]) -> String {
    let name = |field: &JsonField| match field.fields {
        [first, ..] if !field.is_list => format!("{} ({}.{}, …)", field.name, field.name, first.name),
        _ => field.name.to_owned(),
    };
    fields.iter().map(name).collect::<Vec<_>>().join(", ")
}

/// Returns the outline of an object for a help text: `{"flag": "orphaned" | "unused", "evidence", "key": {…}}`.
pub(in crate::cli) fn outline(fields: &[JsonField]) -> String {
    let outline_field = |field: &JsonField| match &field.description {
        FieldDescription::OneOf(words) => format!("\"{}\": \"{}\"", field.name, words().join("\" | \"")),
        FieldDescription::Text(_) if field.is_list => {
            format!("\"{}\": [{}]", field.name, outline(field.fields))
        }
        FieldDescription::Text(_) if field.fields.is_empty() => format!("\"{}\"", field.name),
        FieldDescription::Text(_) => format!("\"{}\": {{…}}", field.name),
    };
    format!("{{{}}}", fields.iter().map(outline_field).collect::<Vec<_>>().join(", "))
}

/// Appends a Markdown table row for each field to `out`; the fields of a nested object follow its row.
pub(in crate::cli) fn write_markdown(fields: &[JsonField], prefix: &str, out: &mut String) {
    for field in fields {
        let name = format!("{prefix}{}", field.name);
        writeln!(out, "| `{name}` | {} |", field.description()).expect("writing to a String cannot fail");
        let names = |fields: &'static [JsonField]| fields.iter().map(|f| f.name);
        let has_own_table = [KEY_FIELDS, MEMBER_REF_FIELDS, FOUND_KEY_FIELDS]
            .into_iter()
            .any(|shared| names(shared).eq(names(field.fields)));
        if !has_own_table {
            let separator = if field.is_list { "[]." } else { "." };
            write_markdown(field.fields, &format!("{name}{separator}"), out);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_objects_but_not_of_lists_can_be_selected() {
        assert!(
            has_field(KEY_FIELDS, "id")
                && has_field(KEY_FIELDS, "created_by")
                && has_field(KEY_FIELDS, "created_by.email")
        );
        assert!(
            !has_field(KEY_FIELDS, "created_by.nope")
                && !has_field(KEY_FIELDS, "id.x")
                && !has_field(KEY_FIELDS, "nope")
        );
        let fields = [list("flags", "", RAISED_FLAG_FIELDS)];
        assert!(has_field(&fields, "flags") && !has_field(&fields, "flags.flag"));
        assert!(field_names(KEY_FIELDS).contains("created_by (created_by.id, …), last_used_at"));
    }
}
