//! The screens, keys in and screens out.

pub mod driver;
mod fleet;
mod others;
mod people;
mod popups;
mod review;
mod tables;
