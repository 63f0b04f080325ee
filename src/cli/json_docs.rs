//! Generates `docs/json.md` from the fields that `--json=FIELDS` accepts. A test compares the page with this module.

use std::fmt::Write as _;

use super::output::OutputRow;
use super::output::schema::{FOUND_KEY_FIELDS, JsonField, KEY_FIELDS, MEMBER_REF_FIELDS, write_markdown};
use super::{activity, doctor, keys, login, members, review, rotate, scan, sessions, verify};

/// The JSON output of one command.
pub struct JsonOutput {
    /// Command without the leading `keyward`. Upper-case words are arguments, and `<` means standard input.
    pub command: &'static str,
    /// Whether the command prints an array of objects instead of one object.
    pub is_list: bool,
    /// Fields of each printed object.
    pub fields: &'static [JsonField],
}

const fn object_output(command: &'static str, fields: &'static [JsonField]) -> JsonOutput {
    JsonOutput { command, is_list: false, fields }
}

const fn list_output(command: &'static str, fields: &'static [JsonField]) -> JsonOutput {
    JsonOutput { command, is_list: true, fields }
}

/// All commands with `--json`, except `review export`, whose document is described in `domain::export`.
pub const JSON_OUTPUTS: &[JsonOutput] = &[
    list_output("keys list", KEY_FIELDS),
    object_output("keys show", KEY_FIELDS),
    object_output("keys create", KEY_FIELDS),
    object_output("keys edit", KEY_FIELDS),
    list_output("keys revoke", keys::revoke::RevokeRow::FIELDS),
    object_output("rotate start", KEY_FIELDS),
    list_output("rotate status", rotate::RotationRow::FIELDS),
    object_output("rotate status KEY", rotate::RotationRow::FIELDS),
    list_output("rotate finish", keys::revoke::RevokeRow::FIELDS),
    list_output("rotate cancel", keys::revoke::RevokeRow::FIELDS),
    list_output("review list", review::QueueRow::FIELDS),
    object_output("review keep", review::ReviewRow::FIELDS),
    list_output("review apply", review::ApplyRow::FIELDS),
    list_output("members list", members::MemberRow::FIELDS),
    object_output("members role", members::MemberRow::FIELDS),
    object_output("members remove", members::RemovalRow::FIELDS),
    list_output("activity", activity::ActivityRow::FIELDS),
    list_output("sessions list", sessions::SessionRow::FIELDS),
    list_output("profiles", login::ProfileRow::FIELDS),
    object_output("verify", verify::VerifyRow::FIELDS),
    object_output("whoami", verify::MeRow::FIELDS),
    object_output("whoami < KEY", verify::FoundRow::FIELDS),
    list_output("doctor", doctor::Check::FIELDS),
    list_output("scan", scan::ScanMatch::FIELDS),
];

/// Returns the text of `docs/json.md`.
pub fn json_document() -> String {
    let mut out = String::from(
        "# JSON output\n\n\
        With `--json`, a command prints one of the objects below, or a list of them as an array. `--json=id,name,created_by.email` prints\n\
        only these fields, in this order and under these names. Times are in UTC in the format of RFC 3339, and ids are UUIDs. Fields\n\
        may be added, but are never renamed or removed. Characters that could control a terminal are written as `\\u` escapes. A list\n\
        without a closing `]` is incomplete, and the exit code is then not 0. `keyward review export --json` prints a different\n\
        document, for auditors, with a digest.\n\n\
        This page is generated from the source code, and a test compares it with the output of the commands.\n",
    );
    let shared = [
        ("A key", KEY_FIELDS),
        ("A member nested in another object", MEMBER_REF_FIELDS),
        ("A key that was looked up", FOUND_KEY_FIELDS),
    ];
    let mut documented: Vec<&[JsonField]> = Vec::new();
    for (title, fields) in shared.into_iter().chain(JSON_OUTPUTS.iter().map(|p| ("", p.fields))) {
        if documented.iter().any(|known| has_same_fields(known, fields)) {
            continue;
        }
        documented.push(fields);
        let commands = commands_with_fields(fields);
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

/// Returns the commands that print objects with these fields, separated by commas.
fn commands_with_fields(fields: &[JsonField]) -> String {
    let name =
        |p: &JsonOutput| format!("`keyward {}`{}", p.command, if p.is_list { " (a list)" } else { "" });
    JSON_OUTPUTS.iter().filter(|p| has_same_fields(p.fields, fields)).map(name).collect::<Vec<_>>().join(", ")
}

/// Returns whether both lists have the same field names.
fn has_same_fields(one: &[JsonField], other: &[JsonField]) -> bool {
    one.iter().map(|f| f.name).eq(other.iter().map(|f| f.name))
}
