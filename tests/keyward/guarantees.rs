//! Every guarantee of `docs/guarantees.md` has a test that names its number.
//!
//! A test names guarantees in its doc comment, on a line of its own: `/// Guarantee 6: the reason`, or `/// Guarantees 1, 16: …`. The last
//! column of the table names the files of these tests: a module below `tests/keyward`, or a file below `src`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use crate::layers::collect_rust_files;

/// File paths relative to the repository root, keyed by guarantee number.
type FilesByNumber = BTreeMap<u32, BTreeSet<String>>;

fn repository_root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Returns the files that the table of guarantees lists for each guarantee.
fn parse_table(document: &str) -> FilesByNumber {
    let mut found = FilesByNumber::new();
    let rows = document.lines().skip_while(|line| !line.starts_with("| # |")).skip(2);
    for row in rows.take_while(|line| line.starts_with('|')) {
        // `\|` is an escaped bar within a cell.
        let row = row.replace(r"\|", "");
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let number = cells[0].parse().unwrap_or_else(|_| panic!("no number in {row}"));
        let places = cells.last().unwrap().split('`').skip(1).step_by(2);
        let files = places.map(|place| match place.strip_suffix(".rs") {
            Some(_) => format!("src/{place}"),
            None => format!("tests/keyward/{}.rs", place.replace("::", "/")),
        });
        assert!(found.insert(number, files.collect()).is_none(), "two rows have the number {number}");
    }
    found
}

/// Returns the guarantee numbers that a line of a doc comment names; `None` if it names none.
fn guarantee_numbers(line: &str) -> Option<Vec<u32>> {
    let line = line.trim();
    let text = line.strip_prefix("/// Guarantee ").or_else(|| line.strip_prefix("/// Guarantees "))?;
    let list = text.split(':').next()?;
    Some(list.split([',', ' ']).filter(|word| !word.is_empty()).map(|word| word.parse().unwrap()).collect())
}

/// Adds `file` to each guarantee that one of its tests names. Doc comments of other items do not count.
fn collect_named_guarantees(file: &str, source: &str, found: &mut FilesByNumber) {
    let mut waiting = Vec::new();
    for line in source.lines() {
        let line = line.trim();
        if let Some(numbers) = guarantee_numbers(line) {
            waiting.extend(numbers);
        } else if line == "#[test]" || line.starts_with("#[tokio::test") {
            for number in waiting.drain(..) {
                found.entry(number).or_default().insert(file.to_owned());
            }
        } else if !line.starts_with("///") && !line.starts_with("#[") {
            waiting.clear();
        }
    }
}

/// Returns the differences between the table of guarantees and the tests.
fn differences(table: &FilesByNumber, tests: &FilesByNumber) -> Vec<String> {
    let mut found = Vec::new();
    for number in table.keys().chain(tests.keys()).collect::<BTreeSet<_>>() {
        match (table.get(number), tests.get(number)) {
            (None, Some(files)) => found.push(format!("{files:?} name {number}, which is not in the table")),
            (Some(_), None) => found.push(format!("guarantee {number} has no test that names it")),
            (Some(listed), Some(files)) if listed != files => {
                found.push(format!("guarantee {number} is tested in {files:?}; the table says {listed:?}"));
            }
            _ => {}
        }
    }
    found
}

#[test]
fn every_guarantee_has_a_test_that_names_it() {
    let table = parse_table(&fs::read_to_string(repository_root().join("docs/guarantees.md")).unwrap());
    assert!(table.len() >= 26, "the table has only {} rows", table.len());
    for (number, files) in &table {
        assert!(!files.is_empty(), "guarantee {number}: the table names no file");
        for file in files {
            assert!(repository_root().join(file).is_file(), "guarantee {number}: there is no {file}");
        }
    }
    let mut tests = FilesByNumber::new();
    for folder in ["src", "tests"] {
        let mut files = Vec::new();
        collect_rust_files(&repository_root().join(folder), &mut files);
        for path in files {
            let file = path.strip_prefix(repository_root()).unwrap().to_string_lossy().into_owned();
            collect_named_guarantees(&file, &fs::read_to_string(&path).unwrap(), &mut tests);
        }
    }
    let found = differences(&table, &tests);
    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
}

#[test]
fn a_guarantee_without_a_test_is_reported() {
    let table = parse_table(
        "| # | guarantee | where |\n|---|---|---|\n| 1 | \\|t\\| | `crash`, `domain/key.rs` |\n| 2 | b | `a::b` |\n\n| 3 |",
    );
    assert_eq!(table.len(), 2);
    assert_eq!(table[&1].iter().collect::<Vec<_>>(), ["src/domain/key.rs", "tests/keyward/crash.rs"]);
    let check = |sources: &[(&str, &str)]| {
        let mut tests = FilesByNumber::new();
        for (file, source) in sources {
            collect_named_guarantees(file, source, &mut tests);
        }
        differences(&table, &tests).len()
    };
    let first = ("tests/keyward/crash.rs", "/// Guarantees 1: why\n#[test]\nfn a() {}");
    let also_first =
        ("src/domain/key.rs", "/// Text.\n/// Guarantee 1: why\n#[tokio::test(x)]\nasync fn a() {}");
    let second = ("tests/keyward/a/b.rs", "/// Guarantee 2: why\n#[test]\nfn a() {}");
    assert_eq!(check(&[first, also_first, second]), 0);
    assert_eq!(check(&[first, second]), 1, "one of two files");
    assert_eq!(check(&[first, also_first]), 1, "no test");
    assert_eq!(
        check(&[first, also_first, second, ("c", "/// Guarantee 3: why\n#[test]\nfn a() {}")]),
        1,
        "not in the table"
    );
    assert_eq!(
        check(&[first, also_first, ("tests/keyward/a/b.rs", "/// Guarantee 2: why\nfn helper() {}")]),
        1,
        "no test"
    );
}
