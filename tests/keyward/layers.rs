//! Who may import whom: reads the sources and fails with the file, the line and the rule that it broke.

use std::fs;
use std::path::{Path, PathBuf};

/// A room: where it is, the rooms it may import, and the outside crates that it must not name.
struct Room {
    /// Path below `src/`, without `.rs`; the longest match wins.
    at: &'static str,
    may: &'static [&'static str],
    never: &'static [&'static str],
}

const PURE: [&str; 9] =
    ["axum", "hyper", "tower", "reqwest", "sqlx", "tokio", "crossterm", "ratatui", "tracing"];

const ROOMS: [Room; 16] = [
    Room { at: "domain", may: &["domain"], never: &PURE },
    Room { at: "wire", may: &["wire", "domain"], never: &PURE },
    Room { at: "clock", may: &["domain"], never: &PURE },
    Room { at: "config", may: &["config", "domain"], never: &PURE },
    Room {
        at: "store",
        may: &["store", "domain", "fault_injection"],
        never: &["axum", "hyper", "reqwest", "crossterm", "ratatui"],
    },
    Room {
        at: "client",
        may: &["client", "wire", "domain"],
        never: &["axum", "hyper", "sqlx", "crossterm", "ratatui"],
    },
    Room {
        at: "server",
        may: &["server", "domain", "wire", "store", "clock", "fault_injection"],
        never: &["sqlx", "reqwest", "crossterm", "ratatui"],
    },
    Room { at: "terminal", may: &["terminal"], never: &["axum", "hyper", "sqlx", "reqwest"] },
    Room {
        at: "tui",
        may: &["tui", "domain", "wire"],
        never: &["axum", "hyper", "sqlx", "reqwest", "tokio", "anyhow"],
    },
    Room {
        at: "tui/runtime",
        may: &["tui", "domain", "wire", "client", "clock", "terminal"],
        never: &["axum", "hyper", "sqlx", "reqwest", "anyhow"],
    },
    Room {
        at: "cli",
        may: &["cli", "domain", "wire", "client", "clock", "config", "terminal"],
        never: &["axum", "hyper", "sqlx", "ratatui"],
    },
    Room { at: "fault_injection", may: &[], never: &PURE },
    Room { at: "admin", may: &["*"], never: &["axum", "sqlx", "ratatui"] },
    Room { at: "ui_options", may: &["*"], never: &["axum", "sqlx", "ratatui"] },
    Room { at: "demo", may: &["*"], never: &["sqlx", "ratatui"] },
    Room { at: "main", may: &["*"], never: &["sqlx", "ratatui"] },
];

fn sources(folder: &Path, out: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, out);
        } else if path.extension().is_some_and(|e| e == "rs") {
            out.push(path);
        }
    }
}

fn room_of(file: &str) -> Option<&'static Room> {
    let inside = |room: &&Room| file == room.at || file.starts_with(&format!("{}/", room.at));
    ROOMS.iter().filter(inside).max_by_key(|room| room.at.len())
}

/// The first path segment after each `marker` in the line, with a use-group taken apart.
fn named<'a>(line: &'a str, marker: &str) -> Vec<&'a str> {
    let mut found = Vec::new();
    for (at, _) in line.match_indices(marker) {
        let whole_word = !line[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '$');
        let rest = &line[at + marker.len()..];
        if !whole_word {
            continue;
        }
        match rest.strip_prefix('{') {
            Some(group) => {
                found
                    .extend(group.split(['}', ',']).map(|item| item.trim().split("::").next().unwrap_or("")));
            }
            None => found.push(rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or("")),
        }
    }
    found.retain(|name| name.starts_with(|c: char| c.is_alphabetic()));
    found
}

fn broken_rules(file: &str, source: &str) -> Vec<String> {
    let Some(room) = room_of(file) else {
        return if file == "lib" {
            vec![]
        } else {
            vec![format!("src/{file}.rs: belongs to no room; add it to the plan")]
        };
    };
    let mut broken = Vec::new();
    // Unit tests at the end of a file may look further.
    let code = source.split("#[cfg(test)]").next().unwrap_or("");
    for (number, line) in code.lines().enumerate() {
        if line.trim_start().starts_with("//") {
            continue;
        }
        for other in named(line, "crate::").into_iter().chain(named(line, "keyward::")) {
            if !room.may.contains(&"*") && !room.may.contains(&other) {
                broken.push(format!("src/{file}.rs:{}: {} may not import {other}", number + 1, room.at));
            }
        }
        for banned in room.never {
            if line.contains(&format!("{banned}::")) && !named(line, &format!("{banned}::")).is_empty() {
                broken.push(format!(
                    "src/{file}.rs:{}: {} may not use the crate {banned}",
                    number + 1,
                    room.at
                ));
            }
        }
    }
    broken
}

#[test]
fn layers_import_only_what_they_may() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    assert!(files.len() > 10, "the sources were not found");
    let mut broken = Vec::new();
    for path in files {
        let file = path.strip_prefix(&root).unwrap().with_extension("");
        broken.extend(broken_rules(&file.to_string_lossy(), &fs::read_to_string(&path).unwrap()));
    }
    assert!(broken.is_empty(), "\n{}\n", broken.join("\n"));
}

#[test]
fn a_broken_rule_is_reported() {
    assert_eq!(broken_rules("domain/key", "use crate::store::Store;").len(), 1);
    assert_eq!(broken_rules("domain/key", "use crate::{domain::id, server};").len(), 1);
    assert_eq!(broken_rules("server/keys", "    sqlx::query(\"\");").len(), 1);
    assert_eq!(broken_rules("tui/screens/keys", "use tokio::sync::mpsc;").len(), 1);
    assert_eq!(broken_rules("attic", "").len(), 1);
    assert!(broken_rules("tui/runtime", "use tokio::sync::mpsc; use crate::client::Client;").is_empty());
    assert!(
        broken_rules("domain/key", "// crate::server is not here\nuse crate::domain::id::Id;").is_empty()
    );
}
