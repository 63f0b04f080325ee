//! A believable organization with a year of use, for `keyward demo`, tests and pictures.

pub mod cast;
pub mod chance;
pub mod log;
pub mod names;
pub mod organization;
pub mod patterns;
pub mod plant;
