//! A key's use over time: counts in buckets, and the clients that used it.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::time::{DAY, HOUR, TimeDelta, Timestamp};

/// How wide a bucket of counts is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum BucketWidth {
    /// One hour; kept for 90 days.
    #[default]
    Hour,
    /// One day from midnight UTC; kept for 400 days.
    Day,
}

impl BucketWidth {
    /// Returns the width.
    pub fn duration(self) -> TimeDelta {
        match self {
            Self::Hour => HOUR,
            Self::Day => DAY,
        }
    }

    /// Returns how long buckets of this width are kept.
    pub fn retention(self) -> TimeDelta {
        match self {
            Self::Hour => TimeDelta::days(90),
            Self::Day => TimeDelta::days(400),
        }
    }
}

/// Uses within one bucket. A bucket that is absent, within the time that was tracked, is a zero; before that it is no data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Bucket {
    /// When the bucket begins.
    #[schema(value_type = chrono::DateTime<chrono::Utc>)]
    pub start: Timestamp,
    /// Uses that were answered with success.
    pub count: i64,
    /// Uses that were refused because the key is revoked.
    pub refused: i64,
}

/// A client that used a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ClientUse {
    /// The agent as it claimed to be.
    pub agent: String,
    /// Its address.
    pub address: String,
    /// When it was first seen with this key.
    #[schema(value_type = chrono::DateTime<chrono::Utc>)]
    pub first_seen_at: Timestamp,
    /// When it was last seen with this key.
    #[schema(value_type = chrono::DateTime<chrono::Utc>)]
    pub last_seen_at: Timestamp,
    /// How often it used this key.
    pub count: i64,
}

/// How many recent clients are kept for each key.
pub const CLIENTS_KEPT: usize = 5;
/// Longest agent that is kept, in bytes.
pub const AGENT_MAX: usize = 200;

/// A key's use between two moments.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Usage {
    /// Since when uses have been recorded for this key: nothing is known of the time before.
    #[schema(value_type = chrono::DateTime<chrono::Utc>)]
    pub tracking_since: Timestamp,
    /// Buckets with at least one use or refusal, oldest first.
    pub buckets: Vec<Bucket>,
    /// The most recent clients, the latest first.
    pub clients: Vec<ClientUse>,
}

/// Counts of one key, one number a day, the last being the day of `as_of`; nothing for days before tracking began.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DailyUse {
    /// The key.
    #[schema(value_type = uuid::Uuid)]
    pub id: super::id::Id,
    /// Uses a day, oldest first.
    pub counts: Vec<Option<i64>>,
}
