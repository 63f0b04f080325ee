//! The organization's rules of when a key is stale and how long a rotation watches for silence.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Limits in days and hours; the defaults are PRODUCT's. Configured in the server's `[policy]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// A key without use is flagged *never used* when older than this many days.
    pub never_used_after_days: u32,
    /// A key is flagged *unused* when its last use is more than this many days ago.
    pub unused_after_days: u32,
    /// A key is flagged *rotation due* when it was created more than this many days ago.
    pub rotate_after_days: u32,
    /// Hours of silence that a rotation waits for before the old key may go.
    pub quiet_window_hours: u32,
    /// The longest that the quiet window is raised to, in days.
    pub quiet_window_max_days: u32,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            never_used_after_days: 14,
            unused_after_days: 90,
            rotate_after_days: 365,
            quiet_window_hours: 48,
            quiet_window_max_days: 35,
        }
    }
}
