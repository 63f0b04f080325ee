//! What an administrator decided about a stale key, as it is kept for good.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::id::Id;
use super::member::MemberRef;
use super::staleness::RaisedFlag;
use super::time::Timestamp;
use super::words::words;

/// What is to become of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Decision {
    /// It stays; it leaves the queue until a date or until its evidence worsens.
    Keep,
    /// It is revoked, unless it was used since it was seen.
    Revoke,
    /// It is to be replaced; the wizard opens.
    Rotate,
    /// Nothing is decided now.
    Skip,
}

words!(Decision { Keep = "keep", Revoke = "revoke", Rotate = "rotate", Skip = "skip" });

/// One applied decision with the evidence of that moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Review)]
pub struct ReviewRecord {
    /// The record's id.
    #[schema(value_type = uuid::Uuid)]
    pub id: Id,
    /// The review that it belongs to, chosen by the client: all decisions of one sitting share it.
    #[schema(value_type = uuid::Uuid)]
    pub review_id: Id,
    /// The key.
    #[schema(value_type = uuid::Uuid)]
    pub key_id: Id,
    /// The key's name at that moment.
    pub key_name: String,
    /// The key's mask.
    pub key_masked: String,
    /// What was decided.
    pub decision: Decision,
    /// Until when a kept key stays out of the queue.
    #[schema(value_type = Option<chrono::DateTime<chrono::Utc>>, required = true)]
    pub until: Option<Timestamp>,
    /// The reviewer's note.
    #[schema(required = true)]
    pub note: Option<String>,
    /// Who decided.
    pub reviewer: MemberRef,
    /// When.
    #[schema(value_type = chrono::DateTime<chrono::Utc>)]
    pub reviewed_at: Timestamp,
    /// The flags and their evidence at that moment, computed by the server.
    pub findings: Vec<RaisedFlag>,
    /// The key's last use at that moment.
    #[schema(value_type = Option<chrono::DateTime<chrono::Utc>>, required = true)]
    pub last_used_at: Option<Timestamp>,
}
