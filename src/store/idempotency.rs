//! What a request with an `Idempotency-Key` led to, so that a repeat is the same request and not another one.

use super::error::StoreError;
use super::row::DbRow;
use super::tx::Tx;
use crate::domain::id::Id;
use crate::domain::time::{DAY, TimeDelta, Timestamp};

/// How long a request is remembered, in milliseconds.
pub const IDEMPOTENCY_RETENTION: TimeDelta = DAY;

/// A request that may be repeated: whose, which operation, the header, and a digest of the fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotentRequest {
    /// Who asks.
    pub member: Id,
    /// The operation's name.
    pub operation: &'static str,
    /// The `Idempotency-Key`.
    pub key: String,
    /// Of the fields.
    pub fields: [u8; 32],
}

/// What is remembered of an earlier request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EarlierRequest {
    /// Whether it had the same fields.
    pub same: bool,
    /// What it led to: a key's or review's id.
    pub subject: Id,
}

impl Tx {
    /// Remembers that the request leads to `subject`, or says what an earlier one led to. Of two at the same time the second waits.
    ///
    /// # Errors
    /// The database refuses.
    pub async fn claim_idempotency_key(
        &mut self,
        request: &IdempotentRequest,
        subject: Id,
        now: Timestamp,
    ) -> Result<Option<EarlierRequest>, StoreError> {
        let sql = sqlx::query(
            "INSERT INTO idempotency (member_id, operation, idempotency_key, fields, subject_id, created_at, expires_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (member_id, operation, idempotency_key) DO UPDATE SET \
             fields = excluded.fields, subject_id = excluded.subject_id, created_at = excluded.created_at, \
             expires_at = excluded.expires_at WHERE idempotency.expires_at <= $6",
        )
        .bind(request.member.to_string())
        .bind(request.operation)
        .bind(request.key.clone())
        .bind(request.fields.to_vec())
        .bind(subject.to_string())
        .bind(now.0)
        .bind(now.plus(IDEMPOTENCY_RETENTION).0);
        if self.execute(sql).await? > 0 {
            return Ok(None);
        }
        let sql = sqlx::query(
            "SELECT fields, subject_id AS id FROM idempotency WHERE member_id = $1 AND operation = $2 \
             AND idempotency_key = $3",
        )
        .bind(request.member.to_string())
        .bind(request.operation)
        .bind(request.key.clone());
        let row = self.one(sql).await?;
        let row = DbRow::of("idempotency", &row);
        Ok(Some(EarlierRequest { same: row.digest("fields")?.0 == request.fields, subject: row.id("id")? }))
    }

    /// Forgets a request that led to nothing.
    ///
    /// # Errors
    /// The database refuses.
    pub async fn release_idempotency_key(&mut self, request: &IdempotentRequest) -> Result<(), StoreError> {
        let sql = sqlx::query(
            "DELETE FROM idempotency WHERE member_id = $1 AND operation = $2 AND idempotency_key = $3",
        )
        .bind(request.member.to_string())
        .bind(request.operation)
        .bind(request.key.clone());
        self.execute(sql).await.map(drop)
    }
}
