//! Bulk insert of a whole organization with its history into an empty database, for the demo and for tests.

use std::fmt::Write as _;

use sqlx::AssertSqlSafe;

use super::activity::NewActivity;
use super::database::Store;
use super::dialect::Dialect;
use super::error::StoreError;
use super::keys::{INSERTED_COLUMNS, bind_key};
use super::members::NewMember;
use super::organization::{SetUpError, StoredOrganization};
use super::sessions::NewSession;
use super::sites::{StoredMachine, StoredSite};
use super::tx::{Sql, Tx};
use crate::domain::activity::Activity;
use crate::domain::id::Id;
use crate::domain::key::{ClientInfo, Key};
use crate::domain::member::{MemberRef, Role};
use crate::domain::secret::Digest;
use crate::domain::time::Timestamp;
use crate::domain::usage::{Bucket, ClientUse};

/// The content of a new database.
pub struct Seed {
    /// The organization. Usage is recorded from its creation on.
    pub(crate) organization: StoredOrganization,
    pub(crate) sites: Vec<StoredSite>,
    pub(crate) machines: Vec<StoredMachine>,
    /// Members in the order in which they joined.
    pub(crate) members: Vec<SeedMember>,
    /// Sessions of the members. Sessions of removed members are ended.
    pub(crate) sessions: Vec<NewSession>,
    /// Keys in any order. A replacement must be newer than the key that it replaces.
    pub(crate) keys: Vec<SeedKey>,
    pub(crate) activity: Vec<Activity>,
}

/// A member to insert when the store is seeded, either active or removed.
pub struct SeedMember {
    pub(crate) who: MemberRef,
    pub(crate) role: Role,
    /// Time at which the member joined.
    pub(crate) joined_at: Timestamp,
}

/// A key with its usage.
pub struct SeedKey {
    /// The fields that the API returns.
    pub(crate) key: Key,
    pub(crate) digest: Digest,
    /// Hourly usage.
    pub(crate) hours: Vec<Bucket>,
    /// Daily usage.
    pub(crate) days: Vec<Bucket>,
    /// Clients that used the key.
    pub(crate) clients: Vec<ClientUse>,
}

/// Maximum number of bound values per statement. SQLite allows 32,766, PostgreSQL 65,535.
const VALUES_MAX: usize = 8_000;

impl Store {
    /// Fills an empty database in one transaction.
    ///
    /// # Errors
    /// Fails if the database already has an organization or the query fails.
    pub(crate) async fn seed(&self, seed: Seed) -> Result<(), SetUpError> {
        self.write(move |tx| {
            Box::pin(async move {
                if tx.organization().await?.is_some() {
                    return Err(SetUpError::AlreadySetUp);
                }
                tx.insert_seed(seed).await?;
                Ok(())
            })
        })
        .await
    }
}

impl Tx {
    async fn insert_seed(&mut self, mut seed: Seed) -> Result<(), StoreError> {
        // In the order of most indexes, so that they grow at the end.
        seed.keys.sort_by_key(|k| k.key.id);
        let organization = &seed.organization;
        let sql =
            sqlx::query("INSERT INTO organization (singleton, id, name, created_at) VALUES (1, $1, $2, $3)")
                .bind(organization.id.to_string())
                .bind(organization.name.clone())
                .bind(organization.created_at.0);
        self.execute(sql).await?;
        self.set_tracking_since(organization.created_at).await?;
        for site in &seed.sites {
            self.insert_site(site).await?;
        }
        for machine in &seed.machines {
            self.insert_machine(machine).await?;
        }
        let mut removed = Vec::new();
        for SeedMember { who, role, joined_at } in seed.members {
            let id = who.id;
            let new = NewMember { id, email: who.email, name: who.name, role, at: joined_at };
            self.insert_member(&new).await?;
            self.activate_member(id, joined_at).await?;
            if let Some(at) = who.removed_at {
                self.remove_member(id, at).await?;
                removed.push((id, at));
            }
        }
        for session in seed.sessions {
            self.insert_session(session).await?;
        }
        for (id, at) in removed {
            self.end_sessions_of(id, at).await?;
        }
        self.insert_seed_keys(&seed.keys).await?;
        self.insert_seed_usage(&seed.keys).await?;
        for row in seed.activity {
            self.record_activity(event(row)).await?;
        }
        Ok(())
    }

