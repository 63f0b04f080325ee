//! Programs of the system that some tests need.

use std::path::PathBuf;

use super::env_var;

/// Finds a program. If it is missing, the test is skipped with a message; if `requirement` is 1 in the environment, it fails.
pub fn find_program(program: &str, requirement: &str) -> Option<PathBuf> {
    let folders = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];
    let found = folders.iter().map(|folder| PathBuf::from(folder).join(program)).find(|path| path.is_file());
    if found.is_none() {
        let required = env_var(requirement).is_some_and(|v| v == "1");
        assert!(!required, "{program} is not installed, but {requirement}=1 requires it");
        print_to_stderr(&format!("skipped: {program} is not installed"));
    }
    found
}

/// Writes to standard error directly, since the test harness hides what a passing test prints.
fn print_to_stderr(text: &str) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stderr(), "{text}");
}
