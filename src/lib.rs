//! keyward: a terminal program for the people who administer API keys, and the key server behind it.
//!
//! Each module is a room with rules about what it may import; `ARCHITECTURE.md` has the plan of the house.

pub mod admin;
pub mod cli;
pub mod client;
pub mod clock;
pub mod config;
pub mod demo;
pub mod domain;
#[cfg(feature = "fault-injection")]
pub mod fault_injection;
pub mod server;
pub mod store;
pub mod terminal;
pub mod tui;
pub mod ui_options;
pub mod wire;

#[cfg(all(feature = "fault-injection", not(debug_assertions)))]
compile_error!("fault injection is for tests: build without `fault-injection`");
