//! Usage of a key: counts in buckets of time, and the clients that used it.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::time::{DAY, HOUR, TimeDelta, Timestamp};

/// The width of a bucket of counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum BucketWidth {
    /// One hour. Buckets are kept for 90 days.
    #[default]
    Hour,
    /// One day from midnight UTC. Buckets are kept for 400 days.
    Day,
}

impl BucketWidth {
    /// Returns the width of a bucket.
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

/// Counts of uses within one bucket. Buckets without uses are left out; before tracking began nothing is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Bucket {
    /// Start of the bucket.
    #[schema(value_type = chrono::DateTime<chrono::Utc>)]
    pub start: Timestamp,
    /// Accepted uses.
    pub count: i64,
    /// Requests that were refused because the key is revoked.
    pub refused: i64,
}

/// Usage of a key by one client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ClientUse {
    /// `User-Agent` of the client. A client can claim any name.
    pub agent: String,
    /// IP address of the client.
    pub address: String,
    /// First use of this key by the client.
    #[schema(value_type = chrono::DateTime<chrono::Utc>)]
    pub first_seen_at: Timestamp,
    /// Last use of this key by the client.
    #[schema(value_type = chrono::DateTime<chrono::Utc>)]
    pub last_seen_at: Timestamp,
    /// Number of uses of this key by the client.
    pub count: i64,
}

/// Number of clients that are kept for each key; the most recent ones.
pub const CLIENTS_KEPT: usize = 5;
/// Maximum length of a stored user agent in bytes.
pub const AGENT_MAX: usize = 200;

/// Usage of a key within a period.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Usage {
    /// When recording of uses of this key began. Earlier uses are unknown.
    #[schema(value_type = chrono::DateTime<chrono::Utc>)]
    pub tracking_since: Timestamp,
    /// Buckets with at least one use or refusal, oldest first.
    pub buckets: Vec<Bucket>,
    /// The most recent clients, latest first.
    pub clients: Vec<ClientUse>,
}

/// Uses of a key by day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DailyUse {
    /// Identifies the key.
    #[schema(value_type = uuid::Uuid)]
    pub id: super::id::Id,
    /// Uses on each day, oldest first; the last day is that of `as_of`. `null` for days before tracking began.
    pub counts: Vec<Option<i64>>,
}
