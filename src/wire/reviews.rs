//! Decisions about stale keys, append-only.

use serde::{Deserialize, Deserializer, Serialize, de};
use utoipa::{IntoParams, ToSchema};

use super::NoQuery;
use super::calls;
use super::page::Page;
use crate::domain::id::Id;
use crate::domain::key::Key;
use crate::domain::review::{Decision, ReviewRecord};
use crate::domain::time::Timestamp;

/// A decision to apply. Needs `Idempotency-Key`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Decide)]
#[serde(deny_unknown_fields)]
pub struct ApplyDecision {
    /// The sitting that the decision belongs to, chosen by the client.
    #[schema(value_type = uuid::Uuid)]
    pub review_id: Id,
    /// The organization key.
    #[schema(value_type = uuid::Uuid)]
    pub key_id: Id,
    /// What is decided.
    pub decision: Decision,
    /// Until when a kept key stays out of the queue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<chrono::DateTime<chrono::Utc>>)]
    pub until: Option<Timestamp>,
    /// A note, at most 1000 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 1000)]
    pub note: Option<String>,
    /// For `revoke`: up to when the reviewer has seen the key's use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<chrono::DateTime<chrono::Utc>>)]
    pub unless_used_since: Option<Timestamp>,
}

/// A recorded decision, and the key as it is now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Decided)]
pub struct AppliedDecision {
    /// The record.
    pub review: ReviewRecord,
    /// The key after it.
    pub key: Key,
}

/// Which decisions are asked for. Newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ReviewsQuery {
    /// Items of the page, 1 to 1000; 100 when absent.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "super::page::up_to::<1000, _>"
    )]
    #[param(minimum = 1, maximum = 1000)]
    pub limit: Option<u32>,
    /// The `next_cursor` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(min_length = 1, pattern = "^[0-9A-Za-z_-]+$")]
    pub cursor: Option<String>,
    /// Only of this sitting.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(value_type = Option<uuid::Uuid>)]
    pub review: Option<Id>,
    /// Only of this key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(value_type = Option<uuid::Uuid>)]
    pub key: Option<Id>,
    /// Only decisions at this time or later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(value_type = Option<chrono::DateTime<chrono::Utc>>)]
    pub since: Option<Timestamp>,
}

/// An export of decisions, to be kept in the activity log with its digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RecordExport {
    /// The sitting, where the export covers just one.
    #[schema(value_type = Option<uuid::Uuid>)]
    pub review_id: Option<Id>,
    /// How many records.
    #[serde(deserialize_with = "whole_number")]
    #[schema(maximum = 9_007_199_254_740_991_i64)]
    pub records: u64,
    /// SHA-256 over the records, 64 hexadecimal digits.
    #[schema(pattern = "^[0-9A-Fa-f]{64}$")]
    pub sha256: String,
}

/// The largest whole number that every reader of JSON takes for itself (RFC 8259, 6).
const WHOLE_MAX: u64 = (1 << 53) - 1;

/// A whole number in any of its spellings: to JSON `12.0` is `12`.
fn whole_number<'de, D: Deserializer<'de>>(d: D) -> Result<u64, D::Error> {
    let number = f64::deserialize(d).ok().and_then(|number| number.to_string().parse().ok());
    number
        .filter(|number| *number <= WHOLE_MAX)
        .ok_or_else(|| de::Error::custom(format_args!("must be a whole number from 0 to {WHOLE_MAX}")))
}

calls! {
    /// Applied decisions.
    ListReviews = GET "/reviews" "listReviews" Management 200; ReviewsQuery, () => Page<ReviewRecord>;
    /// Apply a decision; `revoke` is guarded and recorded in one step.
    CreateReview = POST "/reviews" "createReview" Management 201; NoQuery, ApplyDecision => AppliedDecision;
    /// Record that decisions were exported, with their digest.
    RecordReviewExport = POST "/reviews/exports" "recordReviewExport" Management 204; NoQuery, RecordExport => ();
}
