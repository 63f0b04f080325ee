//! Backups of a SQLite database while it is in use.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use super::error::{OpenStoreError, StoreError};
use super::file::in_file;
use super::{Dialect, Store};

/// Why no backup was made.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The database is PostgreSQL.
    #[error("this database is PostgreSQL: back it up with its own tools, such as pg_dump")]
    NotSqlite,
    /// The file cannot be written, or exists.
    #[error(transparent)]
    File(#[from] OpenStoreError),
    /// The database refuses.
    #[error(transparent)]
    Database(#[from] StoreError),
}

impl Store {
    /// Writes a copy of the database to a new file that only its owner can read. Copying the files of a database in use loses
    /// what is in its log; this does not.
    ///
    /// # Errors
    /// The file exists, there is no space, or the database is PostgreSQL. A half-written file is taken away.
    pub async fn backup(&self, to: &Path) -> Result<(), BackupError> {
        if self.dialect() != Dialect::Sqlite {
            return Err(BackupError::NotSqlite);
        }
        let file =
            OpenOptions::new().write(true).create_new(true).mode(0o600).open(to).map_err(in_file(to))?;
        let copied = self.vacuum_into(to, file).await;
        if copied.is_err() {
            // What is there is no backup; that it may stay is told by the error.
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
