//! Opening a database: files and locks, connections, migrations, and the check for a restored backup.

use std::sync::Arc;

use super::database::{Store, StoreInner};
use super::dialect::{self, Dialect};
use super::error::OpenStoreError;
use super::file::{self, DataFile};
use super::location::{DatabaseLocation, OpenMode};
use super::{organization, restore, schema};
use crate::domain::time::Timestamp;

impl Store {
    /// Opens the database, migrates its tables, and revokes the keys that a restored backup would make active again. `random` returns
    /// random bytes for ids.
    ///
    /// # Errors
    /// Returns an error if the database cannot be accessed or migrated, see [`OpenStoreError`].
    pub async fn open(
        target: &DatabaseLocation,
        access: OpenMode,
        now: Timestamp,
        random: fn() -> [u8; 10],
    ) -> Result<Self, OpenStoreError> {
        let (pools, file, _one_at_a_time) = match target {
            DatabaseLocation::Sqlite(path) => {
                let file = DataFile::prepare(path, access)?;
                let lock = file::lock_folder(file.path()).await?;
                (dialect::open_sqlite(file.path()).await?, Some(file), Some(lock))
            }
            DatabaseLocation::Postgres(url) => (dialect::open_postgres(url).await?, None, None),
        };
        let dialect = if file.is_some() { Dialect::Sqlite } else { Dialect::Postgres };
        schema::migrate(&pools.writers, dialect).await?;
        let mut inner =
            StoreInner { dialect, pools, file, database: String::new(), revoked: None, pending: None };
        inner.database = organization::ensure_facts(&inner, now, random()).await?;
        if let Some(file) = &inner.file {
            file.check_companions()?;
            let opened = restore::open(&inner, file.path(), access, now, random).await?;
            (inner.revoked, inner.pending) = opened;
        }
        Ok(Self { inner: Arc::new(inner) })
    }
}
