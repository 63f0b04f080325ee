//! Queries for sessions and sign-in codes. The lifetime of a session is configuration of the server, so callers pass it in.

use super::dialect::Dialect;
use super::error::StoreError;
use super::row::DbRow;
use super::tx::Tx;
use crate::domain::id::Id;
use crate::domain::permission::Actor;
use crate::domain::secret::Digest;
use crate::domain::time::Timestamp;

/// A stored session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredSession {
    /// Id of the session.
    pub(crate) id: Id,
    /// Member who signed in.
    pub(crate) member_id: Id,
    /// Time of the sign-in.
    pub(crate) created_at: Timestamp,
    /// Time of the last use, accurate to the minute.
    pub(crate) last_used_at: Timestamp,
    /// Time at which the session was ended; `None` if it was not.
    pub(crate) ended_at: Option<Timestamp>,
    /// `User-Agent` of the client that signed in. Clients can send any value.
    pub(crate) agent: String,
    /// IP address of the client that signed in.
    pub(crate) address: String,
}

/// A session and the current state of its member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedInMember {
    /// The session, which may have ended.
    pub(crate) session: StoredSession,
    /// The member, who may have been removed.
    pub(crate) actor: Actor,
}

/// A session to add.
#[derive(Clone, Debug)]
pub struct NewSession {
    /// Id of the session.
    pub id: Id,
    /// Member who signed in.
    pub member_id: Id,
    /// Digest of the session token.
    pub digest: Digest,
    /// Time of the sign-in.
    pub at: Timestamp,
    /// `User-Agent` of the client that signed in.
    pub agent: String,
    /// IP address of the client that signed in.
    pub address: String,
}

/// Times that decide which sessions have expired.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionCutoffs {
    /// Sessions created at this time or earlier have expired.
    pub(crate) created_after: Timestamp,
    /// Sessions last used at this time or earlier have expired.
    pub(crate) used_after: Timestamp,
}

/// A sign-in code to add.
#[derive(Clone, Copy, Debug)]
pub struct NewCode {
    pub(crate) id: Id,
    /// The member who can sign in with the code.
    pub(crate) member_id: Id,
    pub(crate) digest: Digest,
    pub(crate) at: Timestamp,
    /// Time at which the code expires.
    pub(crate) expires_at: Timestamp,
}

/// A redeemed sign-in code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RedeemedCode {
    pub(crate) id: Id,
    /// The member who signs in.
    pub(crate) member_id: Id,
}

macro_rules! signed_in {
    ($lock:literal) => {
        concat!(
            "SELECT s.id, s.member_id, s.created_at, s.last_used_at, s.ended_at, s.agent, s.address, m.role, ",
            "m.name AS member_name, m.email AS member_email, m.activated_at AS member_activated_at, ",
            "m.removed_at AS member_removed_at FROM sessions s JOIN members m ON m.id = s.member_id ",
            "WHERE s.digest = $1",
            $lock
        )
    };
}

const SIGNED_IN: &str = signed_in!("");
/// Like [`SIGNED_IN`], but waits for a concurrent removal or role change of the member, and reads its result.
const SIGNED_IN_LOCKED: &str = signed_in!(" FOR SHARE OF m");

impl Tx {
    /// Returns the session with this token digest, and its member. In a write transaction on PostgreSQL, locks the member until the
    /// transaction ends.
    pub(crate) async fn session_by_token(
        &mut self,
        digest: &Digest,
    ) -> Result<Option<SignedInMember>, StoreError> {
        let held = self.writes() && self.dialect() == Dialect::Postgres;
        #[cfg(feature = "fault-injection")]
        let held = held && !crate::fault_injection::omits_locks();
        let sql = sqlx::query(if held { SIGNED_IN_LOCKED } else { SIGNED_IN }).bind(digest.0.to_vec());
        let Some(row) = self.fetch_optional(sql).await? else { return Ok(None) };
        let row = DbRow::new("sessions", &row);
        let session = session(&row)?;
        let member = row.maybe_member()?.ok_or_else(|| row.corrupt("member_id", "is missing"))?;
        Ok(Some(SignedInMember { session, actor: Actor { member, role: row.word("role")? } }))
    }

    /// Updates the last use of a session, unless a later one is already stored.
    pub(crate) async fn touch_session(&mut self, id: Id, now: Timestamp) -> Result<(), StoreError> {
        let sql = sqlx::query("UPDATE sessions SET last_used_at = $2 WHERE id = $1 AND last_used_at < $2")
            .bind(id.to_string())
            .bind(now.0);
        self.execute(sql).await.map(drop)
    }

