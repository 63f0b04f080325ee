//! Finds import cycles between modules of a layer.
//!
//! - A module is a source file; modules written inline belong to their file. In `tui/screens`, a screen and its submodules count as one
//!   module.
//! - Module A imports module B if a path in A leads to an item of B, or to B itself: `crate::layer::b::Item`, `super::b::Item`, or
//!   `b::Item` for a child module. A path through a `pub use` leads to the module behind it.
//! - A child that names an item of its parent (`use super::Item`) imports the parent.
//! - A parent that declares a child (`mod b;`), or only re-exports its items (`pub use b::Item;`), does not import it.
//! - A cycle is a set of modules that all import one another, directly or indirectly.

use std::collections::{BTreeMap, BTreeSet};

use super::source::Source;

/// A module's path below `src/`, with `/` between segments: `tui/screens/review`.
type Module = String;

/// Parsed source files, keyed by module path.
pub type Sources = BTreeMap<Module, Source>;

/// An import between two modules of one layer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Import {
    pub from: Module,
    pub to: Module,
    /// Path of the importing file below `src/`, without `.rs`.
    pub file: Module,
    pub line: usize,
}

/// Returns the path as segments from the root of this crate; `None` if it leads to another crate.
fn absolute_path(module: &str, children: &BTreeSet<String>, segments: &[String]) -> Option<Vec<String>> {
    let mut base: Vec<String> = module.split('/').map(str::to_owned).collect();
    let first = segments.first()?.as_str();
    let rest = match first {
        "crate" => {
            base.clear();
            &segments[1..]
        }
        "self" => &segments[1..],
        "super" => {
            let ups = segments.iter().take_while(|segment| *segment == "super").count();
            base.truncate(base.len().saturating_sub(ups));
            &segments[ups..]
        }
        child if children.contains(child) => segments,
        _ => return None,
    };
    base.extend(rest.iter().cloned());
    Some(base)
}

/// Returns the module that a path leads to, following re-exports.
fn resolve_module(sources: &Sources, path: &[String], depth: usize) -> Option<Module> {
    let longest = (1..=path.len()).rev().find(|&n| sources.contains_key(&path[..n].join("/")))?;
    let module = path[..longest].join("/");
    let source = &sources[&module];
    let name = path.get(longest).filter(|_| depth < 8);
    let export =
        name.and_then(|name| source.paths.iter().find(|path| path.exported_as.as_ref() == Some(name)));
    if let Some(export) = export
        && let Some(mut target) = absolute_path(&module, &source.children, &export.segments)
    {
        target.extend(path[longest + 1..].iter().cloned());
        return resolve_module(sources, &target, depth + 1);
    }
    Some(module)
}

/// Returns the module that counts as this one in cycles: for a submodule of a screen, the screen.
fn representative(module: &str) -> Module {
    let parts: Vec<&str> = module.split('/').collect();
    match parts.as_slice() {
        ["tui", "screens", screen, ..] => format!("tui/screens/{screen}"),
        _ => module.to_owned(),
    }
}

/// Returns the imports between the modules of a layer, at most one for each ordered pair of modules.
pub fn collect_imports(sources: &Sources, layer: &str) -> Vec<Import> {
    let is_inside = |module: &str| module == layer || module.starts_with(&format!("{layer}/"));
    let mut found: BTreeMap<(Module, Module), Import> = BTreeMap::new();
    for (file, source) in sources.iter().filter(|(file, _)| is_inside(file)) {
        for path in &source.paths {
            let Some(target) = absolute_path(file, &source.children, &path.segments) else { continue };
            let Some(target) = resolve_module(sources, &target, 0) else { continue };
            let is_own_export = target.starts_with(&format!("{file}/"))
                && path.exported_as.as_ref().is_some_and(|name| !source.identifiers.contains(name));
            let (from, to) = (representative(file), representative(&target));
            if from != to && is_inside(&target) && !is_own_export {
                let import =
                    Import { from: from.clone(), to: to.clone(), file: file.clone(), line: path.line };
                found.entry((from, to)).or_insert(import);
            }
        }
    }
    found.into_values().collect()
}

/// Returns the import cycles, each as the list of imports between its modules.
pub fn find_cycles(imports: &[Import]) -> Vec<Vec<Import>> {
    let mut next: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for import in imports {
        next.entry(&import.from).or_default().insert(&import.to);
    }
    let reachable = |from: &str| -> BTreeSet<&str> {
        let mut visited = BTreeSet::new();
        let mut todo: Vec<&str> = next.get(from).into_iter().flatten().copied().collect();
        while let Some(module) = todo.pop() {
            if visited.insert(module) {
                todo.extend(next.get(module).into_iter().flatten().copied());
            }
        }
        visited
    };
    let reach: BTreeMap<&str, BTreeSet<&str>> =
        next.keys().map(|module| (*module, reachable(module))).collect();
    let is_mutual = |a: &str, b: &str| {
        reach.get(a).is_some_and(|set| set.contains(b)) && reach.get(b).is_some_and(|set| set.contains(a))
    };
    let mut cycles: BTreeMap<BTreeSet<&str>, Vec<Import>> = BTreeMap::new();
    for import in imports.iter().filter(|import| is_mutual(&import.from, &import.to)) {
        let members = next.keys().copied().filter(|module| is_mutual(&import.from, module)).collect();
        cycles.entry(members).or_default().push(import.clone());
    }
    cycles.into_values().collect()
}
