//! Delivers a secret, or another text, to one destination outside the program: a new file, a command, the clipboard, or
//! standard output. Commands and screens both use it, so that one cause has one message everywhere.
//!
//! Each destination is a module of its own. A delivery succeeds only once the destination has taken everything; a failed one
//! leaves nothing behind. Nothing here retries, prints a message, or decides where a secret goes.

pub mod clipboard;
pub mod command;
mod error;
pub mod file;
pub mod stdout;

pub use error::DeliveryError;
