//! The organization's policy: thresholds for stale keys and for the quiet window of rotations.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Thresholds in days and hours, from the section `[policy]` of the server's configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// A key that was never used is flagged *never used* when it is older than this.
    pub never_used_after_days: u32,
    /// A key is flagged *unused* when its last use is longer ago than this.
    pub unused_after_days: u32,
    /// A key is flagged *rotation due* when it is older than this.
    pub rotate_after_days: u32,
    /// Quiet window of a rotation: how long the old key must be unused before it may be revoked.
    pub quiet_window_hours: u32,
    /// Maximum quiet window. Rarely used keys get a longer quiet window, up to this limit.
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
