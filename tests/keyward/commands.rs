//! The commands as scripts see them: standard streams, exit codes, files, and where secrets are and are not.

mod examples;
mod exits;
mod output;
mod secrets;
mod sessions;
mod verify;
pub mod world;
