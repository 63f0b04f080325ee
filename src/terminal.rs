//! What this terminal can do, drawing on it with few bytes, and giving it back as it was found.

mod ansi_encoder;
pub mod capabilities;
pub mod clipboard;
pub mod device;
pub mod frame;
pub mod input;
pub mod process_memory;
pub mod restore;
