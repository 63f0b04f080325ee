//! Commands as scripts use them: standard streams, exit codes, files, and the handling of secrets.

pub mod cli_fixture;
mod doctor;
mod examples;
mod exit_codes;
mod hostile;
mod json_schema;
mod output;
mod prompts;
mod secrets;
mod sessions;
mod tls;
mod verify;
mod welcome;
