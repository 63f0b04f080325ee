//! Integration tests of keyward, in one binary. Helpers are in `support`; each module covers the subject in its name.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

mod commands;
mod contract;
mod crash;
mod deploy;
mod end_to_end;
#[cfg(feature = "fault-injection")]
mod fault_injection;
mod guarantees;
mod hostile;
mod last_used;
mod layers;
mod matrix;
mod members;
mod openapi;
mod pictures;
mod races;
mod readme;
mod restart;
mod review_flow;
mod rotation_flow;
mod screens;
mod ssh;
mod store;
mod support;
mod terminal;
mod timing;
mod tmux;
