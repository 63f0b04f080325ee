//! The screens, keys in and screens out.

mod driver;
mod fleet;
mod tables;
