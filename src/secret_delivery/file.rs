//! Writes a text to a new file that only its owner can read.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use super::error::DeliveryError;

/// A new, still empty file with mode 0600. Dropping it before [`write`](Self::write) succeeds removes the file, so that a failure
/// leaves nothing behind.
#[derive(Debug)]
pub struct NewFile {
    path: PathBuf,
    file: File,
    is_written: bool,
}

impl NewFile {
    /// Creates the file. An existing file is never opened, not even through a link.
    ///
    /// # Errors
    /// Fails if the file already exists, is a folder, or cannot be created.
    pub fn create(path: &Path) -> Result<Self, DeliveryError> {
        let owned_path = || path.to_owned();
        match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
            Ok(file) => Ok(Self { path: owned_path(), file, is_written: false }),
            Err(error) => Err(match error.kind() {
                io::ErrorKind::AlreadyExists if path.is_dir() => {
                    DeliveryError::IsFolder { path: owned_path() }
                }
                io::ErrorKind::AlreadyExists => DeliveryError::FileExists { path: owned_path() },
                io::ErrorKind::NotFound => DeliveryError::FolderMissing { path: owned_path() },
                _ => DeliveryError::FileNotWritten { path: owned_path(), error },
            }),
        }
    }

    /// Writes the content and keeps the file. Blocks until the file and its folder are synced to disk.
    ///
    /// # Errors
    /// Fails if the content cannot be written completely. The file is then removed.
    pub fn write(mut self, content: &str) -> Result<(), DeliveryError> {
        match self.write_and_sync(content) {
            Ok(()) => {
                self.is_written = true;
                Ok(())
            }
            Err(error) => Err(DeliveryError::FileNotWritten { path: self.path.clone(), error }),
        }
    }

    fn write_and_sync(&mut self, content: &str) -> io::Result<()> {
        self.file.write_all(content.as_bytes())?;
        self.file.sync_all()?;
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if !self.is_written {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_new_file_is_private_to_its_owner_and_an_existing_file_is_never_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        NewFile::create(&path).unwrap().write("sk_x").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "sk_x");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(matches!(NewFile::create(&path), Err(DeliveryError::FileExists { .. })));
        assert!(matches!(NewFile::create(folder.path()), Err(DeliveryError::IsFolder { .. })));
        let missing = folder.path().join("missing/key");
        assert!(matches!(NewFile::create(&missing), Err(DeliveryError::FolderMissing { .. })));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "sk_x");
    }

    #[test]
    fn a_file_is_removed_if_nothing_was_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        drop(NewFile::create(&path).unwrap());
        assert!(!path.exists());
    }

    #[test]
    fn a_file_is_removed_if_it_cannot_be_written_completely() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let mut new_file = NewFile::create(&path).unwrap();
        // Writing to a descriptor opened for reading fails.
        new_file.file = File::open(&path).unwrap();
        assert!(matches!(new_file.write("sk_x"), Err(DeliveryError::FileNotWritten { .. })));
        assert!(!path.exists());
    }
}
