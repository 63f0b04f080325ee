//! Delivers a secret, or another text, to one destination outside keyward: a new file, a command, the clipboard, or standard output.
//! Both the commands and the screens use it, so that the same failure has the same message everywhere.
//!
//! Each destination is a module of its own. A delivery succeeds only when the destination has accepted the whole text; a failed
//! delivery leaves nothing behind. This layer never retries, prints a message, or decides where a secret goes.

pub mod clipboard;
pub mod command;
mod error;
pub mod file;
pub mod stdout;

pub use error::DeliveryError;
