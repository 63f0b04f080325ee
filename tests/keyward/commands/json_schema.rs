//! Compares the JSON of every command with `docs/json.md`, field by field.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use clap::CommandFactory as _;
use keyward::cli::Cli;
use keyward::cli::json_docs::{JSON_OUTPUTS, json_document};
use keyward::cli::output::JsonField;
use serde_json::Value;

use super::cli_fixture::CliFixture;
use crate::pictures::is_blessing;

#[test]
fn the_json_documentation_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/json.md");
    if is_blessing() {
        fs::write(&path, json_document()).unwrap();
    }
    assert!(
        fs::read_to_string(&path).unwrap() == json_document(),
        "docs/json.md is outdated; KEYWARD_BLESS=1 rewrites it"
    );
}

/// Adds the names of all commands with a `--json` flag to `found`.
fn collect_commands_with_json(command: &clap::Command, name: &str, found: &mut BTreeSet<String>) {
    if command.get_arguments().any(|a| a.get_long() == Some("json")) {
        found.insert(name.trim().to_owned());
    }
    for sub in command.get_subcommands() {
        collect_commands_with_json(sub, &format!("{name} {}", sub.get_name()), found);
    }
}

#[test]
fn the_json_documentation_lists_every_command_with_a_json_flag() {
    let mut found = BTreeSet::new();
    collect_commands_with_json(&Cli::command(), "", &mut found);
    // The export prints a document of its own; see `domain::export`.
    assert!(found.remove("review export"));
    let command_line = |p: &keyward::cli::json_docs::JsonOutput| {
        p.command
            .split(' ')
            .filter(|word| *word == word.to_lowercase() && *word != "<")
            .collect::<Vec<_>>()
            .join(" ")
    };
    let documented: BTreeSet<String> = JSON_OUTPUTS.iter().map(command_line).collect();
    assert_eq!(documented, found);
}

/// Adds each difference between a value and the documented fields to `found_differences`.
fn collect_differences(
    value: &Value,
    fields: &[JsonField],
    at: &str,
    found_differences: &mut Vec<String>,
    seen: &mut BTreeSet<String>,
) {
    if fields.is_empty() || value.is_null() {
        return;
    }
    if let Value::Array(items) = value {
        for item in items {
            collect_differences(item, fields, at, found_differences, seen);
        }
        return;
    }
    let Value::Object(object) = value else {
        return found_differences.push(format!("{at} is not an object"));
    };
    let printed: BTreeSet<&str> = object.keys().map(String::as_str).collect();
    let documented: BTreeSet<&str> = fields.iter().map(|f| f.name).collect();
    for name in printed.symmetric_difference(&documented) {
        found_differences.push(format!("{at}.{name} is printed or documented only"));
    }
    for field in fields {
        let Some(value) = object.get(field.name) else { continue };
        let below = format!("{at}.{}", field.name);
        let description = field.description();
        let fits = match description.as_str() {
            text if text.starts_with("time") || text.starts_with("id") => {
                value.is_string() || text.contains("null") && value.is_null()
            }
            text if text.starts_with("text") => value.is_string() || text.contains("null") && value.is_null(),
            text if text.starts_with("number") => {
                value.is_number() || text.contains("null") && value.is_null()
            }
            text if text.starts_with("true") => value.is_boolean(),
            text if text.starts_with("list") => value.is_array(),
            text if text.starts_with('`') => value.as_str().is_some_and(|v| text.contains(&format!("`{v}`"))),
            _ => true,
        };
        if !fits {
            found_differences.push(format!("{below} is {value}, and documented as {description}"));
        }
        if !value.is_null() {
            seen.insert(below.clone());
        }
        collect_differences(value, field.fields, &below, found_differences, seen);
    }
}

#[test]
fn commands_print_the_documented_json_fields() {
    let cli = CliFixture::new();
    let ran = cli.run(&["demo", "--", "sh", "-ec", EVERY_COMMAND_SCRIPT]).expect_exit(0, &[]);
    let mut found_differences = Vec::new();
    for printed in JSON_OUTPUTS {
        let file = cli.path("json").join(printed.command.replace([' ', '<'], "_"));
        let text = fs::read_to_string(&file).unwrap_or_else(|e| panic!("{}: {e}: {ran:?}", file.display()));
        let value: Value =
            serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}: {text}", printed.command));
        let full = value.as_array().map_or(!printed.is_list, |items| printed.is_list && !items.is_empty());
        assert!(full, "{}: {text}", printed.command);
        collect_differences(
            &value,
            printed.fields,
            printed.command,
            &mut found_differences,
            &mut BTreeSet::new(),
        );
    }
    assert!(found_differences.is_empty(), "{found_differences:#?}");
}

/// Runs every command once and writes its JSON to a file named after it.
const EVERY_COMMAND_SCRIPT: &str = r#"
mkdir json; cd json
k=$(keyward keys create --name probe)
keyward keys list --workspace --revoked --json > keys_list
id=$(keyward keys list --filter probe -o id)
printf %s "$k" | keyward verify --json > verify
printf %s "$k" | keyward whoami --json > whoami___KEY
keyward whoami --json < /dev/null > whoami
keyward keys show "$id" --json > keys_show
keyward keys edit "$id" --note new --json > keys_edit
keyward keys create --name other --write-to ../k1 --json > keys_create
keyward keys revoke other --yes --json > keys_revoke
phase() { keyward rotate status --json=phase,old.id | grep "\"$1\"" | grep -o '[0-9a-f]*-[0-9a-f-]*' | head -n 1; }
keyward rotate status --all --json > rotate_status
keyward rotate status "$(phase drain)" --json > rotate_status_KEY
keyward rotate start "$id" --write-to ../k2 --json > rotate_start
keyward rotate finish "$(phase ready)" --yes --json > rotate_finish
keyward rotate cancel "$(phase switch)" --yes --json > rotate_cancel
keyward review list --json > review_list
keyward review keep "$(keyward review list -o id | head -n 1)" --until 2999-01-01 --note why --json > review_keep
d=$HOME/.local/state/keyward/drafts; mkdir -p "$d"; key=$(keyward review list -o id | head -n 1)
at='"2026-11-24T00:00:00.000Z"'
echo "{\"review_id\":\"$id\",\"begun_at\":$at,\"by_key\":{\"$key\":{\"decision\":\"keep\",\"seen_until\":$at}}}" > "$d/default.json"
chmod -R go= "$HOME/.local"
keyward review apply --yes --json > review_apply
keyward members list --json > members_list
keyward members role hanna.hertz@plant.example operator --json > members_role
keyward members remove jonas.joule@plant.example --dry-run --json > members_remove
keyward activity --json > activity
keyward sessions list --json > sessions_list
code=$(keyward sessions code)
printf %s "$code" | keyward login --code-stdin --profile p "$KEYWARD_URL"
keyward profiles --json > profiles
keyward doctor --json > doctor
printf %s "$k" > ../leak; keyward scan ../leak --json > scan
"#;
