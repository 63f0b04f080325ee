//! Operations for reviews. Records of decisions are only added, never changed.

use serde::{Deserialize, Deserializer, Serialize, de};
use utoipa::{IntoParams, ToSchema};

use super::NoQuery;
use super::calls;
use super::page::Page;
use crate::domain::id::Id;
use crate::domain::key::Key;
use crate::domain::review::{Decision, ReviewRecord};
use crate::domain::time::Timestamp;

/// Request to apply a decision. Requires the `Idempotency-Key` header.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Decide)]
#[serde(deny_unknown_fields)]
pub struct ApplyDecision {
    /// Id of the review that the decision belongs to, chosen by the client.
    #[schema(value_type = uuid::Uuid)]
    pub review_id: Id,
    /// Id of the organization key that the decision is about.
    #[schema(value_type = uuid::Uuid)]
    pub key_id: Id,
    /// What to do with the key.
    pub decision: Decision,
    /// For `keep`: when the key returns to the review queue. Without it, the key returns only when another flag is raised.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<chrono::DateTime<chrono::Utc>>)]
    pub until: Option<Timestamp>,
    /// The reviewer's note, at most 1000 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 1000)]
    pub note: Option<String>,
    /// For `revoke`: time up to which the reviewer has seen the key's usage. The request is refused if the key was used at this
    /// time or later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<chrono::DateTime<chrono::Utc>>)]
    pub unless_used_since: Option<Timestamp>,
}

/// An applied decision, and the key after it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Decided)]
pub struct AppliedDecision {
    /// The record of the decision.
    pub review: ReviewRecord,
    /// The key after the decision was applied.
    pub key: Key,
}

/// Query parameters for listing applied decisions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ReviewsQuery {
    /// Number of decisions per page, 1 to 1000. Default: 100.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "super::page::deserialize_up_to::<1000, _>"
    )]
    #[param(minimum = 1, maximum = 1000)]
    pub limit: Option<u32>,
    /// `next_cursor` from the previous page. Omit it for the first page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(min_length = 1, pattern = "^[0-9A-Za-z_-]+$")]
    pub cursor: Option<String>,
    /// Only decisions of the review with this id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(value_type = Option<uuid::Uuid>)]
    pub review: Option<Id>,
    /// Only decisions about the key with this id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(value_type = Option<uuid::Uuid>)]
    pub key: Option<Id>,
    /// Only decisions at this time or later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(value_type = Option<chrono::DateTime<chrono::Utc>>)]
    pub since: Option<Timestamp>,
}

/// Request to record an export of review decisions in the activity log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RecordExport {
    /// Id of the exported review. Omit it if the export covers several reviews.
    #[schema(value_type = Option<uuid::Uuid>)]
    pub review_id: Option<Id>,
    /// Number of exported records.
    #[serde(deserialize_with = "deserialize_whole_number")]
    #[schema(maximum = 9_007_199_254_740_991_i64)]
    pub records: u64,
    /// SHA-256 digest of the records, 64 hexadecimal digits.
    #[schema(pattern = "^[0-9A-Fa-f]{64}$")]
    pub sha256: String,
}

/// Largest whole number that every JSON reader preserves (RFC 8259, section 6).
const WHOLE_MAX: u64 = (1 << 53) - 1;

/// Deserializes a whole number in any JSON notation: `12.0` is the same number as `12`.
fn deserialize_whole_number<'de, D: Deserializer<'de>>(d: D) -> Result<u64, D::Error> {
    let number = f64::deserialize(d).ok().and_then(|number| number.to_string().parse().ok());
    number
        .filter(|number| *number <= WHOLE_MAX)
        .ok_or_else(|| de::Error::custom(format_args!("must be a whole number from 0 to {WHOLE_MAX}")))
}

calls! {
    /// Lists applied decisions, newest first.
    ListReviews = GET "/reviews" "listReviews" Management 200; ReviewsQuery, () => Page<ReviewRecord>;
    /// Applies a decision. `revoke` is refused if the key was used since `unless_used_since`.
    CreateReview = POST "/reviews" "createReview" Management 201; NoQuery, ApplyDecision => AppliedDecision;
    /// Records an export of review decisions, with its digest, in the activity log.
    RecordReviewExport = POST "/reviews/exports" "recordReviewExport" Management 204; NoQuery, RecordExport => ();
}
