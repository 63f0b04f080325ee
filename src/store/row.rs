//! Reads the columns of rows. A value that this program cannot have written is an error with table, column and row.

use std::fmt::Display;
use std::str::FromStr;

use sqlx::any::AnyRow;
use sqlx::{Any, Decode, Row as _, Type};

use super::error::StoreError;
use crate::domain::id::Id;
use crate::domain::member::{MemberRef, MemberStatus};
use crate::domain::secret::Digest;
use crate::domain::time::Timestamp;

/// A row of a query result. Columns are read by the names that the query gives them.
pub(super) struct DbRow<'r> {
    pub(crate) table: &'static str,
    pub(crate) row: &'r AnyRow,
}

impl<'r> DbRow<'r> {
    pub(super) fn new(table: &'static str, row: &'r AnyRow) -> Self {
        Self { table, row }
    }

    /// Returns the error for a corrupt value. It does not contain the value.
    pub(super) fn corrupt(&self, column: &'static str, wrong: impl Display) -> StoreError {
        let id = self.row.try_get::<String, _>("id").unwrap_or_else(|_| "?".to_owned());
        StoreError::Corrupt { table: self.table, column, id, wrong: wrong.to_string() }
    }

    fn read<T: Decode<'r, Any> + Type<Any>>(&self, column: &'static str) -> Result<T, StoreError> {
        self.row.try_get(column).map_err(|_| self.corrupt(column, "has the wrong type"))
    }

    pub(super) fn int(&self, column: &'static str) -> Result<i64, StoreError> {
        self.read(column)
    }

    pub(super) fn text(&self, column: &'static str) -> Result<String, StoreError> {
        self.read(column)
    }

    pub(super) fn maybe_text(&self, column: &'static str) -> Result<Option<String>, StoreError> {
        self.read(column)
    }

    pub(super) fn stamp(&self, column: &'static str) -> Result<Timestamp, StoreError> {
        self.read(column).map(Timestamp)
    }

    pub(super) fn maybe_stamp(&self, column: &'static str) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.read::<Option<i64>>(column)?.map(Timestamp))
    }

    pub(super) fn id(&self, column: &'static str) -> Result<Id, StoreError> {
        self.word(column)
    }

    pub(super) fn maybe_id(&self, column: &'static str) -> Result<Option<Id>, StoreError> {
        let text: Option<&str> = self.read(column)?;
        text.map(str::parse).transpose().map_err(|_| self.corrupt(column, "is not an id"))
    }

    /// Parses the text of a column, such as an id or the name of an enum variant.
    pub(super) fn word<T: FromStr<Err: Display>>(&self, column: &'static str) -> Result<T, StoreError> {
        let text: &str = self.read(column)?;
        text.parse().map_err(|wrong| self.corrupt(column, wrong))
    }

    pub(super) fn digest(&self, column: &'static str) -> Result<Digest, StoreError> {
        let bytes: &[u8] = self.read(column)?;
        let bytes = bytes.try_into().map_err(|_| self.corrupt(column, "does not have 32 bytes"))?;
        Ok(Digest(bytes))
    }

    /// Reads a joined member from the `member_…` columns. Returns `None` if the join found no member.
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

/// Derives a member's status from the times of activation and removal.
pub(super) fn status(activated_at: Option<Timestamp>, removed_at: Option<Timestamp>) -> MemberStatus {
    match (activated_at, removed_at) {
        (_, Some(_)) => MemberStatus::Removed,
        (Some(_), None) => MemberStatus::Active,
        (None, None) => MemberStatus::Invited,
    }
}
