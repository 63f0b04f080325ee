//! Decisions about stale keys, and the permanent record of each applied decision.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::id::Id;
use super::member::MemberRef;
use super::staleness::RaisedFlag;
use super::time::Timestamp;
use super::words::words;

/// A decision about a stale key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Decision {
    /// Keep the key. It leaves the queue until a date, or until its evidence gets worse.
    Keep,
    /// Revoke the key, unless it was used since the reviewer looked.
    Revoke,
    /// Replace the key in a rotation.
    Rotate,
    /// Decide later.
    Skip,
}

words!(Decision { Keep = "keep", Revoke = "revoke", Rotate = "rotate", Skip = "skip" });

/// An applied decision, with the evidence at the time. Records are never changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Review)]
pub struct ReviewRecord {
    /// Identifies the record.
    #[schema(value_type = uuid::Uuid)]
    pub id: Id,
    /// The review that the decision belongs to. Chosen by the client; decisions made together share it.
    #[schema(value_type = uuid::Uuid)]
    pub review_id: Id,
    /// The key that was decided about.
    #[schema(value_type = uuid::Uuid)]
    pub key_id: Id,
    /// Name of the key at the time.
    pub key_name: String,
    /// Masked secret of the key.
    pub key_masked: String,
    /// The decision.
    pub decision: Decision,
    /// Date until which a kept key stays out of the queue.
    #[schema(value_type = Option<chrono::DateTime<chrono::Utc>>, required = true)]
    pub until: Option<Timestamp>,
    /// Note of the reviewer.
    #[schema(required = true)]
    pub note: Option<String>,
    /// Member who decided.
    pub reviewer: MemberRef,
    /// Time of the decision.
    #[schema(value_type = chrono::DateTime<chrono::Utc>)]
    pub reviewed_at: Timestamp,
    /// Flags that were raised at the time, with their evidence, as computed by the server.
    pub findings: Vec<RaisedFlag>,
    /// Last use of the key at the time.
    #[schema(value_type = Option<chrono::DateTime<chrono::Utc>>, required = true)]
    pub last_used_at: Option<Timestamp>,
}
