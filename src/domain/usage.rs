//! Usage of a key: counts in buckets of time, and the clients that used it.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::time::{DAY, HOUR, TimeDelta, Timestamp};

/// Length of the time buckets in which uses are counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum BucketWidth {
    /// One hour. Hourly buckets are kept for 90 days.
    #[default]
    Hour,
    /// One day, from midnight UTC. Daily buckets are kept for 400 days.
    Day,
}

impl BucketWidth {
    /// Returns the length of one bucket.
    pub fn duration(self) -> TimeDelta {
        match self {
            Self::Hour => HOUR,
            Self::Day => DAY,
        }
    }

    /// Returns how long buckets of this length are kept.
    pub fn retention(self) -> TimeDelta {
        match self {
            Self::Hour => TimeDelta::days(90),
            Self::Day => TimeDelta::days(400),
        }
    }
}

/// Uses and refusals of a key in one time bucket. Buckets without either are omitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Bucket {
    /// Start of the bucket.
    #[schema(value_type = chrono::DateTime<chrono::Utc>)]
    pub start: Timestamp,
    /// Number of accepted uses.
    pub count: i64,
    /// Number of requests that were refused because the key is revoked.
    pub refused: i64,
}

/// Usage of a key by one client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ClientUse {
    /// `User-Agent` header of the client. It proves nothing, since a client can send any text.
    pub agent: String,
    /// IP address of the client.
    pub address: String,
    /// When the client first used the key.
    #[schema(value_type = chrono::DateTime<chrono::Utc>)]
    pub first_seen_at: Timestamp,
    /// When the client last used the key.
    #[schema(value_type = chrono::DateTime<chrono::Utc>)]
    pub last_seen_at: Timestamp,
    /// How many times the client used the key.
    pub count: i64,
}

/// Number of clients that are stored for each key. Only the most recent ones are kept.
pub const CLIENTS_KEPT: usize = 5;
/// Maximum length of a stored user agent in bytes.
pub const AGENT_MAX: usize = 200;

/// Usage of a key within a period of time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Usage {
    /// When the server started to record uses of the key. Earlier uses are unknown.
    #[schema(value_type = chrono::DateTime<chrono::Utc>)]
    pub tracking_since: Timestamp,
    /// Buckets with at least one use or refusal, oldest first.
    pub buckets: Vec<Bucket>,
    /// The most recent clients of the key, latest first.
    pub clients: Vec<ClientUse>,
}

/// Number of uses of one key per day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DailyUse {
    /// Id of the key.
    #[schema(value_type = uuid::Uuid)]
    pub id: super::id::Id,
    /// Number of uses per day, oldest first. The last one is for the day of the page's `as_of`. `null` for days before recording
    /// began.
    pub counts: Vec<Option<i64>>,
}
