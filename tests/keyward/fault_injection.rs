//! Proves that the tests of guarantees can fail: with a fault injected, the test must fail for the expected reason.
//!
//! `cargo test --features fault-injection --test keyward -- fault_injection::`

use std::process::Command;

/// Runs one test of this binary on one database with a fault injected. It must fail with one of the `reasons` in its output.
fn assert_test_fails(fault: &str, test: &str, database: &str, reasons: &[&str]) {
    // If the server is a process of its own, only that process gets the fault.
    let variable = if test.starts_with("crash::") {
        "KEYWARD_TEST_SERVER_FAULT"
    } else {
        keyward::fault_injection::FAULT_VARIABLE
    };
    let run = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(variable, fault)
        .env("KEYWARD_TEST_DATABASE", database)
        .output()
        .unwrap();
    let output = String::from_utf8_lossy(&run.stdout) + String::from_utf8_lossy(&run.stderr);
    let context = format!("{fault} in {test} on {database}");
    assert!(output.contains("running 1 test"), "{context}: there is no such test\n{output}");
    assert!(!run.status.success(), "{context}: the test passed\n{output}");
    assert!(
        reasons.iter().any(|reason| output.contains(reason)),
        "{context}: the test failed for another reason\n{output}"
    );
}

const SQLITE: &str = "SQLite";
const POSTGRES: &str = "PostgreSQL";
const BOTH_DATABASES: [&str; 2] = [SQLITE, POSTGRES];

#[test]
fn a_response_sent_before_the_commit_is_detected() {
    let test = "crash::acknowledged_writes_survive_a_server_kill";
    for database in BOTH_DATABASES {
        assert_test_fails("early-answer", test, database, &["was lost", "an acknowledged write is missing"]);
    }
}

#[test]
fn an_activity_row_in_a_second_transaction_is_detected() {
    let test = "crash::acknowledged_writes_survive_a_server_kill";
    for database in BOTH_DATABASES {
        assert_test_fails("late-activity", test, database, &["differ from the activity log"]);
    }
}

#[test]
fn an_overwritten_last_use_is_detected() {
    assert_test_fails(
        "overwritten-use",
        "last_used::the_last_use_never_moves_backward_when_the_clock_jumps",
        SQLITE,
        &["moved backward"],
    );
    assert_test_fails(
        "overwritten-use",
        "last_used::a_late_writer_never_moves_the_last_use_backward",
        POSTGRES,
        &["moved backward"],
    );
}

#[test]
fn a_missing_row_lock_is_detected() {
    let test = "members::removal::no_key_stays_active_when_a_removal_races_a_create";
    assert_test_fails(
        "no-lock",
        test,
        POSTGRES,
        &["a key outlived its member", "the request was not refused"],
    );
    assert_test_fails(
        "no-lock",
        "members::races::one_active_admin_always_remains",
        POSTGRES,
        &["no admin is left"],
    );
}

#[test]
fn a_one_statement_admin_guard_is_detected() {
    let test = "members::races::one_active_admin_always_remains";
    assert_test_fails("one-statement-guard", test, POSTGRES, &["no admin is left"]);
}

#[test]
fn a_cached_verification_is_detected() {
    let test = "races::a_key_is_never_accepted_after_an_acknowledged_revoke";
    for database in BOTH_DATABASES {
        assert_test_fails("cached-verification", test, database, &["a revoked key was accepted"]);
    }
}
