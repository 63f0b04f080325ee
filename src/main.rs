//! The `keyward` program: arguments → a command. Wiring only.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::SUCCESS
}
