//! The rules of keyward: keys, members and their permissions, staleness, reviews, rotations, the filter language.
//!
//! Start reading with [`key`], [`permission`] and [`staleness`]. Everything here is pure: no I/O, no clock, no randomness. Callers
//! pass in the time and random bytes.

pub mod activity;
pub mod draft;
pub mod email;
pub mod export;
pub mod filter;
pub mod id;
pub mod integration;
pub mod key;
pub mod member;
pub mod permission;
pub mod policy;
pub mod queue;
pub mod review;
pub mod rotation;
pub mod secret;
pub mod staleness;
pub mod text;
pub mod time;
pub mod usage;
pub mod words;
