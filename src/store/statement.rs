//! Builder for SQL whose conditions depend on parameters.
//!
//! Made by hand because sqlx's `QueryBuilder<Any>` writes every placeholder as `?`, which PostgreSQL rejects: it needs `$1`, `$2`, …
//! (<https://github.com/launchbadge/sqlx/issues/3000>, still the case in sqlx 0.9). SQLite accepts numbered placeholders too. SQL
//! text is constant; every value is bound.

use std::fmt::Write as _;

use sqlx::AssertSqlSafe;

use super::tx::Sql;
use crate::domain::id::Id;

/// A statement under construction: SQL and bound values.
#[derive(Default)]
pub(super) struct SqlStatement {
    sql: String,
    values: Vec<BoundValue>,
}

enum BoundValue {
    Text(String),
    Int(i64),
    Bytes(Vec<u8>),
}

impl SqlStatement {
    pub(super) fn new(sql: &str) -> Self {
        Self { sql: sql.to_owned(), values: Vec::new() }
    }

    /// Appends constant SQL that contains one `?`, and binds `value` to it.
    fn add(mut self, sql: &str, value: BoundValue) -> Self {
        self.values.push(value);
        let place = format!("${}", self.values.len());
        self.sql.push_str(&sql.replace('?', &place));
        self
    }

    pub(super) fn text(self, sql: &str, value: impl Into<String>) -> Self {
        self.add(sql, BoundValue::Text(value.into()))
    }

    pub(super) fn int(self, sql: &str, value: i64) -> Self {
        self.add(sql, BoundValue::Int(value))
    }

    pub(super) fn bytes(self, sql: &str, value: &[u8]) -> Self {
        self.add(sql, BoundValue::Bytes(value.to_vec()))
    }

    pub(super) fn plain(mut self, sql: &str) -> Self {
        self.sql.push_str(sql);
        self
    }

    /// Appends a list of ids in parentheses.
    pub(super) fn ids(mut self, ids: impl IntoIterator<Item = Id>) -> Self {
        self.sql.push('(');
        for (i, id) in ids.into_iter().enumerate() {
            self = self.text(if i == 0 { "?" } else { ", ?" }, id.to_string());
        }
        self.sql.push(')');
        self
    }

    pub(super) fn limit(mut self, limit: u32) -> Self {
        write!(self.sql, " LIMIT {limit}").expect("writing to a String cannot fail");
        self
    }

    /// Builds the query. Its SQL consists of constants and numbers only.
    pub(super) fn query(self) -> Sql<'static> {
        let mut query = sqlx::query(AssertSqlSafe(self.sql));
        for value in self.values {
            query = match value {
                BoundValue::Text(text) => query.bind(text),
                BoundValue::Int(int) => query.bind(int),
                BoundValue::Bytes(bytes) => query.bind(bytes),
            };
        }
        query
    }
}
