//! Tests of the screens: each presses keys and checks the resulting screen. Start with `driver`.

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
