//! The organization, its setup on the server's host, and facts about the database.

use super::activity::NewActivity;
use super::database::{Store, StoreInner};
use super::error::StoreError;
use super::members::{NewMember, StoredMember};
use super::row::DbRow;
use super::sessions::NewCode;
use super::tx::Tx;
use crate::domain::activity::Action;
use crate::domain::id::Id;
use crate::domain::member::Role;
use crate::domain::secret::Digest;
use crate::domain::time::Timestamp;

/// The organization, as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredOrganization {
    pub(crate) id: Id,
    pub(crate) name: String,
    pub(crate) created_at: Timestamp,
}

/// An invitation for an admin, created by a command on the server's host.
#[derive(Clone, Debug)]
pub struct AdminInvitation {
    /// Normalized email address.
    pub email: String,
    /// Digest of the sign-in code.
    pub code: Digest,
    /// Time of the invitation.
    pub at: Timestamp,
    /// Time at which the sign-in code expires.
    pub expires_at: Timestamp,
}

/// Why a setup command on the server's host was refused.
#[derive(Debug, thiserror::Error)]
pub enum SetUpError {
    /// The database already has an organization.
    #[error("the organization is already set up; use `keyward admin invite` to invite an admin")]
    AlreadySetUp,
    /// The database has no organization yet.
    #[error("there is no organization yet; set it up with `keyward admin init`")]
    NotSetUp,
    /// The database reported an error.
    #[error(transparent)]
    Database(#[from] StoreError),
}

const DATABASE_ID: &str = "database_id";
const TRACKING_SINCE: &str = "usage_tracking_since";

/// Stores the id of the database and the time since which usage is recorded, unless they are already stored. Returns the id.
pub(super) async fn ensure_facts(
    inner: &StoreInner,
    now: Timestamp,
    random: [u8; 10],
) -> Result<String, StoreError> {
    inner
        .write(move |tx| {
            Box::pin(async move {
                for (name, value) in
                    [(DATABASE_ID, Id::new(now, random).to_string()), (TRACKING_SINCE, now.0.to_string())]
                {
                    let sql =
                        sqlx::query("INSERT INTO facts (name, value) VALUES ($1, $2) ON CONFLICT DO NOTHING")
                            .bind(name)
                            .bind(value);
                    tx.execute(sql).await?;
                }
                let id = tx.fact(DATABASE_ID).await?;
                id.ok_or_else(|| StoreError::Failed("a fact that was just written is missing".to_owned()))
            })
        })
        .await
}

impl Store {
    /// Sets up the organization and its first admin, who signs in with a code. If called concurrently, only one call succeeds. `random`
    /// returns random bytes for ids.
    ///
    /// # Errors
    /// Returns an error if the organization already exists or the query fails.
    pub async fn set_up_organization(
        &self,
        name: String,
        admin: AdminInvitation,
        random: fn() -> [u8; 10],
    ) -> Result<StoredMember, SetUpError> {
        self.write(move |tx| {
            Box::pin(async move {
                let sql = sqlx::query(
                    "INSERT INTO organization (singleton, id, name, created_at) VALUES (1, $1, $2, $3) \
                     ON CONFLICT DO NOTHING",
                )
                .bind(Id::new(admin.at, random()).to_string())
                .bind(name.clone())
                .bind(admin.at.0);
                if tx.execute(sql).await? == 0 {
                    return Err(SetUpError::AlreadySetUp);
                }
                let event = NewActivity::new(Action::OrganizationCreated, admin.at, random());
                tx.record_activity(event.detail(format!("{name}, on the server's host"))).await?;
                insert_invited_admin(tx, &admin, random).await
            })
        })
        .await
    }

    /// Invites an admin from the server's host, for an organization whose admins cannot sign in.
    ///
    /// An existing member with this email address becomes an admin and gets a new code; the member's earlier codes become invalid.
    ///
    /// # Errors
    /// Returns an error if there is no organization yet or the query fails.
    pub async fn invite_admin(
        &self,
        admin: AdminInvitation,
        random: fn() -> [u8; 10],
    ) -> Result<StoredMember, SetUpError> {
        self.write(move |tx| {
            Box::pin(async move {
                tx.lock_organization().await?;
                if tx.organization().await?.is_none() {
                    return Err(SetUpError::NotSetUp);
                }
                insert_invited_admin(tx, &admin, random).await
            })
        })
        .await
    }
}

async fn insert_invited_admin(
    tx: &mut Tx,
    admin: &AdminInvitation,
    random: fn() -> [u8; 10],
) -> Result<StoredMember, SetUpError> {
    let event = |action| NewActivity::new(action, admin.at, random());
    let id = if let Some(known) = tx.member_by_email(&admin.email).await? {
        let id = known.member.id;
        if tx.set_role(id, Role::Admin, admin.at).await? {
            let detail = format!("{} → admin, on the server's host", known.role);
            tx.record_activity(event(Action::MemberRoleChanged).member(id).detail(detail)).await?;
        }
        tx.end_codes_of(id, admin.at).await?;
        id
    } else {
        let id = Id::new(admin.at, random());
        let email = admin.email.clone();
        let new = NewMember { id, name: email.clone(), email, role: Role::Admin, at: admin.at };
        tx.insert_member(&new).await?;
        id
    };
    let code = NewCode {
        id: Id::new(admin.at, random()),
        member_id: id,
        digest: admin.code,
        at: admin.at,
        expires_at: admin.expires_at,
    };
    tx.insert_code(code).await?;
    let detail = format!("{} as admin, on the server's host", admin.email);
    tx.record_activity(event(Action::MemberInvited).member(id).detail(detail)).await?;
    let row = tx.member(id).await?;
    row.ok_or_else(|| StoreError::Failed("a member that was just written is missing".to_owned()).into())
}

impl Tx {
    /// Returns the organization, or `None` before it is set up.
    ///
    /// # Errors
    /// Returns an error if the query fails or a row is corrupt.
    pub async fn organization(&mut self) -> Result<Option<StoredOrganization>, StoreError> {
        let row = self.fetch_optional(sqlx::query("SELECT id, name, created_at FROM organization")).await?;
        row.map(|row| {
            let row = DbRow::new("organization", &row);
            Ok(StoredOrganization {
                id: row.id("id")?,
                name: row.text("name")?,
                created_at: row.stamp("created_at")?,
            })
        })
        .transpose()
    }

    /// Returns the time since which usage has been recorded. Earlier uses are unknown.
    pub(crate) async fn tracking_since(&mut self) -> Result<Timestamp, StoreError> {
        let value = self.fact(TRACKING_SINCE).await?.and_then(|text| text.parse().ok());
        value.map(Timestamp).ok_or_else(|| StoreError::Corrupt {
            table: "facts",
            column: "value",
            id: TRACKING_SINCE.to_owned(),
            wrong: "is no time".to_owned(),
        })
    }

    /// Sets the time since which usage has been recorded, for a database that is filled with historical data.
    ///
    /// # Errors
    /// Returns an error if the query fails.
    pub async fn set_tracking_since(&mut self, since: Timestamp) -> Result<(), StoreError> {
        let sql = sqlx::query("UPDATE facts SET value = $2 WHERE name = $1")
            .bind(TRACKING_SINCE)
            .bind(since.0.to_string());
        self.execute(sql).await.map(drop)
    }

    pub(super) async fn fact(&mut self, name: &'static str) -> Result<Option<String>, StoreError> {
        let row =
            self.fetch_optional(sqlx::query("SELECT value FROM facts WHERE name = $1").bind(name)).await?;
        row.map(|row| DbRow::new("facts", &row).text("value")).transpose()
    }
}
