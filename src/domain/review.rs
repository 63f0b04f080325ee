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
    /// Keep the key. It stays out of the review queue until a given date, or until another flag is raised.
    Keep,
    /// Revoke the key, unless it was used since the reviewer last viewed it.
    Revoke,
    /// Replace the key in a rotation.
    Rotate,
    /// Decide later. The key stays in the review queue.
    Skip,
}

words!(Decision { Keep = "keep", Revoke = "revoke", Rotate = "rotate", Skip = "skip" });

/// Record of an applied decision, with the evidence that led to it. Records are never changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Review)]
pub struct ReviewRecord {
    /// Unique id of the record. Ids sort by creation time.
    #[schema(value_type = uuid::Uuid)]
    pub id: Id,
    /// Id of the review that the decision belongs to, chosen by the client. All decisions of a review have the same id.
    #[schema(value_type = uuid::Uuid)]
    pub review_id: Id,
    /// Id of the key that the decision is about.
    #[schema(value_type = uuid::Uuid)]
    pub key_id: Id,
    /// Name of the key when the decision was applied.
    pub key_name: String,
    /// Masked secret of the key.
    pub key_masked: String,
    /// What was decided.
    pub decision: Decision,
    /// For `keep`: when the key returns to the review queue. `null` if it returns only when another flag is raised.
    #[schema(value_type = Option<chrono::DateTime<chrono::Utc>>, required = true)]
    pub until: Option<Timestamp>,
    /// The reviewer's note, if any.
    #[schema(required = true)]
    pub note: Option<String>,
    /// Member who made the decision.
    pub reviewer: MemberRef,
    /// When the decision was applied.
    #[schema(value_type = chrono::DateTime<chrono::Utc>)]
    pub reviewed_at: Timestamp,
    /// Flags that the key had when the decision was applied, with their evidence, as computed by the server.
    pub findings: Vec<RaisedFlag>,
    /// When the key had last been used; `null` if it had never been used.
    #[schema(value_type = Option<chrono::DateTime<chrono::Utc>>, required = true)]
    pub last_used_at: Option<Timestamp>,
}
