//! All tests that look at keyward from outside its rooms, in one binary.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by panicking")]

mod commands;
mod contract;
mod crash;
mod deploy;
mod end_to_end;
mod hostile;
mod last_used;
mod matrix;
mod members;
mod openapi;
mod pictures;
#[cfg(feature = "planted-bugs")]
mod planted;
mod races;
mod readme;
mod restart;
mod reviewing;
mod rooms;
mod rotating;
mod screens;
mod ssh;
mod store;
mod support;
mod terminal;
mod timing;
mod tmux;
