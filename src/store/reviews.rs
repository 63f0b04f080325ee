//! Queries for applied decisions. Records are only added.

use super::error::StoreError;
use super::row::DbRow;
use super::statement::SqlStatement;
use super::tx::Tx;
use crate::domain::id::Id;
use crate::domain::review::ReviewRecord;
use crate::domain::secret::MaskedSecret;
use crate::domain::time::Timestamp;

/// Selects the records of applied decisions that match every condition that is set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReviewFilter {
    /// Decisions made in this review.
    pub(crate) review: Option<Id>,
    /// Decisions about this key.
    pub(crate) key: Option<Id>,
    /// Decisions applied at this time or later.
    pub(crate) since: Option<Timestamp>,
    /// Records older than this one, which was the last on the previous page.
    pub(crate) before: Option<Id>,
}

const COLUMNS: &str = "SELECT w.id, w.review_id, w.key_id, w.key_name, w.key_last_four, w.decision, w.until, w.note, \
    w.reviewed_at, w.findings, w.last_used_at, m.id AS member_id, m.name AS member_name, m.email AS member_email, \
    m.activated_at AS member_activated_at, m.removed_at AS member_removed_at \
    FROM reviews w JOIN members m ON m.id = w.reviewer_id WHERE";

impl Tx {
    pub(crate) async fn insert_review(&mut self, review: &ReviewRecord) -> Result<(), StoreError> {
        let findings = serde_json::to_string(&review.findings)
            .map_err(|e| StoreError::Failed(format!("the flags cannot be serialized: {e}")))?;
        let sql = sqlx::query(
            "INSERT INTO reviews (id, review_id, key_id, key_name, key_last_four, decision, until, note, reviewer_id, \
             reviewed_at, findings, last_used_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
        )
        .bind(review.id.to_string())
        .bind(review.review_id.to_string())
        .bind(review.key_id.to_string())
        .bind(review.key_name.clone())
        .bind(crate::domain::key::last_four(&review.key_masked).to_owned())
        .bind(review.decision.word())
        .bind(review.until.map(|at| at.0))
        .bind(review.note.clone())
        .bind(review.reviewer.id.to_string())
        .bind(review.reviewed_at.0)
        .bind(findings)
        .bind(review.last_used_at.map(|at| at.0));
        self.execute(sql).await.map(drop)
    }

    /// Returns the record of an applied decision, by the record's id.
    pub(crate) async fn review(&mut self, id: Id) -> Result<Option<ReviewRecord>, StoreError> {
        let sql = SqlStatement::new(COLUMNS).text(" w.id = ?", id.to_string());
        self.fetch_optional(sql.query()).await?.map(|row| review(&DbRow::new("reviews", &row))).transpose()
    }

    /// Returns at most `limit` matching records, newest first.
    ///
    /// # Errors
    /// Returns an error if the query fails or a row is corrupt.
    pub async fn reviews(
        &mut self,
        filter: ReviewFilter,
        limit: u32,
    ) -> Result<Vec<ReviewRecord>, StoreError> {
        let mut sql = SqlStatement::new(COLUMNS).plain(" 1 = 1");
        // Ids begin with the time, so a range of time is a range of ids.
        let since = filter.since.map(|at| Id::new(at, [0; 10]));
        for (condition, id) in [
            (" AND w.review_id = ?", filter.review),
            (" AND w.key_id = ?", filter.key),
            (" AND w.id >= ?", since),
            (" AND w.id < ?", filter.before),
        ] {
            if let Some(id) = id {
                sql = sql.text(condition, id.to_string());
            }
        }
        let rows = self.fetch_all(sql.plain(" ORDER BY w.id DESC").limit(limit).query()).await?;
        rows.iter().map(|row| review(&DbRow::new("reviews", row))).collect()
    }
}

fn review(row: &DbRow<'_>) -> Result<ReviewRecord, StoreError> {
    let last_four = row.text("key_last_four")?;
    let mask = MaskedSecret::from_last_four(&last_four).map_err(|e| row.corrupt("key_last_four", e))?;
    let findings = row.text("findings")?;
    Ok(ReviewRecord {
        id: row.id("id")?,
        review_id: row.id("review_id")?,
        key_id: row.id("key_id")?,
        key_name: row.text("key_name")?,
        key_masked: mask.to_string(),
        decision: row.word("decision")?,
        until: row.maybe_stamp("until")?,
        note: row.maybe_text("note")?,
        reviewer: row.maybe_member()?.ok_or_else(|| row.corrupt("reviewer_id", "is missing"))?,
        reviewed_at: row.stamp("reviewed_at")?,
        findings: serde_json::from_str(&findings).map_err(|e| row.corrupt("findings", e))?,
        last_used_at: row.maybe_stamp("last_used_at")?,
    })
}
