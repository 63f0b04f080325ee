//! The screens, keys in and screens out.

mod bytes;
pub mod driver;
mod fleet;
mod others;
mod people;
mod hostile;
mod popups;
mod review;
mod tables;
