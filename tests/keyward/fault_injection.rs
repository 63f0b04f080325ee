//! Tests that cannot fail prove nothing: with a bug planted, the test of the promise that it breaks must turn red, and say why.
//!
//! `cargo test --features fault-injection --test keyward -- fault_injection::`

use std::process::Command;

/// Runs one test of this program on one database, with a bug planted. It must fail, and the reason must hold one of these texts.
fn turns_red(bug: &str, test: &str, database: &str, reasons: &[&str]) {
    // Where the server is a process of its own, what the test sets up beside it is without the bug.
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
fn an_answer_before_the_commit() {
    let test = "crash::nothing_acknowledged_is_lost_when_the_server_is_killed";
    for database in BOTH {
        turns_red("early-answer", test, database, &["was lost", "what was acknowledged is not there"]);
    }
}

#[test]
fn an_activity_row_in_a_second_transaction() {
    let test = "crash::nothing_acknowledged_is_lost_when_the_server_is_killed";
    for database in BOTH {
        turns_red("late-activity", test, database, &["disagree with the log"]);
    }
}

#[test]
fn a_last_use_written_over_what_is_there() {
    turns_red(
        "overwritten-use",
        "last_used::it_only_moves_forward_whatever_the_clock_does",
        SQLITE,
        &["went back"],
    );
    turns_red("overwritten-use", "last_used::a_late_writer_takes_nothing_back", POSTGRES, &["went back"]);
}

#[test]
fn no_lock() {
    let outlives = "members::outlive::removal_against_creation";
    turns_red("no-lock", outlives, POSTGRES, &["a key outlived its member", "was not refused"]);
    turns_red("no-lock", "members::races::one_active_admin_is_always_left", POSTGRES, &["no admin is left"]);
}

#[test]
fn a_guard_of_one_statement() {
    let test = "members::races::one_active_admin_is_always_left";
    turns_red("one-statement-guard", test, POSTGRES, &["no admin is left"]);
}

#[test]
fn a_cached_verification() {
    let test = "races::after_an_acknowledged_revoke_the_key_is_never_accepted";
    for database in BOTH {
        turns_red("cached-verification", test, database, &["a revoked key was accepted"]);
    }
}
