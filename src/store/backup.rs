//! Online backups of a SQLite database.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use super::database::Store;
use super::dialect::Dialect;
use super::error::{OpenStoreError, StoreError};
use super::file::in_file;

/// Why a backup failed.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The database is PostgreSQL.
    #[error("the database is PostgreSQL; back it up with its own tools, such as pg_dump")]
    NotSqlite,
    /// The file exists or cannot be written.
    #[error(transparent)]
    File(#[from] OpenStoreError),
    /// The database reported an error.
    #[error(transparent)]
    Database(#[from] StoreError),
}

impl Store {
    /// Copies the database to a new file that only its owner can read.
    ///
    /// Copying the database's files instead would lose the changes in the write-ahead log while the database is in use.
    ///
    /// # Errors
    /// Returns an error if the file exists or cannot be written, or if the database is PostgreSQL. An incomplete file is removed.
    pub async fn backup(&self, to: &Path) -> Result<(), BackupError> {
        if self.dialect() != Dialect::Sqlite {
            return Err(BackupError::NotSqlite);
        }
        let file =
            OpenOptions::new().write(true).create_new(true).mode(0o600).open(to).map_err(in_file(to))?;
        let copied = self.vacuum_into(to, file).await;
        if copied.is_err() {
            // The file is not a backup. If it cannot be removed, the error of the copy still says so.
            let _ = std::fs::remove_file(to);
        }
        copied
    }

    async fn vacuum_into(&self, to: &Path, empty: File) -> Result<(), BackupError> {
        let path =
            to.to_str().ok_or_else(|| StoreError::Failed("the file's name is not UTF-8".to_owned()))?;
        let vacuum = sqlx::query("VACUUM INTO $1").bind(path.to_owned());
        vacuum.execute(&self.inner.pools.writers).await.map_err(StoreError::from)?;
        empty.sync_all().map_err(in_file(to))?;
        Ok(())
    }
}
