//! Finds installed programs that some tests need, such as nginx.

use std::path::PathBuf;

use super::env_var;

/// Returns the path of an installed program. If it is missing, prints that the test is skipped and returns `None`, or panics if the
/// environment variable `requirement` is 1.
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
