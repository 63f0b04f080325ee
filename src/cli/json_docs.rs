//! Generates `docs/json.md` from the fields that `--json=FIELDS` accepts. A test compares the page with this module.

use std::fmt::Write as _;

use super::output::OutputRow;
use super::output::schema::{FOUND_KEY, JsonField, KEY, MEMBER_REF, write_markdown};
use super::{activity, doctor, keys, login, members, review, rotate, scan, sessions, verify};

/// The JSON output of one command.
pub struct JsonOutput {
    /// Command without `keyward`; an upper-case word is an argument, `<` is standard input.
    pub command: &'static str,
    /// The command prints an array of objects, not one object.
    pub is_list: bool,
    /// Fields of each object.
    pub fields: &'static [JsonField],
}

const fn prints_object(command: &'static str, fields: &'static [JsonField]) -> JsonOutput {
    JsonOutput { command, is_list: false, fields }
}

const fn prints_list(command: &'static str, fields: &'static [JsonField]) -> JsonOutput {
    JsonOutput { command, is_list: true, fields }
}

/// Every command with `--json`, except `review export`, whose document is described in `domain::export`.
pub const JSON_OUTPUTS: &[JsonOutput] = &[
    prints_list("keys list", KEY),
    prints_object("keys show", KEY),
    prints_object("keys create", KEY),
    prints_object("keys edit", KEY),
    prints_list("keys revoke", keys::revoke::RevokeRow::FIELDS),
    prints_object("rotate start", KEY),
    prints_list("rotate status", rotate::RotationRow::FIELDS),
    prints_object("rotate status KEY", rotate::RotationRow::FIELDS),
    prints_list("rotate finish", keys::revoke::RevokeRow::FIELDS),
    prints_list("rotate cancel", keys::revoke::RevokeRow::FIELDS),
    prints_list("review list", review::QueueRow::FIELDS),
    prints_object("review keep", review::ReviewRow::FIELDS),
    prints_list("review apply", review::ApplyRow::FIELDS),
    prints_list("members list", members::MemberRow::FIELDS),
    prints_object("members role", members::MemberRow::FIELDS),
    prints_object("members remove", members::RemovalRow::FIELDS),
    prints_list("activity", activity::ActivityRow::FIELDS),
    prints_list("sessions list", sessions::SessionRow::FIELDS),
    prints_list("profiles", login::ProfileRow::FIELDS),
    prints_object("verify", verify::VerifyRow::FIELDS),
    prints_object("whoami", verify::MeRow::FIELDS),
    prints_object("whoami < KEY", verify::FoundRow::FIELDS),
    prints_list("doctor", doctor::Check::FIELDS),
    prints_list("scan", scan::ScanMatch::FIELDS),
];

/// Returns the page in Markdown.
pub fn json_document() -> String {
    let mut out = String::from(
        "# The JSON that commands print\n\n\
        `--json` prints the objects below, lists as one array; `--json=id,name,created_by.email` prints only those fields, in that\n\
        order and under those names. Times are RFC 3339 in UTC, ids are UUIDs. Fields are added over time, never renamed or removed.\n\
        Characters that could control a terminal are written as `\\u` escapes. If a list ends without `]`, it is incomplete, and the\n\
        exit code is not 0. `keyward review export --json` prints a document of its own for auditors, with a digest.\n\n\
        This page is generated from the program, and a test compares it with what the commands print.\n",
    );
    let shared = [
        ("A key", KEY),
        ("A member inside of other objects", MEMBER_REF),
        ("A key that was looked up", FOUND_KEY),
    ];
    let mut documented: Vec<&[JsonField]> = Vec::new();
    for (title, fields) in shared.into_iter().chain(JSON_OUTPUTS.iter().map(|p| ("", p.fields))) {
        if documented.iter().any(|known| is_same_object(known, fields)) {
            continue;
        }
        documented.push(fields);
        let commands = commands(fields);
        match (title, commands.as_str()) {
            ("", commands) => writeln!(out, "\n## {commands}"),
            (title, "") => writeln!(out, "\n## {title}"),
            (title, commands) => writeln!(out, "\n## {title}\n{commands}\n"),
        }
        .expect("writing to a String cannot fail");
        out.push_str("| field | value |\n|---|---|\n");
        write_markdown(fields, "", &mut out);
    }
    out
}

/// Lists the commands that print objects with these fields.
fn commands(fields: &[JsonField]) -> String {
    let name =
        |p: &JsonOutput| format!("`keyward {}`{}", p.command, if p.is_list { " (a list)" } else { "" });
    JSON_OUTPUTS.iter().filter(|p| is_same_object(p.fields, fields)).map(name).collect::<Vec<_>>().join(", ")
}

/// Returns whether both describe the same object.
fn is_same_object(one: &[JsonField], other: &[JsonField]) -> bool {
    one.iter().map(|f| f.name).eq(other.iter().map(|f| f.name))
}