    /// Returns the member's open sessions with ids lower than `before`, newest first.
    pub(crate) async fn sessions_of(
        &mut self,
        member: Id,
        alive: SessionCutoffs,
        before: Option<Id>,
        limit: u32,
    ) -> Result<Vec<StoredSession>, StoreError> {
        let sql = sqlx::query(
            "SELECT id, member_id, created_at, last_used_at, ended_at, agent, address FROM sessions \
             WHERE member_id = $1 AND ended_at IS NULL AND id < $2 AND created_at > $3 AND last_used_at > $4 \
             ORDER BY id DESC LIMIT $5",
        )
        .bind(member.to_string())
        .bind(before.map_or_else(|| "g".to_owned(), |id| id.to_string()))
        .bind(alive.created_after.0)
        .bind(alive.used_after.0)
        .bind(i64::from(limit));
        self.fetch_all(sql).await?.iter().map(|row| session(&DbRow::new("sessions", row))).collect()
    }

    /// Adds a session to the database.
    ///
    /// # Errors
    /// Returns an error if the query fails.
    pub async fn insert_session(&mut self, new: NewSession) -> Result<(), StoreError> {
        let sql = sqlx::query(
            "INSERT INTO sessions (id, member_id, digest, created_at, last_used_at, agent, address) \
             VALUES ($1, $2, $3, $4, $4, $5, $6)",
        )
        .bind(new.id.to_string())
        .bind(new.member_id.to_string())
        .bind(new.digest.0.to_vec())
        .bind(new.at.0)
        .bind(new.agent)
        .bind(new.address);
        self.execute(sql).await.map(drop)
    }

    /// Ends one of the member's sessions. Returns `false` if it does not exist or was already ended.
    ///
    /// # Errors
    /// Returns an error if the query fails.
    pub async fn end_session(&mut self, id: Id, member: Id, now: Timestamp) -> Result<bool, StoreError> {
        let sql = sqlx::query(
            "UPDATE sessions SET ended_at = $3 WHERE id = $1 AND member_id = $2 AND ended_at IS NULL",
        )
        .bind(id.to_string())
        .bind(member.to_string())
        .bind(now.0);
        Ok(self.execute(sql).await? > 0)
    }

    /// Ends all of the member's sessions. Returns the number of sessions that were open.
    pub(crate) async fn end_sessions_of(&mut self, member: Id, now: Timestamp) -> Result<u64, StoreError> {
        let sql = sqlx::query("UPDATE sessions SET ended_at = $2 WHERE member_id = $1 AND ended_at IS NULL")
            .bind(member.to_string())
            .bind(now.0);
        self.execute(sql).await
    }

    /// Counts the member's sessions that are neither ended nor expired.
    pub(crate) async fn count_open_sessions_of(
        &mut self,
        member: Id,
        alive: SessionCutoffs,
    ) -> Result<i64, StoreError> {
        let sql = sqlx::query(
            "SELECT COUNT(*) AS n FROM sessions WHERE member_id = $1 AND ended_at IS NULL \
             AND created_at > $2 AND last_used_at > $3",
        )
        .bind(member.to_string())
        .bind(alive.created_after.0)
        .bind(alive.used_after.0);
        DbRow::new("sessions", &self.fetch_one(sql).await?).int("n")
    }

    pub(crate) async fn insert_code(&mut self, new: NewCode) -> Result<(), StoreError> {
        let sql = sqlx::query(
            "INSERT INTO sign_in_codes (id, member_id, digest, created_at, expires_at) VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(new.id.to_string())
        .bind(new.member_id.to_string())
        .bind(new.digest.0.to_vec())
        .bind(new.at.0)
        .bind(new.expires_at.0);
        self.execute(sql).await.map(drop)
    }

    /// Redeems a sign-in code. Returns `None` if the code is unknown or expired, or was already redeemed or ended.
    pub(crate) async fn redeem_code(
        &mut self,
        digest: &Digest,
        now: Timestamp,
    ) -> Result<Option<RedeemedCode>, StoreError> {
        let sql = sqlx::query(
            "UPDATE sign_in_codes SET redeemed_at = $2 WHERE digest = $1 AND redeemed_at IS NULL \
             AND ended_at IS NULL AND expires_at > $2 RETURNING id, member_id",
        )
        .bind(digest.0.to_vec())
        .bind(now.0);
        let Some(row) = self.fetch_optional(sql).await? else { return Ok(None) };
        let row = DbRow::new("sign_in_codes", &row);
        Ok(Some(RedeemedCode { id: row.id("id")?, member_id: row.id("member_id")? }))
    }

    /// Ends the member's unused sign-in codes.
    pub(crate) async fn end_codes_of(&mut self, member: Id, now: Timestamp) -> Result<(), StoreError> {
        let sql = sqlx::query(
            "UPDATE sign_in_codes SET ended_at = $2 WHERE member_id = $1 AND redeemed_at IS NULL AND ended_at IS NULL",
        )
        .bind(member.to_string())
        .bind(now.0);
        self.execute(sql).await.map(drop)
    }
}

fn session(row: &DbRow<'_>) -> Result<StoredSession, StoreError> {
    Ok(StoredSession {
        id: row.id("id")?,
        member_id: row.id("member_id")?,
        created_at: row.stamp("created_at")?,
        last_used_at: row.stamp("last_used_at")?,
        ended_at: row.maybe_stamp("ended_at")?,
        agent: row.text("agent")?,
        address: row.text("address")?,
    })
}
