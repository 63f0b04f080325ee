//! keyward: a terminal UI and commands for administering API keys, and the key server that they use.
//!
//! The terminal UI and the commands reach the server only over HTTP, even in `keyward demo`, where all three share a process.
//!
//! # Layers
//! Each module may import only some of the others; the test `layers` (`tests/keyward/layers.rs`) enforces this.
//!
//! | module | task |
//! |---|---|
//! | [`domain`] | pure rules about keys, members and usage; no I/O, no clock, no randomness |
//! | [`wire`] | the HTTP contract: one type per call, shared by server and client |
//! | [`store`] | all SQL, for SQLite and PostgreSQL |
//! | [`server`] | the key server: verifies keys for integrations, serves signed-in members |
//! | [`client`] | the only HTTP client |
//! | [`terminal`] | input, output and restoration of the terminal; no screens |
//! | [`secret_delivery`] | delivers a secret to a file, a command, the clipboard or standard output |
//! | [`tui`] | the terminal UI as a pure model: messages in, effects out; [`tui::runtime`] runs it |
//! | [`cli`] | the commands |
//! | [`config`], [`clock`] | settings; the only source of time and randomness |
//! | [`admin`], [`ui_options`], [`demo`] | code that connects the layers: commands on the server's host, UI options, the demo |
//!
//! # Where to start reading
//! [`domain::key`] has the central type, [`wire::Call`] shows how an operation is declared. Then follow one of the three flows that
//! `docs/architecture.md` describes in numbered steps:
//!
//! 1. From a key press to the HTTP request. It starts in [`tui::runtime`], and [`tui::msg`] has its vocabulary.
//! 2. From a verification to the stored use. It starts in [`server`], and the comment of its module `verification` has the steps.
//! 3. From a database row to a table cell. It starts in [`store`] and ends in the module `table` of [`tui`].
//!
//! # Documents
//! - `docs/concepts.md`: keys, members, stale keys, rotation, guarded revoke, screens, commands
//! - `docs/http-api.md` and `docs/json.md`: the HTTP API, and the fields of `--json`
//! - `docs/guarantees.md`: what keyward promises, and the test of each guarantee
//! - `docs/terminal.md`, `docs/performance.md`: terminals and SSH; measurements and targets
//! - `docs/architecture.md`, `CONTRIBUTING.md`: code map, invariants, flows; how to change things
//! - `SECURITY.md`: the threat model

pub mod admin;
pub mod cli;
pub mod client;
pub mod clock;
pub mod config;
pub mod demo;
pub mod domain;
#[cfg(feature = "fault-injection")]
pub mod fault_injection;
pub mod secret_delivery;
pub mod server;
pub mod store;
pub mod terminal;
pub mod tui;
pub mod ui_options;
pub mod wire;

#[cfg(all(feature = "fault-injection", not(debug_assertions)))]
compile_error!("the feature `fault-injection` is for tests only: do not enable it in release builds");
