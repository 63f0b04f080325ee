//! What operators watch: counters and the log.

pub mod logs;
pub mod metrics;
