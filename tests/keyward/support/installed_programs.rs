//! Programs of the system that tests work with, where they are installed.

use std::path::PathBuf;

use super::environment;

/// The program's file. Where it is missing, the test says so and is skipped; with `KEYWARD_REQUIRE_TERMINALS=1` it fails.
pub fn find_program(program: &str) -> Option<PathBuf> {
    let folders = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];
    let found = folders.iter().map(|folder| PathBuf::from(folder).join(program)).find(|path| path.is_file());
    if found.is_none() {
        let required = environment("KEYWARD_REQUIRE_TERMINALS").is_some_and(|v| v == "1");
        assert!(!required, "{program} is not installed, and KEYWARD_REQUIRE_TERMINALS=1 asks for it");
        say(&format!("skipped: {program} is not installed"));
    }
    found
}

/// Past the test harness, which keeps what a passing test prints to itself.
fn say(text: &str) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stderr(), "{text}");
}
