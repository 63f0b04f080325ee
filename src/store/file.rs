//! The file of a SQLite database: private to its owner, and locked by one server.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use super::error::OpenStoreError;
use super::location::OpenMode;

/// A database file that is ready to be opened. For a server, it stays locked until this value is dropped.
pub(super) struct DataFile {
    path: PathBuf,
    lock: Option<File>,
}

impl DataFile {
    /// Creates missing folders (0700) and the file (0600), refuses them if other users can read them, and locks the file for a server.
    pub(super) fn prepare(path: &Path, access: OpenMode) -> Result<Self, OpenStoreError> {
        let path = std::path::absolute(path).map_err(in_file(path))?;
        let folder = path.parent().unwrap_or(Path::new("/")).to_owned();
        if access != OpenMode::Tool {
            DirBuilder::new().recursive(true).mode(0o700).create(&folder).map_err(in_file(&folder))?;
        }
        if !path.exists() && access == OpenMode::Tool {
            return Err(OpenStoreError::Missing(path));
        }
        refuse_exposed(&folder, true)?;
        let lock = if access == OpenMode::Serve { Some(lock(&path)?) } else { None };
        create_private(&path)?;
        let file = Self { path, lock };
        refuse_exposed(&file.path, false)?;
        file.check_companions()?;
        Ok(file)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Refuses SQLite's write-ahead log files if other users can read them.
    pub(super) fn check_companions(&self) -> Result<(), OpenStoreError> {
        for suffix in ["-wal", "-shm"] {
            let companion = beside(&self.path, suffix);
            if companion.exists() {
                refuse_exposed(&companion, false)?;
            }
        }
        Ok(())
    }
}

impl Drop for DataFile {
    /// Unlocks explicitly, because a child process that is being started may have a copy of the file descriptor, which would keep the
    /// file locked after this process closes its own.
    fn drop(&mut self) {
        if let Some(lock) = &self.lock {
            // Closing the file releases the lock as well.
            let _ = lock.unlock();
        }
    }
}

/// Locks the database's folder until the returned file is dropped, so that only one process at a time creates or migrates the
/// tables.
pub(super) async fn lock_folder(path: &Path) -> Result<File, OpenStoreError> {
    let folder = path.parent().unwrap_or(Path::new("/")).to_owned();
    let at = folder.clone();
    let locked = tokio::task::spawn_blocking(move || {
        let folder = File::open(at)?;
        folder.lock()?;
        Ok(folder)
    });
    locked.await.unwrap_or_else(|gone| Err(io::Error::other(gone))).map_err(in_file(&folder))
}

/// Appends a suffix to the database's path: `keyward.db` becomes `keyward.db.lock`.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    name.into()
}

/// Creates an empty file that only its owner can read, unless the file exists. An existing file is not opened, because closing it
/// would release SQLite's locks on it in this process.
fn create_private(path: &Path) -> Result<(), OpenStoreError> {
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Err(e) if e.kind() != io::ErrorKind::AlreadyExists => Err(in_file(path)(e)),
        _ => Ok(()),
    }
}

/// Locks the database for a server by means of a separate file, since a lock on the database file would conflict with SQLite's
/// locks.
pub(super) fn lock(path: &Path) -> Result<File, OpenStoreError> {
    let at = beside(path, ".lock");
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&at)
        .map_err(in_file(&at))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenStoreError::Served(path.to_owned())),
        Err(TryLockError::Error(e)) => Err(in_file(&at)(e)),
    }
}

fn refuse_exposed(path: &Path, folder: bool) -> Result<(), OpenStoreError> {
    // No permissions for group and others.
    let mode = fs::metadata(path).map_err(in_file(path))?.permissions().mode() & 0o777;
    if mode.trailing_zeros() >= 6 {
        Ok(())
    } else {
        Err(OpenStoreError::Exposed { path: path.to_owned(), mode, folder })
    }
}

pub(super) fn in_file(path: &Path) -> impl FnOnce(io::Error) -> OpenStoreError {
    let path = path.to_owned();
    move |error| OpenStoreError::File { path, error }
}