    async fn insert_seed_keys(&mut self, keys: &[SeedKey]) -> Result<(), StoreError> {
        for seed in keys.iter().filter(|k| k.key.revoked_at.is_some()) {
            self.add_to_revoked_log(seed.digest);
        }
        self.insert_many("keys", INSERTED_COLUMNS, keys, |sql, seed| bind_key(sql, &seed.key, seed.digest))
            .await
    }

    async fn insert_seed_usage(&mut self, keys: &[SeedKey]) -> Result<(), StoreError> {
        fn bucket<'q>(sql: Sql<'q>, (key, bucket): &(Id, Bucket)) -> Sql<'q> {
            sql.bind(key.to_string()).bind(bucket.start.0).bind(bucket.count).bind(bucket.refused)
        }
        let of_keys = |part: fn(&SeedKey) -> &Vec<Bucket>| -> Vec<(Id, Bucket)> {
            keys.iter().flat_map(|k| part(k).iter().map(|&bucket| (k.key.id, bucket))).collect()
        };
        let columns = "key_id, start, count, refused";
        self.insert_many("usage_hours", columns, &of_keys(|k| &k.hours), bucket).await?;
        self.insert_many("usage_days", columns, &of_keys(|k| &k.days), bucket).await?;
        let clients: Vec<(Id, &ClientUse)> =
            keys.iter().flat_map(|k| k.clients.iter().map(|client| (k.key.id, client))).collect();
        let columns = "key_id, agent, address, first_seen_at, last_seen_at, count";
        self.insert_many("key_clients", columns, &clients, |sql, (key, client)| {
            sql.bind(key.to_string())
                .bind(client.agent.clone())
                .bind(client.address.clone())
                .bind(client.first_seen_at.0)
                .bind(client.last_seen_at.0)
                .bind(client.count)
        })
        .await
    }

    /// Inserts rows, many per statement. `bind` binds the values of a row in column order.
    async fn insert_many<T>(
        &mut self,
        table: &str,
        columns: &str,
        rows: &[T],
        bind: impl for<'q> Fn(Sql<'q>, &T) -> Sql<'q>,
    ) -> Result<(), StoreError> {
        let width = columns.split(',').count();
        for some in rows.chunks(VALUES_MAX / width) {
            let mut text = format!("INSERT INTO {table} ({columns}) VALUES ");
            for row in 0..some.len() {
                text.push_str(if row == 0 { "(" } else { ", (" });
                for column in 0..width {
                    text.push_str(if column == 0 { "" } else { ", " });
                    match self.dialect() {
                        // For numbered parameters sqlx looks up each name in SQLite, which is linear in their number.
                        Dialect::Sqlite => text.push('?'),
                        Dialect::Postgres => {
                            write!(text, "${}", row * width + column + 1)
                                .expect("writing to a String cannot fail");
                        }
                    }
                }
                text.push(')');
            }
            let mut sql = sqlx::query(AssertSqlSafe(text));
            for row in some {
                sql = bind(sql, row);
            }
            self.execute(sql).await?;
        }
        Ok(())
    }
}

fn event(row: Activity) -> NewActivity {
    let mut random = [0; 10];
    random.copy_from_slice(&row.id.bytes()[6..]);
    let mut event = NewActivity::new(row.action, row.at, random).detail(row.detail);
    let client = ClientInfo { agent: String::new(), address: row.address.unwrap_or_default() };
    if let Some(actor) = &row.actor {
        event = event.by(actor.id, &client);
    }
    if let (Some(id), Some(name)) = (row.key_id, &row.key_name) {
        event = event.key(id, name);
    }
    match row.member_id {
        Some(id) => event.member(id),
        None => event,
    }
}
