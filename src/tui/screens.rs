//! The screens, each in this order: its state, what changes it, how it is drawn.

pub mod detail;
pub mod keys;
pub mod review;
