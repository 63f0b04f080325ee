//! The commands as scripts see them: standard streams, exit codes, files, and where secrets are and are not.

mod doctor;
mod examples;
mod exits;
mod first;
mod hostile;
mod output;
mod prompts;
mod schema;
mod secrets;
mod sessions;
mod tls;
mod verify;
pub mod world;
