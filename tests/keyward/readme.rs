//! The README matches the program: the table of key bindings, pictures, and named files.

use std::fs;
use std::path::Path;

use keyward::tui::keymap;

use crate::pictures::is_blessing;

mod examples;

const TABLE_BEGIN: &str = "<!-- keys: from the keymap, checked by a test -->\n";
const TABLE_END: &str = "<!-- /keys -->";

#[test]
fn the_key_binding_table_matches_the_keymap() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let text = fs::read_to_string(&path).unwrap();
    let (before, rest) = text.split_once(TABLE_BEGIN).unwrap();
    let (table, after) = rest.split_once(TABLE_END).unwrap();
    let wanted = keymap::markdown();
    if is_blessing() {
        fs::write(&path, format!("{before}{TABLE_BEGIN}{wanted}{TABLE_END}{after}")).unwrap();
        return;
    }
    assert!(table == wanted, "the key bindings in README.md are outdated; KEYWARD_BLESS=1 rewrites them");
}

#[test]
fn the_files_named_in_the_readme_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(root.join("README.md")).unwrap();
    let named: Vec<&str> = text
        .split(['(', ')', '`', ' ', '\n', '"'])
        .filter(|word| word.starts_with("assets/") || *word == "ARCHITECTURE.md")
        .collect();
    assert!(named.len() >= 3, "{named:?}");
    for file in named {
        assert!(root.join(file).exists(), "README.md names {file}, which does not exist");
    }
}
