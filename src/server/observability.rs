//! Metrics and the log, for operators. `/metrics` itself is served by `handlers::monitoring`.

pub mod logs;
pub(super) mod metrics;
