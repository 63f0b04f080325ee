//! Fault injection: deliberate bugs, one at a time, that prove that the tests of the guarantees can fail. Only with the feature
//! `fault-injection`, and never in a release.

use std::sync::LazyLock;

/// The environment variable that names the fault to inject, by one of the words below.
pub const VARIABLE: &str = "KEYWARD_FAULT";

/// A fault that can be injected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A write is answered before it is committed.
    EarlyAnswer,
    /// The row of the activity log is written in a second transaction, after the change.
    LateActivity,
    /// The last use is written over what is there, instead of only forward.
    OverwrittenUse,
    /// `PostgreSQL` is not told to lock the rows that a decision rests on.
    NoLock,
    /// That an admin is left is guarded by the statement that takes one away, and by nothing else.
    OneStatementGuard,
    /// A key that was accepted is accepted for a while without looking again.
    CachedVerification,
}

const WORDS: [(&str, Fault); 6] = [
    ("early-answer", Fault::EarlyAnswer),
    ("late-activity", Fault::LateActivity),
    ("overwritten-use", Fault::OverwrittenUse),
    ("no-lock", Fault::NoLock),
    ("one-statement-guard", Fault::OneStatementGuard),
    ("cached-verification", Fault::CachedVerification),
];

#[expect(
    clippy::disallowed_methods,
    reason = "not a setting of the program: the tests choose one fault for the whole run"
)]
static INJECTED: LazyLock<Option<Fault>> = LazyLock::new(|| {
    let word = std::env::var(VARIABLE).ok()?;
    let found = WORDS.iter().find(|(known, _)| *known == word);
    Some(found.unwrap_or_else(|| panic!("{VARIABLE}: there is no fault called {word}: {WORDS:?}")).1)
});

/// Returns whether this fault is injected.
pub fn is(fault: Fault) -> bool {
    *INJECTED == Some(fault)
}

/// Whether locks are left out, by either of the bugs that do without them.
pub fn takes_no_locks() -> bool {
    is(Fault::NoLock) || is(Fault::OneStatementGuard)
}
