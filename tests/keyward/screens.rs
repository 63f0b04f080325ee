//! Tests of the screens: key presses in, screens out. Start with `driver`.

mod actions;
mod activity;
pub mod driver;
mod hostile;
mod key_fixtures;
mod member_fixtures;
mod members;
mod outage;
mod output_bytes;
mod popups;
mod readability;
mod replace_leaked;
mod review;
mod rotations;
mod tables;
mod themes;
mod welcome;
