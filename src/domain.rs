//! What keyward is about: keys, members, their rights, and what can be said of a key's use. Pure: no I/O, no clock, no chance.

pub mod activity;
pub mod draft;
pub mod email;
pub mod export;
pub mod filter;
pub mod id;
pub mod integration;
pub mod key;
pub mod member;
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
