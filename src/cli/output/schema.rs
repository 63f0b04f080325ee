//! The JSON that commands print, field by field: what `--json=FIELDS` can pick, and what the documentation says. Fields are
//! added over time, never renamed or removed.

use std::fmt::Write as _;

/// A field of an object.
#[derive(Debug)]
pub struct JsonField {
    /// Its name.
    pub name: &'static str,
    /// What its value is, in words.
    pub is: &'static str,
    /// The fields of an object, or of the objects in a list.
    pub below: &'static [JsonField],
    /// Whether it is a list, into which no name reaches.
    pub list: bool,
}

/// A plain value.
pub const fn field(name: &'static str, is: &'static str) -> JsonField {
    JsonField { name, is, below: &[], list: false }
}

/// An object.
pub const fn object(name: &'static str, is: &'static str, below: &'static [JsonField]) -> JsonField {
    JsonField { name, is, below, list: false }
}

/// A list of objects.
pub const fn list(name: &'static str, is: &'static str, below: &'static [JsonField]) -> JsonField {
    JsonField { name, is, below, list: true }
}

/// A member, as named by other objects.
pub const MEMBER_REF: &[JsonField] = &[
    field("id", "id"),
    field("name", "text"),
    field("email", "text"),
    field("status", "`invited`, `active` or `removed`"),
    field("removed_at", "time or null"),
];

/// An API key.
pub const KEY: &[JsonField] = &[
    field("id", "id"),
    field("kind", "`personal` or `organization`"),
    field("name", "text"),
    field("masked", "the mask, `sk_…5G08`"),
    field("note", "text or null"),
    field("version", "number; counts changes, never uses"),
    field("created_at", "time"),
    object("created_by", "member", MEMBER_REF),
    field("last_used_at", "time; null: never"),
    object(
        "last_used_by",
        "client or null",
        &[field("agent", "text, as it claimed"), field("address", "text")],
    ),
    field("use_count", "number"),
    field("replaces", "id of a key, or null"),
    field("replaced_by", "id of a key, or null"),
    field("revoked_at", "time; null: accepted"),
    object("revoked_by", "member or null", MEMBER_REF),
    field("revoke_reason", "text or null"),
];

/// A key that was looked up by its secret.
pub const FOUND_KEY: &[JsonField] = &[
    field("id", "id"),
    field("kind", "`personal` or `organization`"),
    field("masked", "the mask"),
    object("created_by", "member", MEMBER_REF),
    field("revoked_at", "time; null: accepted"),
    object("key", "key, where you may see it, or null", KEY),
];

/// A flag of a stale key.
pub const FINDING: &[JsonField] =
    &[field("flag", "`orphaned`, `never_used`, `unused` or `rotation_due`"), field("evidence", "text")];

/// Whether a name such as `created_by.email` leads to a field.
pub(super) fn has(fields: &[JsonField], name: &str) -> bool {
    let (first, rest) = name.split_once('.').map_or((name, None), |(first, rest)| (first, Some(rest)));
    fields.iter().filter(|f| f.name == first).any(|f| rest.is_none_or(|rest| !f.list && has(f.below, rest)))
}

/// The names of the fields, for whoever mistook one.
pub(super) fn names(fields: &[JsonField]) -> String {
    let name = |field: &JsonField| match field.below {
        [first, ..] if !field.list => format!("{} ({}.{}, …)", field.name, field.name, first.name),
        _ => field.name.to_owned(),
    };
    fields.iter().map(name).collect::<Vec<_>>().join(", ")
}

/// The rows of a table in Markdown, those of inner objects after their own.
pub fn markdown(fields: &[JsonField], before: &str, out: &mut String) {
    for field in fields {
        let name = format!("{before}{}", field.name);
        writeln!(out, "| `{name}` | {} |", field.is).expect("writing to a String cannot fail");
        // What a key or a member is stands in a table of its own.
        let names = |fields: &'static [JsonField]| fields.iter().map(|f| f.name);
        let told = [KEY, MEMBER_REF, FOUND_KEY].into_iter().any(|known| names(known).eq(names(field.below)));
        if !told {
            let join = if field.list { "[]." } else { "." };
            markdown(field.below, &format!("{name}{join}"), out);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_reach_into_objects_and_not_into_lists() {
        assert!(has(KEY, "id") && has(KEY, "created_by") && has(KEY, "created_by.email"));
        assert!(!has(KEY, "created_by.nope") && !has(KEY, "id.x") && !has(KEY, "nope"));
        let fields = [list("flags", "", FINDING)];
        assert!(has(&fields, "flags") && !has(&fields, "flags.flag"));
        assert!(names(KEY).contains("created_by (created_by.id, …), last_used_at"));
    }
}
