//! Queries of the activity log. Entries are only added.

use super::error::StoreError;
use super::row::DbRow;
use super::statement::SqlStatement;
use super::tx::Tx;
use crate::domain::activity::{Action, Activity};
use crate::domain::id::Id;
use crate::domain::key::ClientInfo;
use crate::domain::time::Timestamp;

/// An entry to add to the activity log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewActivity {
    id: Id,
    at: Timestamp,
    action: Action,
    actor: Option<Id>,
    address: Option<String>,
    key: Option<(Id, String)>,
    member: Option<Id>,
    detail: String,
}

impl NewActivity {
    /// Creates an entry for `action`. `random` is the random part of the entry's id.
    pub(crate) fn new(action: Action, at: Timestamp, random: [u8; 10]) -> Self {
        Self {
            id: Id::new(at, random),
            at,
            action,
            actor: None,
            address: None,
            key: None,
            member: None,
            detail: String::new(),
        }
    }

    /// Sets the member who acted, and the client's address.
    #[must_use]
    pub(crate) fn by(self, actor: Id, client: &ClientInfo) -> Self {
        Self { actor: Some(actor), ..self }.from(client)
    }

    /// Sets the client's address, for a client that is not signed in.
    #[must_use]
    pub(crate) fn from(mut self, client: &ClientInfo) -> Self {
        self.address = Some(client.address.clone());
        self
    }

    /// Sets the key that was acted on, with its current name.
    #[must_use]
    pub(crate) fn key(mut self, id: Id, name: &str) -> Self {
        self.key = Some((id, name.to_owned()));
        self
    }

    /// Sets the member who was acted on.
    #[must_use]
    pub(crate) fn member(mut self, id: Id) -> Self {
        self.member = Some(id);
        self
    }

    /// Sets the details, which must not contain secrets.
    #[must_use]
    pub(crate) fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = detail.into();
        self
    }
}

/// Selects the activity log entries that match every condition that is set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ActivityFilter {
    /// Entries about this key.
    pub key: Option<Id>,
    /// Entries by or about this member.
    pub member: Option<Id>,
    /// Entries with this action.
    pub action: Option<Action>,
    /// Entries at this time or later.
    pub from: Option<Timestamp>,
    /// Entries before this time.
    pub to: Option<Timestamp>,
    /// Entries older than this one, which was the last on the previous page.
    pub before: Option<Id>,
}

impl Tx {
    /// Adds an entry to the activity log.
    pub(crate) async fn record_activity(&mut self, event: NewActivity) -> Result<(), StoreError> {
        #[cfg(feature = "fault-injection")]
        if crate::fault_injection::is_injected(crate::fault_injection::Fault::LateActivity) {
            self.deferred.push(Box::new(|tx| Box::pin(tx.insert_activity(event))));
            return Ok(());
        }
        self.insert_activity(event).await
    }

    pub(super) async fn insert_activity(&mut self, event: NewActivity) -> Result<(), StoreError> {
        let (key_id, key_name) = event.key.unzip();
        let sql = sqlx::query(
            "INSERT INTO activity (id, at, actor_id, action, key_id, key_name, member_id, detail, address) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        )
        .bind(event.id.to_string())
        .bind(event.at.0)
        .bind(event.actor.map(|id| id.to_string()))
        .bind(event.action.word())
        .bind(key_id.map(|id| id.to_string()))
        .bind(key_name)
        .bind(event.member.map(|id| id.to_string()))
        .bind(event.detail)
        .bind(event.address);
        self.execute(sql).await.map(drop)
    }

    /// Returns at most `limit` matching entries, newest first.
    ///
    /// # Errors
    /// Returns an error if the query fails or a row is corrupt.
    pub async fn activity(
        &mut self,
        filter: ActivityFilter,
        limit: u32,
    ) -> Result<Vec<Activity>, StoreError> {
        // Ids begin with the time, so a range of time is a range of ids, and one index serves both.
        let bound = |at: Timestamp| Id::new(at, [0; 10]);
        let upper = [filter.to.map(bound), filter.before].into_iter().flatten().min();
        let conditions = [
            (" AND a.key_id = ?", filter.key.map(|id| id.to_string())),
            (" AND a.action = ?", filter.action.map(|action| action.word().to_owned())),
            (" AND a.id >= ?", filter.from.map(|at| bound(at).to_string())),
            (" AND a.id < ?", upper.map(|id| id.to_string())),
            (" AND (a.actor_id = ? OR a.member_id = ?)", filter.member.map(|id| id.to_string())),
        ];
        let mut statement = SqlStatement::new(
            "SELECT a.id, a.at, a.action, a.key_id, a.key_name, a.member_id AS about_id, a.detail, a.address, \
             m.id AS member_id, m.name AS member_name, m.email AS member_email, m.activated_at AS member_activated_at, \
             m.removed_at AS member_removed_at FROM activity a LEFT JOIN members m ON m.id = a.actor_id WHERE 1 = 1",
        );
        for (condition, value) in conditions {
            if let Some(value) = value {
                statement = statement.text(condition, value);
            }
        }
        let query = statement.plain(" ORDER BY a.id DESC").limit(limit).query();
        self.fetch_all(query).await?.iter().map(|row| activity(&DbRow::new("activity", row))).collect()
    }
}

fn activity(row: &DbRow<'_>) -> Result<Activity, StoreError> {
    Ok(Activity {
        id: row.id("id")?,
        at: row.stamp("at")?,
        actor: row.maybe_member()?,
        action: row.word("action")?,
        key_id: row.maybe_id("key_id")?,
        key_name: row.maybe_text("key_name")?,
        member_id: row.maybe_id("about_id")?,
        detail: row.text("detail")?,
        address: row.maybe_text("address")?,
    })
}
