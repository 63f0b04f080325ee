//! What this terminal can do, drawing on it with few bytes, and giving it back as it was found.

pub mod capabilities;
pub mod clipboard;
pub mod device;
pub mod frame;
pub mod input;
mod pen;
pub mod restore;
pub mod secrecy;
