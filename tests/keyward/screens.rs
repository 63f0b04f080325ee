//! The screens, keys in and screens out.

pub mod driver;
mod fleet;
mod popups;
mod review;
mod tables;
