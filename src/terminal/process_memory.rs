//! Keeps the memory of this process to itself: no core file ever holds a secret, and no other process of the user reads it.

/// No core dumps, and not to be attached to or dumped. Programs started from here are not affected.
///
/// Never fails: where the system refuses, nothing is lost but this layer.
pub fn protect_process_memory() {
    use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    let _ = setrlimit(Resource::Core, none);
    let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
}
