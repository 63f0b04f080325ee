//! The screens of the tabs and the popups, one file each, in this order: state, update, drawing. A screen never imports another
//! tab's screen; it may open popups.

pub mod activity;
pub mod confirm_fields;
pub mod create;
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
