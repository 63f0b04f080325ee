//! Bugs planted on purpose, one at a time, to prove that the tests would notice them: what is kept out of the code at such cost must
//! be missed when it is gone. Only with the feature `planted-bugs`, and never in a release.

use std::sync::LazyLock;

/// The variable that names the bug to plant, by one of the words below.
pub const VARIABLE: &str = "KEYWARD_PLANTED_BUG";

/// A bug that can be planted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bug {
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

const WORDS: [(&str, Bug); 6] = [
    ("early-answer", Bug::EarlyAnswer),
    ("late-activity", Bug::LateActivity),
    ("overwritten-use", Bug::OverwrittenUse),
    ("no-lock", Bug::NoLock),
    ("one-statement-guard", Bug::OneStatementGuard),
    ("cached-verification", Bug::CachedVerification),
];

#[expect(
    clippy::disallowed_methods,
    reason = "no setting of the program: the tests choose a bug for its whole run"
)]
static PLANTED: LazyLock<Option<Bug>> = LazyLock::new(|| {
    let word = std::env::var(VARIABLE).ok()?;
    let found = WORDS.iter().find(|(known, _)| *known == word);
    Some(found.unwrap_or_else(|| panic!("{VARIABLE}: there is no bug called {word}: {WORDS:?}")).1)
});

/// Whether this bug is planted.
pub fn is(bug: Bug) -> bool {
    *PLANTED == Some(bug)
}

/// Whether locks are left out, by either of the bugs that do without them.
pub fn takes_no_locks() -> bool {
    is(Bug::NoLock) || is(Bug::OneStatementGuard)
}
