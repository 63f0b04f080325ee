//! Requests with an idempotency key and their results, so that a repeated request is not executed twice.

use super::error::StoreError;
use super::row::DbRow;
use super::tx::Tx;
use crate::domain::id::Id;
use crate::domain::time::{DAY, TimeDelta, Timestamp};

/// Time after which an idempotency key can be reused for another request.
pub(crate) const IDEMPOTENCY_RETENTION: TimeDelta = DAY;

/// A request that may be retried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotentRequest {
    /// Member who sent the request. Different members can use the same idempotency key.
    pub(crate) member: Id,
    /// Name of the API operation.
    pub(crate) operation: &'static str,
    /// Value of the `Idempotency-Key` header.
    pub(crate) key: String,
    /// Digest of the request's fields, which tells a retry from another request with the same idempotency key.
    pub(crate) fields: [u8; 32],
}

/// An earlier request with the same idempotency key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EarlierRequest {
    /// Whether the earlier request had the same fields.
    pub(crate) same: bool,
    /// Id of the key or review record that the earlier request created.
    pub(crate) subject: Id,
}

impl Tx {
    /// Reserves an idempotency key for a request that creates `subject`. Returns the earlier request if the key is already reserved. If
    /// two requests run concurrently, the second waits for the first.
    pub(crate) async fn claim_idempotency_key(
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
        let row = self.fetch_one(sql).await?;
        let row = DbRow::new("idempotency", &row);
        Ok(Some(EarlierRequest { same: row.digest("fields")?.0 == request.fields, subject: row.id("id")? }))
    }

    /// Removes the reservation of an idempotency key, for a request that had no effect.
    pub(crate) async fn release_idempotency_key(
        &mut self,
        request: &IdempotentRequest,
    ) -> Result<(), StoreError> {
        let sql = sqlx::query(
            "DELETE FROM idempotency WHERE member_id = $1 AND operation = $2 AND idempotency_key = $3",
        )
        .bind(request.member.to_string())
        .bind(request.operation)
        .bind(request.key.clone());
        self.execute(sql).await.map(drop)
    }
}
