//! Members, and what hangs on them: their keys die with them or survive them.

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
use crate::fault_injection::{Fault::OneStatementGuard, is};

/// A member with counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredMember {
    /// Who, and where they stand.
    pub member: MemberRef,
    /// Role.
    pub role: Role,
    /// When they were invited or set up.
    pub created_at: Timestamp,
    /// Their latest sign of life in a session.
    pub last_seen_at: Option<Timestamp>,
    /// Personal keys that are accepted.
    pub personal_keys: i64,
    /// Organization keys that they created and that are accepted.
    pub organization_keys: i64,
}

/// A member to invite or set up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewMember {
    /// The id.
    pub id: Id,
    /// A checked address.
    pub email: String,
    /// Display name.
    pub name: String,
    /// Role.
    pub role: Role,
    /// When.
    pub at: Timestamp,
}

/// A key in a list of consequences.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberKeyRow {
    /// The id.
    pub id: Id,
    /// The kind.
    pub kind: KeyKind,
    /// The name.
    pub name: String,
    /// The mask.
    pub mask: MaskedSecret,
    /// When it was last used.
    pub last_used_at: Option<Timestamp>,
    /// Of its secret.
    pub digest: Digest,
}

/// Counts and last sign of life are looked up for each row of a page, through indexes.
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
    /// A member.
    ///
    /// # Errors
    /// The database does not answer, or a row is damaged.
    pub async fn member(&mut self, id: Id) -> Result<Option<StoredMember>, StoreError> {
        let sql = sqlx::query(select_members!("WHERE m.id = $1")).bind(id.to_string());
        self.optional(sql).await?.map(|row| member(&DbRow::of("members", &row))).transpose()
    }

    /// The member of this address who was not removed.
    ///
    /// # Errors
    /// The database does not answer, or a row is damaged.
    pub async fn member_by_email(&mut self, email: &str) -> Result<Option<StoredMember>, StoreError> {
        let sql = sqlx::query(select_members!("WHERE m.email_folded = $1 AND m.removed_at IS NULL"))
            .bind(email::fold_case(email));
        self.optional(sql).await?.map(|row| member(&DbRow::of("members", &row))).transpose()
    }

    /// Members in the order in which they came, after `after`.
    ///
    /// # Errors
    /// The database does not answer, or a row is damaged.
    pub async fn members(&mut self, after: Option<Id>, limit: u32) -> Result<Vec<StoredMember>, StoreError> {
        let sql = sqlx::query(select_members!("WHERE m.id > $1 ORDER BY m.id LIMIT $2"))
            .bind(after.map_or_else(String::new, |id| id.to_string()))
            .bind(i64::from(limit));
        self.all(sql).await?.iter().map(|row| member(&DbRow::of("members", row))).collect()
    }

    /// All members by id, as they are named beside keys.
    ///
    /// # Errors
    /// The database does not answer, or a row is damaged.
    pub async fn member_refs(&mut self) -> Result<HashMap<Id, Arc<MemberRef>>, StoreError> {
        let sql = sqlx::query(
            "SELECT id, id AS member_id, name AS member_name, email AS member_email, \
             activated_at AS member_activated_at, removed_at AS member_removed_at FROM members",
        );
        let rows = self.all(sql).await?;
        let refs = rows.iter().map(|row| DbRow::of("members", row).maybe_member());
        refs.filter_map(Result::transpose).map(|r| r.map(|m| (m.id, Arc::new(m)))).collect()
    }

    /// Adds a member, invited until [`Tx::activate_member`].
    ///
    /// # Errors
    /// [`StoreError::Taken`] where another member has the address.
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

    /// Makes an invited member active. `false` where they were so before, or were removed.
    ///
    /// # Errors
    /// The database refuses.
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

    /// Gives a member another role. `false` where they have it already, or were removed.
    ///
    /// # Errors
    /// The database refuses.
    pub async fn set_role(&mut self, id: Id, role: Role, at: Timestamp) -> Result<bool, StoreError> {
        let mark = self.change_time(at).await?;
        let sql = "UPDATE members SET role = $2, changed_at = $3 WHERE id = $1 AND role <> $2 AND removed_at IS NULL";
        #[cfg(feature = "fault-injection")]
        let sql = if is(OneStatementGuard) { fault_injection::SET_ROLE_IF_ANOTHER_ADMIN } else { sql };
        let sql = sqlx::query(sql).bind(id.to_string()).bind(role.word()).bind(mark.0);
        Ok(self.execute(sql).await? > 0)
    }

    /// Removes a member. `false` where they were removed before.
    ///
    /// # Errors
    /// The database refuses.
    pub async fn remove_member(&mut self, id: Id, at: Timestamp) -> Result<bool, StoreError> {
        let mark = self.change_time(at).await?;
        let sql = "UPDATE members SET removed_at = $2, changed_at = $3 WHERE id = $1 AND removed_at IS NULL";
        #[cfg(feature = "fault-injection")]
        let sql = if is(OneStatementGuard) { fault_injection::REMOVE_IF_ANOTHER_ADMIN } else { sql };
        let sql = sqlx::query(sql).bind(id.to_string()).bind(at.0).bind(mark.0);
        Ok(self.execute(sql).await? > 0)
    }

    /// Whether an active admin is left when this member is not counted. Only true while the organization is locked.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn has_other_admin(&mut self, id: Id) -> Result<bool, StoreError> {
        let sql = sqlx::query(
            "SELECT id FROM members WHERE role = 'admin' AND activated_at IS NOT NULL AND removed_at IS NULL \
             AND id <> $1 LIMIT 1",
        )
        .bind(id.to_string());
        Ok(self.optional(sql).await?.is_some())
    }

    /// The keys of one kind that the member created and that are accepted, oldest first.
    ///
    /// # Errors
    /// The database does not answer, or a row is damaged.
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
        let rows = self.all(sql).await?;
        rows.iter()
            .map(|row| {
                let row = DbRow::of("keys", row);
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

    /// Revokes a key because of what happened to its owner, whatever its use. `false` where it was revoked before.
    ///
    /// # Errors
    /// The database refuses.
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
    /// Whether the member can sign in and act.
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
