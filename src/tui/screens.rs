//! The screens, each in this order: its state, what changes it, how it is drawn.

pub mod activity;
pub mod confirm_fields;
pub mod create;
pub mod detail;
pub mod edit;
pub mod help;
pub mod keys;
pub mod list;
pub mod members;
pub mod menu;
pub mod messages;
pub mod palette;
pub mod replace_leaked;
pub mod review;
pub mod revoke;
pub mod revoke_many;
pub mod rotate;
pub mod rotations;
pub mod save_secret;
pub mod sign_in;
pub mod unfinished_creates;
