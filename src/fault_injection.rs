//! Fault injection: deliberate bugs, one at a time, that prove that the tests of the guarantees can fail. Compiled only with the
//! feature `fault-injection`, never into a release.

use std::sync::LazyLock;

/// Environment variable that names the fault to inject, for example `no-lock`.
pub const FAULT_VARIABLE: &str = "KEYWARD_FAULT";

/// A deliberate bug that can be injected, to prove that a test detects it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The server answers a write before it is committed.
    EarlyAnswer,
    /// The activity log entry is written in a second transaction, after the change is committed.
    LateActivity,
    /// The last-used time of a key can move backward, because it is overwritten unconditionally.
    OverwrittenUse,
    /// On `PostgreSQL`, the rows that a decision depends on are not locked.
    NoLock,
    /// On `PostgreSQL`, only the condition of one `UPDATE` statement prevents the removal of the last admin; no rows are locked.
    OneStatementGuard,
    /// A key that was accepted once stays accepted for two seconds, without another look at its state.
    CachedVerification,
}

const FAULTS_BY_NAME: [(&str, Fault); 6] = [
    ("early-answer", Fault::EarlyAnswer),
    ("late-activity", Fault::LateActivity),
    ("overwritten-use", Fault::OverwrittenUse),
    ("no-lock", Fault::NoLock),
    ("one-statement-guard", Fault::OneStatementGuard),
    ("cached-verification", Fault::CachedVerification),
];

#[expect(
    clippy::disallowed_methods,
    reason = "not a user setting: the tests choose one fault for the whole process"
)]
static INJECTED: LazyLock<Option<Fault>> = LazyLock::new(|| {
    let name = std::env::var(FAULT_VARIABLE).ok()?;
    let found = FAULTS_BY_NAME.iter().find(|(known, _)| *known == name);
    Some(
        found
            .unwrap_or_else(|| {
                panic!(
                    "{FAULT_VARIABLE}={name} is not a known fault; the known faults are {FAULTS_BY_NAME:?}"
                )
            })
            .1,
    )
});

/// Returns whether `fault` is the injected fault.
pub fn is_injected(fault: Fault) -> bool {
    *INJECTED == Some(fault)
}

/// Returns whether locks are omitted, as they are for both [`Fault::NoLock`] and [`Fault::OneStatementGuard`].
pub fn omits_locks() -> bool {
    is_injected(Fault::NoLock) || is_injected(Fault::OneStatementGuard)
}
