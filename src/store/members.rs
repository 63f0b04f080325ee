//! Queries for members, and for the keys that are affected when a member is removed.

use std::collections::HashMap;
use std::sync::Arc;

use super::error::StoreError;
#[cfg(feature = "fault-injection")]
use super::fault_injection;
use super::row::{DbRow, status};
use super::tx::Tx;
use crate::domain::email;
use crate::domain::id::Id;
use crate::domain::key::KeyKind;
use crate::domain::member::{MemberRef, MemberStatus, Role};
use crate::domain::secret::{Digest, MaskedSecret};
use crate::domain::time::Timestamp;
#[cfg(feature = "fault-injection")]
use crate::fault_injection::{Fault::OneStatementGuard, is_injected};

/// A member with the numbers of the member's keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredMember {
    /// Name, email address and status.
    pub member: MemberRef,
    /// The member's role in the organization.
    pub role: Role,
    /// Time of the invitation, or of the setup for the first admin.
    pub(crate) created_at: Timestamp,
    /// Last use of any of the member's sessions.
    pub(crate) last_seen_at: Option<Timestamp>,
    /// Number of active personal keys.
    pub(crate) personal_keys: i64,
    /// Number of active organization keys that the member created.
    pub(crate) organization_keys: i64,
}

/// A member to add.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewMember {
    /// Id of the member.
    pub id: Id,
    /// Normalized email address.
    pub email: String,
    /// The member's display name.
    pub name: String,
    /// The member's role in the organization.
    pub role: Role,
    /// Time of the invitation or setup.
    pub at: Timestamp,
}

/// A key that is affected by its creator's removal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberKeyRow {
    /// Id of the key.
    pub id: Id,
    pub(crate) kind: KeyKind,
    pub(crate) name: String,
    pub(crate) mask: MaskedSecret,
    /// Time of the last use; `None` if the key was never used.
    pub(crate) last_used_at: Option<Timestamp>,
    pub(crate) digest: Digest,
}

/// Builds a query for members. Key counts and the last use are subqueries, which use indexes, for each row of a page.
macro_rules! select_members {
    ($rest:literal) => {
        concat!(
            "SELECT m.id, m.id AS member_id, m.name AS member_name, m.email AS member_email, \
             m.activated_at AS member_activated_at, m.removed_at AS member_removed_at, m.role, m.created_at, \
             (SELECT MAX(s.last_used_at) FROM sessions s WHERE s.member_id = m.id) AS last_seen_at, \
             (SELECT COUNT(*) FROM keys k WHERE k.created_by = m.id AND k.kind = 'personal' AND k.revoked_at IS NULL) \
             AS personal_keys, \
             (SELECT COUNT(*) FROM keys k WHERE k.created_by = m.id AND k.kind = 'organization' AND k.revoked_at IS NULL) \
             AS organization_keys FROM members m ",
            $rest
        )
    };
}

impl Tx {
    /// Returns a member by id, including removed members.
    ///
    /// # Errors
    /// Returns an error if the query fails or a row is corrupt.
    pub async fn member(&mut self, id: Id) -> Result<Option<StoredMember>, StoreError> {
        let sql = sqlx::query(select_members!("WHERE m.id = $1")).bind(id.to_string());
        self.fetch_optional(sql).await?.map(|row| member(&DbRow::new("members", &row))).transpose()
    }

    /// Returns the member with this email address, unless the member was removed.
    ///
    /// # Errors
    /// Returns an error if the query fails or a row is corrupt.
    pub async fn member_by_email(&mut self, email: &str) -> Result<Option<StoredMember>, StoreError> {
        let sql = sqlx::query(select_members!("WHERE m.email_folded = $1 AND m.removed_at IS NULL"))
            .bind(email::fold_case(email));
        self.fetch_optional(sql).await?.map(|row| member(&DbRow::new("members", &row))).transpose()
    }

    /// Returns at most `limit` members with ids greater than `after`, in the order in which they were added.
    ///
    /// # Errors
    /// Returns an error if the query fails or a row is corrupt.
    pub async fn members(&mut self, after: Option<Id>, limit: u32) -> Result<Vec<StoredMember>, StoreError> {
        let sql = sqlx::query(select_members!("WHERE m.id > $1 ORDER BY m.id LIMIT $2"))
            .bind(after.map_or_else(String::new, |id| id.to_string()))
            .bind(i64::from(limit));
        self.fetch_all(sql).await?.iter().map(|row| member(&DbRow::new("members", row))).collect()
    }

    /// Returns all members, by id, in the form in which keys refer to them.
    pub(crate) async fn member_refs(&mut self) -> Result<HashMap<Id, Arc<MemberRef>>, StoreError> {
        let sql = sqlx::query(
            "SELECT id, id AS member_id, name AS member_name, email AS member_email, \
             activated_at AS member_activated_at, removed_at AS member_removed_at FROM members",
        );
        let rows = self.fetch_all(sql).await?;
        let refs = rows.iter().map(|row| DbRow::new("members", row).maybe_member());
        refs.filter_map(Result::transpose).map(|r| r.map(|m| (m.id, Arc::new(m)))).collect()
    }

    /// Adds a member with the status `invited`.
    ///
    /// # Errors
    /// Returns [`StoreError::Taken`] if another member has this email address.
    pub async fn insert_member(&mut self, new: &NewMember) -> Result<(), StoreError> {
        let sql = sqlx::query(
            "INSERT INTO members (id, email, email_folded, name, role, created_at, changed_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $6)",
        )
        .bind(new.id.to_string())
        .bind(new.email.clone())
        .bind(email::fold_case(&new.email))
        .bind(new.name.clone())
        .bind(new.role.word())
        .bind(new.at.0);
        self.execute(sql).await.map(drop)
    }

