//! Protects the memory of this process, which holds secrets, from core dumps and from other processes of the same user.

/// Disables core dumps and `ptrace` for this process, but not for its child processes.
///
/// Errors are ignored: this is an additional layer of defence, and keyward works without it.
pub fn protect_process_memory() {
    use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    let _ = setrlimit(Resource::Core, none);
    let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
}
