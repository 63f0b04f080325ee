//! The layers of the program: which may import which, which crates each may use, and no import cycles within a layer.
//!
//! [`broken_rules`] checks one file against the table of layers, which is also in `docs/architecture.md`. [`cycles`] defines what an
//! import cycle is.

mod cycles;
mod source;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use cycles::Sources;
use source::Source;

/// A layer: its path, the layers that it may import, and the crates that it must not use.
struct Layer {
    /// Path below `src/`, without `.rs`. A module belongs to the layer with the longest matching path.
    path: &'static str,
    may_import: &'static [&'static str],
    banned_crates: &'static [&'static str],
}

/// Crates that code without I/O must not use.
const IO_CRATES: [&str; 9] =
    ["axum", "hyper", "tower", "reqwest", "sqlx", "tokio", "crossterm", "ratatui", "tracing"];

const LAYERS: [Layer; 17] = [
    Layer { path: "domain", may_import: &["domain"], banned_crates: &IO_CRATES },
    Layer { path: "wire", may_import: &["wire", "domain"], banned_crates: &IO_CRATES },
    Layer { path: "clock", may_import: &["domain"], banned_crates: &IO_CRATES },
    Layer { path: "config", may_import: &["config", "domain"], banned_crates: &IO_CRATES },
    Layer {
        path: "store",
        may_import: &["store", "domain", "fault_injection"],
        banned_crates: &["axum", "hyper", "reqwest", "crossterm", "ratatui"],
    },
    Layer {
        path: "client",
        may_import: &["client", "wire", "domain"],
        banned_crates: &["axum", "hyper", "sqlx", "crossterm", "ratatui"],
    },
    Layer {
        path: "server",
        may_import: &["server", "domain", "wire", "store", "clock", "fault_injection"],
        banned_crates: &["sqlx", "reqwest", "crossterm", "ratatui"],
    },
    Layer {
        path: "terminal",
        may_import: &["terminal"],
        banned_crates: &["axum", "hyper", "sqlx", "reqwest"],
    },
    Layer {
        path: "secret_delivery",
        may_import: &["secret_delivery", "clock", "terminal"],
        banned_crates: &["axum", "hyper", "sqlx", "reqwest", "crossterm", "ratatui"],
    },
    Layer {
        path: "tui",
        may_import: &["tui", "domain", "wire"],
        banned_crates: &["axum", "hyper", "sqlx", "reqwest", "tokio", "anyhow"],
    },
    Layer {
        path: "tui/runtime",
        may_import: &["tui", "domain", "wire", "client", "clock", "terminal", "secret_delivery"],
        banned_crates: &["axum", "hyper", "sqlx", "reqwest", "anyhow"],
    },
    Layer {
        path: "cli",
        may_import: &["cli", "domain", "wire", "client", "clock", "config", "terminal", "secret_delivery"],
        banned_crates: &["axum", "hyper", "sqlx", "ratatui"],
    },
    Layer { path: "fault_injection", may_import: &[], banned_crates: &IO_CRATES },
    Layer { path: "admin", may_import: &["*"], banned_crates: &["axum", "sqlx", "ratatui"] },
    Layer { path: "ui_options", may_import: &["*"], banned_crates: &["axum", "sqlx", "ratatui"] },
    Layer { path: "demo", may_import: &["*"], banned_crates: &["sqlx", "ratatui"] },
    Layer { path: "main", may_import: &["*"], banned_crates: &["sqlx", "ratatui"] },
];

/// The layers that are checked for import cycles, and how many imports of each may still be part of a cycle. The numbers may only be
/// lowered.
const MAX_IMPORTS_IN_CYCLES: [(&str, usize); 5] =
    [("domain", 0), ("store", 0), ("client", 0), ("server", 0), ("tui", 0)];

pub fn collect_rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect_rust_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// Parses every file of `src/`, except files that contain only unit tests.
fn read_sources() -> Sources {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    collect_rust_files(&root, &mut files);
    let mut sources = BTreeMap::new();
    for path in files {
        let module = path.strip_prefix(&root).unwrap().with_extension("").to_string_lossy().into_owned();
        if !module.ends_with("/tests") {
            sources.insert(module, Source::parse(&fs::read_to_string(&path).unwrap()));
        }
    }
    assert!(sources.len() > 10, "found only {} source files", sources.len());
    sources
}

fn layer_of(module: &str) -> Option<&'static Layer> {
    let is_inside = |layer: &&Layer| module == layer.path || module.starts_with(&format!("{}/", layer.path));
    LAYERS.iter().filter(is_inside).max_by_key(|layer| layer.path.len())
}

