//! Terminal input and output below ratatui: detects capabilities, decodes input, writes frames, and restores the terminal.
//!
//! Start reading at [`device`] for the open terminal, [`input`] for key presses and [`frame`] for output; [`restore`] restores
//! the terminal however keyward ends. The UI and the commands use this layer; it knows nothing of keyward's screens and never sends a
//! query to the terminal, since a late reply would arrive as key presses.

mod ansi_encoder;
pub mod capabilities;
pub mod device;
pub mod frame;
pub mod input;
pub mod process_memory;
pub mod restore;
