//! Reads rows, and names the table, column and row where something is not what this program writes.

use std::fmt::Display;
use std::str::FromStr;

use sqlx::any::AnyRow;
use sqlx::{Any, Decode, Row as _, Type};

use super::error::StoreError;
use crate::domain::id::Id;
use crate::domain::member::{MemberRef, MemberStatus};
use crate::domain::secret::Digest;
use crate::domain::time::Timestamp;

/// A row of a table. Columns are named as the query names them.
pub(super) struct DbRow<'r> {
    pub table: &'static str,
    pub row: &'r AnyRow,
}

impl<'r> DbRow<'r> {
    pub(super) fn of(table: &'static str, row: &'r AnyRow) -> Self {
        Self { table, row }
    }

    /// The error for a column that holds what it should not. The value itself is left out.
    pub(super) fn corrupt(&self, column: &'static str, wrong: impl Display) -> StoreError {
        let id = self.row.try_get::<String, _>("id").unwrap_or_else(|_| "?".to_owned());
        StoreError::Corrupt { table: self.table, column, id, wrong: wrong.to_string() }
    }

    fn get<T: Decode<'r, Any> + Type<Any>>(&self, column: &'static str) -> Result<T, StoreError> {
        self.row.try_get(column).map_err(|_| self.corrupt(column, "has another type than it should"))
    }

    pub(super) fn int(&self, column: &'static str) -> Result<i64, StoreError> {
        self.get(column)
    }

    pub(super) fn text(&self, column: &'static str) -> Result<String, StoreError> {
        self.get(column)
    }

    pub(super) fn maybe_text(&self, column: &'static str) -> Result<Option<String>, StoreError> {
        self.get(column)
    }

    pub(super) fn stamp(&self, column: &'static str) -> Result<Timestamp, StoreError> {
        self.get(column).map(Timestamp)
    }

    pub(super) fn maybe_stamp(&self, column: &'static str) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.get::<Option<i64>>(column)?.map(Timestamp))
    }

    pub(super) fn id(&self, column: &'static str) -> Result<Id, StoreError> {
        self.word(column)
    }

    pub(super) fn maybe_id(&self, column: &'static str) -> Result<Option<Id>, StoreError> {
        let text: Option<&str> = self.get(column)?;
        text.map(str::parse).transpose().map_err(|_| self.corrupt(column, "is no id"))
    }

    /// A word of a domain enum, or anything else that is read from text.
    pub(super) fn word<T: FromStr<Err: Display>>(&self, column: &'static str) -> Result<T, StoreError> {
        let text: &str = self.get(column)?;
        text.parse().map_err(|wrong| self.corrupt(column, wrong))
    }

    pub(super) fn digest(&self, column: &'static str) -> Result<Digest, StoreError> {
        let bytes: &[u8] = self.get(column)?;
        let bytes = bytes.try_into().map_err(|_| self.corrupt(column, "has not 32 bytes"))?;
        Ok(Digest(bytes))
    }

    /// The member whose columns `member_*` the query joined; nothing where the join found none.
    pub(super) fn maybe_member(&self) -> Result<Option<MemberRef>, StoreError> {
        let Some(id) = self.maybe_id("member_id")? else { return Ok(None) };
        let removed_at = self.maybe_stamp("member_removed_at")?;
        Ok(Some(MemberRef {
            id,
            name: self.text("member_name")?,
            email: self.text("member_email")?,
            status: status(self.maybe_stamp("member_activated_at")?, removed_at),
            removed_at,
        }))
    }
}

/// Where a member stands, from when they came and went.
pub(super) fn status(activated_at: Option<Timestamp>, removed_at: Option<Timestamp>) -> MemberStatus {
    match (activated_at, removed_at) {
        (_, Some(_)) => MemberStatus::Removed,
        (Some(_), None) => MemberStatus::Active,
        (None, None) => MemberStatus::Invited,
    }
}