/// Returns the layer rules that a file breaks, each with the file and the line.
fn broken_rules(module: &str, source: &Source) -> Vec<String> {
    let Some(layer) = layer_of(module) else {
        return if module == "lib" {
            vec![]
        } else {
            vec![format!("src/{module}.rs: belongs to no layer; add it to LAYERS")]
        };
    };
    let mut broken = Vec::new();
    for path in &source.paths {
        let rule = match path.segments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
            ["crate" | "keyward", other, ..]
                if !layer.may_import.contains(&"*") && !layer.may_import.contains(&other) =>
            {
                format!("may not import {other}")
            }
            [name, ..] if layer.banned_crates.contains(&name) => format!("may not use the crate {name}"),
            _ => continue,
        };
        broken.push(format!("src/{module}.rs:{}: {} {rule}", path.line, layer.path));
    }
    broken
}

#[test]
fn layers_import_only_what_they_may() {
    let broken: Vec<String> =
        read_sources().iter().flat_map(|(module, source)| broken_rules(module, source)).collect();
    assert!(broken.is_empty(), "\n{}\n", broken.join("\n"));
}

#[test]
fn a_broken_rule_is_reported() {
    let broken = |module: &str, text: &str| broken_rules(module, &Source::parse(text)).len();
    assert_eq!(broken("domain/key", "use crate::store::Store;"), 1);
    assert_eq!(broken("domain/key", "use crate::{domain::id,\n server};"), 1);
    assert_eq!(broken("server/keys", "    sqlx::query(\"\");"), 1);
    assert_eq!(broken("tui/screens/keys", "use tokio::sync::mpsc;"), 1);
    assert_eq!(broken("attic", ""), 1);
    assert_eq!(broken("tui/runtime", "use tokio::sync::mpsc; use crate::client::Client;"), 0);
    assert_eq!(broken("domain/key", "// crate::server is not here\nuse crate::domain::id::Id;"), 0);
    assert_eq!(
        broken("domain/key", "#[cfg(test)]\nmod tests { use crate::store::Store; }\nuse crate::server;"),
        1
    );
}

/// Returns the number of imports that are part of a cycle in this layer, and a text that lists them, one per line.
fn describe_cycles(sources: &Sources, layer: &str) -> (usize, String) {
    let cycles = cycles::find_cycles(&cycles::collect_imports(sources, layer));
    let line = |import: &cycles::Import| {
        format!("  src/{}.rs:{}: {} imports {}", import.file, import.line, import.from, import.to)
    };
    let text: Vec<String> = cycles
        .iter()
        .map(|cycle| {
            format!("a cycle in {layer}:\n{}", cycle.iter().map(line).collect::<Vec<_>>().join("\n"))
        })
        .collect();
    (cycles.iter().map(Vec::len).sum(), text.join("\n"))
}

#[test]
fn layers_have_no_import_cycles() {
    let sources = read_sources();
    for (layer, allowed) in MAX_IMPORTS_IN_CYCLES {
        let (count, text) = describe_cycles(&sources, layer);
        assert!(count <= allowed, "{count} imports are part of a cycle, {allowed} may be\n{text}");
    }
}

#[test]
fn an_import_cycle_is_reported() {
    let count = |files: &[(&str, &str)]| {
        let sources = files.iter().map(|(file, text)| ((*file).to_owned(), Source::parse(text))).collect();
        describe_cycles(&sources, files[0].0.split('/').next().unwrap()).0
    };
    let a_uses_b = ("store/a", "use super::b::B;");
    assert_eq!(count(&[("store", "mod a; mod b;"), a_uses_b, ("store/b", "")]), 0);
    assert_eq!(
        count(&[("store", "mod a; mod b;"), a_uses_b, ("store/b", "fn f() -> crate::store::a::A {}")]),
        2
    );
    // Child and parent.
    assert_eq!(count(&[("store", "mod a; fn f() { a::g() }"), ("store/a", "use super::f;")]), 2);
    assert_eq!(count(&[("store", "mod a;"), ("store/a", "use super::f;")]), 0);
    // Re-exports: a parent may pass its child on, and a path through it leads to the child.
    assert_eq!(count(&[("store", "mod a; pub use a::A;"), ("store/a", "use super::f;")]), 0);
    assert_eq!(count(&[("store", "mod a; pub use a::A; fn f(_: A) {}"), ("store/a", "use super::f;")]), 2);
    assert_eq!(count(&[("store", "mod a; mod b; pub use a::A;"), a_uses_b, ("store/b", "use super::A;")]), 2);
    // A screen and its submodules count as one module.
    let screen = ("tui/screens/review", "mod row; use row::Row;");
    assert_eq!(count(&[screen, ("tui/screens/review/row", "use super::State;")]), 0);
    let other = ("tui/screens/revoke", "use super::review::row::Row;");
    assert_eq!(
        count(&[screen, ("tui/screens/review/row", "use crate::tui::screens::revoke::State;"), other]),
        2
    );
}
