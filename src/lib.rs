//! keyward: a terminal program for the people who administer API keys, and the key server behind it.
//!
//! Each module is a room with rules about what it may import; `ARCHITECTURE.md` has the plan of the house.

pub mod cli;
pub mod client;
pub mod clock;
pub mod config;
pub mod demo;
pub mod domain;
pub mod host;
pub mod launch;
#[cfg(feature = "planted-bugs")]
pub mod planted;
pub mod server;
pub mod store;
pub mod terminal;
pub mod tui;
pub mod wire;

#[cfg(all(feature = "planted-bugs", not(debug_assertions)))]
compile_error!("planted bugs are for tests: build without `planted-bugs`");