    /// Activates an invited member. Returns `false` if the member is already active or was removed.
    ///
    /// # Errors
    /// Returns an error if the query fails.
    pub async fn activate_member(&mut self, id: Id, at: Timestamp) -> Result<bool, StoreError> {
        let mark = self.change_time(at).await?;
        let sql = sqlx::query(
            "UPDATE members SET activated_at = $2, changed_at = $3 \
             WHERE id = $1 AND activated_at IS NULL AND removed_at IS NULL",
        )
        .bind(id.to_string())
        .bind(at.0)
        .bind(mark.0);
        Ok(self.execute(sql).await? > 0)
    }

    /// Changes a member's role. Returns `false` if the member already has the role or was removed.
    ///
    /// # Errors
    /// Returns an error if the query fails.
    pub async fn set_role(&mut self, id: Id, role: Role, at: Timestamp) -> Result<bool, StoreError> {
        let mark = self.change_time(at).await?;
        let sql = "UPDATE members SET role = $2, changed_at = $3 WHERE id = $1 AND role <> $2 AND removed_at IS NULL";
        #[cfg(feature = "fault-injection")]
        let sql =
            if is_injected(OneStatementGuard) { fault_injection::SET_ROLE_IF_ANOTHER_ADMIN } else { sql };
        let sql = sqlx::query(sql).bind(id.to_string()).bind(role.word()).bind(mark.0);
        Ok(self.execute(sql).await? > 0)
    }

    /// Marks a member as removed. Returns `false` if the member was already removed.
    ///
    /// # Errors
    /// Returns an error if the query fails.
    pub async fn remove_member(&mut self, id: Id, at: Timestamp) -> Result<bool, StoreError> {
        let mark = self.change_time(at).await?;
        let sql = "UPDATE members SET removed_at = $2, changed_at = $3 WHERE id = $1 AND removed_at IS NULL";
        #[cfg(feature = "fault-injection")]
        let sql = if is_injected(OneStatementGuard) { fault_injection::REMOVE_IF_ANOTHER_ADMIN } else { sql };
        let sql = sqlx::query(sql).bind(id.to_string()).bind(at.0).bind(mark.0);
        Ok(self.execute(sql).await? > 0)
    }

    /// Returns whether there is an active admin other than this member. The result is reliable only while the organization is locked.
    pub(crate) async fn has_other_admin(&mut self, id: Id) -> Result<bool, StoreError> {
        let sql = sqlx::query(
            "SELECT id FROM members WHERE role = 'admin' AND activated_at IS NOT NULL AND removed_at IS NULL \
             AND id <> $1 LIMIT 1",
        )
        .bind(id.to_string());
        Ok(self.fetch_optional(sql).await?.is_some())
    }

    /// Returns the active keys of this kind that the member created, oldest first.
    ///
    /// # Errors
    /// Returns an error if the query fails or a row is corrupt.
    pub async fn active_keys_of(
        &mut self,
        member: Id,
        kind: KeyKind,
    ) -> Result<Vec<MemberKeyRow>, StoreError> {
        let sql = sqlx::query(
            "SELECT id, kind, name, last_four, last_used_at, digest FROM keys \
             WHERE created_by = $1 AND kind = $2 AND revoked_at IS NULL ORDER BY id",
        )
        .bind(member.to_string())
        .bind(kind.word());
        let rows = self.fetch_all(sql).await?;
        rows.iter()
            .map(|row| {
                let row = DbRow::new("keys", row);
                let last_four = row.text("last_four")?;
                Ok(MemberKeyRow {
                    id: row.id("id")?,
                    kind: row.word("kind")?,
                    name: row.text("name")?,
                    mask: MaskedSecret::from_last_four(&last_four)
                        .map_err(|e| row.corrupt("last_four", e))?,
                    last_used_at: row.maybe_stamp("last_used_at")?,
                    digest: row.digest("digest")?,
                })
            })
            .collect()
    }

    /// Revokes a key because its owner was removed or changed role, even if the key is in use. Returns `false` if it is already
    /// revoked.
    ///
    /// # Errors
    /// Returns an error if the query fails.
    pub async fn revoke_with_owner(
        &mut self,
        key: &MemberKeyRow,
        by: Id,
        at: Timestamp,
        reason: &str,
    ) -> Result<bool, StoreError> {
        let mark = self.change_time(at).await?;
        let sql = sqlx::query(
            "UPDATE keys SET revoked_at = $2, revoked_by = $3, revoke_reason = $4, version = version + 1, \
             changed_at = $5 WHERE id = $1 AND revoked_at IS NULL",
        )
        .bind(key.id.to_string())
        .bind(at.0)
        .bind(by.to_string())
        .bind(reason.to_owned())
        .bind(mark.0);
        let revoked = self.execute(sql).await? > 0;
        if revoked {
            self.add_to_revoked_log(key.digest);
        }
        Ok(revoked)
    }
}

impl StoredMember {
    /// Returns whether the member can sign in.
    pub fn is_active(&self) -> bool {
        self.member.status == MemberStatus::Active
    }
}

fn member(row: &DbRow<'_>) -> Result<StoredMember, StoreError> {
    let removed_at = row.maybe_stamp("member_removed_at")?;
    Ok(StoredMember {
        member: MemberRef {
            id: row.id("id")?,
            name: row.text("member_name")?,
            email: row.text("member_email")?,
            status: status(row.maybe_stamp("member_activated_at")?, removed_at),
            removed_at,
        },
        role: row.word("role")?,
        created_at: row.stamp("created_at")?,
        last_seen_at: row.maybe_stamp("last_seen_at")?,
        personal_keys: row.int("personal_keys")?,
        organization_keys: row.int("organization_keys")?,
    })
}
