//! The handlers, by resource.

pub mod activity;
pub mod data_plane;
pub mod key_lookups;
pub mod keys;
pub mod me;
pub mod members;
pub mod monitoring;
pub mod openapi;
pub mod reviews;
pub mod rotations;
pub mod sessions;
pub mod usage;
