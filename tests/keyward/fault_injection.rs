//! Proves that the tests of guarantees can fail: with a fault injected, the test must fail for the expected reason.
//!
//! `cargo test --features fault-injection --test keyward -- fault_injection::`

use std::process::Command;

/// Runs one test of this binary on one database with a fault injected. It must fail with one of the `reasons` in its output.
fn turns_red(bug: &str, test: &str, database: &str, reasons: &[&str]) {
    // If the server is a process of its own, only that process gets the fault.
    let variable = if test.starts_with("crash::") {
        "KEYWARD_TEST_SERVER_BUG"
    } else {
        keyward::fault_injection::VARIABLE
    };
    let run = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(variable, bug)
        .env("KEYWARD_TEST_DATABASE", database)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&run.stdout) + String::from_utf8_lossy(&run.stderr);
    let about = format!("{bug} in {test} on {database}");
    assert!(said.contains("running 1 test"), "{about}: there is no such test\n{said}");
    assert!(!run.status.success(), "{about}: nobody noticed\n{said}");
    assert!(reasons.iter().any(|reason| said.contains(reason)), "{about}: red for another reason\n{said}");
}

const SQLITE: &str = "SQLite";
const POSTGRES: &str = "PostgreSQL";
const BOTH: [&str; 2] = [SQLITE, POSTGRES];

#[test]
fn a_reply_before_the_commit_is_detected() {
    let test = "crash::acknowledged_writes_survive_a_killed_server";
    for database in BOTH {
        turns_red("early-answer", test, database, &["was lost", "what was acknowledged is not there"]);
    }
}

#[test]
fn an_activity_row_in_a_second_transaction_is_detected() {
    let test = "crash::acknowledged_writes_survive_a_killed_server";
    for database in BOTH {
        turns_red("late-activity", test, database, &["disagree with the log"]);
    }
}

#[test]
fn an_overwritten_last_use_is_detected() {
    turns_red(
        "overwritten-use",
        "last_used::last_use_never_moves_backward_when_the_clock_jumps",
        SQLITE,
        &["went back"],
    );
    turns_red(
        "overwritten-use",
        "last_used::a_late_writer_never_moves_last_use_backward",
        POSTGRES,
        &["went back"],
    );
}

#[test]
fn a_missing_row_lock_is_detected() {
    let outlives = "members::removal::removal_races_a_create";
    turns_red("no-lock", outlives, POSTGRES, &["a key outlived its member", "was not refused"]);
    turns_red("no-lock", "members::races::one_active_admin_is_always_left", POSTGRES, &["no admin is left"]);
}

#[test]
fn a_one_statement_admin_guard_is_detected() {
    let test = "members::races::one_active_admin_is_always_left";
    turns_red("one-statement-guard", test, POSTGRES, &["no admin is left"]);
}

#[test]
fn a_cached_verification_is_detected() {
    let test = "races::after_an_acknowledged_revoke_the_key_is_never_accepted";
    for database in BOTH {
        turns_red("cached-verification", test, database, &["a revoked key was accepted"]);
    }
}
