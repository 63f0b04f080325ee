//! Handlers, by resource. Each module has a `routes` function that registers its calls.
//!
//! A handler checks the permission first, then parses the request, and checks the permission again in the transaction of a write.
//! Handlers do not import each other; what several of them need is in [`operations`](super::operations).

pub(super) mod activity;
pub(super) mod data_plane;
pub(super) mod key_lookups;
pub(super) mod keys;
pub(super) mod me;
pub(super) mod members;
pub(super) mod monitoring;
pub mod openapi;
pub(super) mod reviews;
pub(super) mod rotations;
pub(super) mod sessions;
pub(super) mod usage;
