//! The screens, keys in and screens out.

mod bytes;
pub mod driver;
mod first;
mod fleet;
mod hostile;
mod leaks;
mod legible;
mod others;
mod outage;
mod people;
mod popups;
mod review;
mod tables;
mod told_apart;
