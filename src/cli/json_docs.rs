//! The documentation of the JSON that commands print, made from the same fields that `--json=FIELDS` knows.

use std::fmt::Write as _;

use super::output::OutputRow;
use super::output::schema::{FOUND_KEY, JsonField, KEY, MEMBER_REF, markdown};
use super::{activity, doctor, keys, login, members, review, rotate, scan, sessions, verify};

/// A command with what it prints.
pub struct JsonOutput {
    /// The command, without `keyward`.
    pub command: &'static str,
    /// Whether it prints a list.
    pub list: bool,
    /// The fields of each object.
    pub fields: &'static [JsonField],
}

const fn one(command: &'static str, fields: &'static [JsonField]) -> JsonOutput {
    JsonOutput { command, list: false, fields }
}

const fn many(command: &'static str, fields: &'static [JsonField]) -> JsonOutput {
    JsonOutput { command, list: true, fields }
}

/// All commands that print objects as JSON.
pub const JSON_OUTPUTS: &[JsonOutput] = &[
    many("keys list", KEY),
    one("keys show", KEY),
    one("keys create", KEY),
    one("keys edit", KEY),
    many("keys revoke", keys::revoke::RevokeRow::FIELDS),
    one("rotate start", KEY),
    many("rotate status", rotate::RotationRow::FIELDS),
    one("rotate status KEY", rotate::RotationRow::FIELDS),
    many("rotate finish", keys::revoke::RevokeRow::FIELDS),
    many("rotate cancel", keys::revoke::RevokeRow::FIELDS),
    many("review list", review::QueueRow::FIELDS),
    one("review keep", review::ReviewRow::FIELDS),
    many("review apply", review::ApplyRow::FIELDS),
    many("members list", members::MemberRow::FIELDS),
    one("members role", members::MemberRow::FIELDS),
    one("members remove", members::RemovalRow::FIELDS),
    many("activity", activity::ActivityRow::FIELDS),
    many("sessions list", sessions::SessionRow::FIELDS),
    many("profiles", login::ProfileRow::FIELDS),
    one("verify", verify::VerifyRow::FIELDS),
    one("whoami", verify::MeRow::FIELDS),
    one("whoami < KEY", verify::FoundRow::FIELDS),
    many("doctor", doctor::Check::FIELDS),
    many("scan", scan::ScanMatch::FIELDS),
];

/// The document, in Markdown.
pub fn json_document() -> String {
    let mut out = String::from(
        "# The JSON that commands print\n\n\
        `--json` prints the objects below, lists as one array; `--json=id,name,created_by.email` prints only those fields, in that\n\
        order, under those names. Times are RFC 3339 in UTC, ids are UUIDs. Fields are added over time, never renamed or removed.\n\
        Characters that could act on a terminal are written as `\\u` escapes. A list that ends without `]` is incomplete, and the\n\
        exit code says so. `keyward review export --json` prints a document of its own for auditors, with a digest.\n\n\
        This page is made from the program, and a test compares it with what the commands print.\n",
    );
    let named =
        [("A key", KEY), ("A member, inside of other objects", MEMBER_REF), ("A looked-up key", FOUND_KEY)];
    let mut told: Vec<&[JsonField]> = Vec::new();
    for (title, fields) in named.into_iter().chain(JSON_OUTPUTS.iter().map(|p| ("", p.fields))) {
        if told.iter().any(|known| same(known, fields)) {
            continue;
        }
        told.push(fields);
        let commands = commands(fields);
        match (title, commands.as_str()) {
            ("", commands) => writeln!(out, "\n## {commands}"),
            (title, "") => writeln!(out, "\n## {title}"),
            (title, commands) => writeln!(out, "\n## {title}\n{commands}\n"),
        }
        .expect("writing to a String cannot fail");
        out.push_str("| field | is |\n|---|---|\n");
        markdown(fields, "", &mut out);
    }
    out
}

/// The commands that print objects of these fields.
fn commands(fields: &[JsonField]) -> String {
    let name = |p: &JsonOutput| format!("`keyward {}`{}", p.command, if p.list { " (a list)" } else { "" });
    JSON_OUTPUTS.iter().filter(|p| same(p.fields, fields)).map(name).collect::<Vec<_>>().join(", ")
}

/// Whether both are the same object.
fn same(one: &[JsonField], other: &[JsonField]) -> bool {
    one.iter().map(|f| f.name).eq(other.iter().map(|f| f.name))
}
