//! Queries for sites and machines, the data that API keys give access to.

use super::error::StoreError;
use super::row::DbRow;
use super::tx::Tx;
use crate::domain::id::Id;

/// A site of the organization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredSite {
    pub(crate) id: Id,
    pub(crate) name: String,
    /// Postal address of the site.
    pub(crate) address: Option<String>,
}

/// A machine at a site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredMachine {
    pub(crate) id: Id,
    pub(crate) name: String,
    /// Date of the machine's first data, such as `2021-03-01`.
    pub(crate) genesis_date: Option<String>,
    pub(crate) site: Id,
}

impl Tx {
    /// Returns every site, oldest first.
    pub(crate) async fn sites(&mut self) -> Result<Vec<StoredSite>, StoreError> {
        let rows = self.fetch_all(sqlx::query("SELECT id, name, address FROM sites ORDER BY id")).await?;
        let read = |row| {
            let row = DbRow::new("sites", row);
            Ok(StoredSite { id: row.id("id")?, name: row.text("name")?, address: row.maybe_text("address")? })
        };
        rows.iter().map(read).collect()
    }

    /// Returns every machine, oldest first.
    pub(crate) async fn machines(&mut self) -> Result<Vec<StoredMachine>, StoreError> {
        let sql = sqlx::query("SELECT id, name, genesis_date, site_id FROM machines ORDER BY id");
        let rows = self.fetch_all(sql).await?;
        let read = |row| {
            let row = DbRow::new("machines", row);
            Ok(StoredMachine {
                id: row.id("id")?,
                name: row.text("name")?,
                genesis_date: row.maybe_text("genesis_date")?,
                site: row.id("site_id")?,
            })
        };
        rows.iter().map(read).collect()
    }

    pub(crate) async fn insert_site(&mut self, site: &StoredSite) -> Result<(), StoreError> {
        let sql = sqlx::query("INSERT INTO sites (id, name, address) VALUES ($1, $2, $3)")
            .bind(site.id.to_string())
            .bind(site.name.clone())
            .bind(site.address.clone());
        self.execute(sql).await.map(drop)
    }

    pub(crate) async fn insert_machine(&mut self, machine: &StoredMachine) -> Result<(), StoreError> {
        let sql =
            sqlx::query("INSERT INTO machines (id, name, genesis_date, site_id) VALUES ($1, $2, $3, $4)")
                .bind(machine.id.to_string())
                .bind(machine.name.clone())
                .bind(machine.genesis_date.clone())
                .bind(machine.site.to_string());
        self.execute(sql).await.map(drop)
    }
}
