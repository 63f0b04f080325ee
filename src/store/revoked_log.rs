//! The log of revoked keys, `DATA.revoked`: digests in a file beside a SQLite database, so that a restored backup does not make a
//! revoked key active again.
//!
//! The file has one line for each digest. It is written and synced before the transaction commits, and truncated if the commit
//! fails.

use std::collections::HashSet;
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::error::{OpenStoreError, StoreError};
use super::file::{beside, in_file};
use crate::domain::secret::Digest;

const HEADER_PREFIX: &str = "keyward revoked keys of database ";

/// The log of revoked keys, open for appending.
pub(super) struct RevokedLog {
    file: Mutex<File>,
}

/// Why revocations may be missing from the database.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RestorePending {
    /// The log of revoked keys does not exist.
    #[error("{} is missing, so keys that were revoked after a backup could become active again. Every key is refused until you run `keyward admin accept-restore`.", .0.display())]
    Missing(PathBuf),
    /// The log of revoked keys belongs to another database or is older than this one.
    #[error("{} does not match the database, so keys that were revoked after a backup could become active again. Every key is refused until you run `keyward admin accept-restore`.", .0.display())]
    Foreign(PathBuf),
}

/// The parsed content of the log.
pub(super) struct RevokedLogContent {
    pub(super) database: String,
    pub(super) digests: HashSet<[u8; 32]>,
}

impl RevokedLog {
    pub(super) fn open(path: &Path) -> Result<Self, OpenStoreError> {
        let file = OpenOptions::new().append(true).mode(0o600).open(path).map_err(in_file(path))?;
        Ok(Self { file: Mutex::new(file) })
    }

    /// Appends digests and syncs the file. Returns the file's previous length for [`RevokedLog::truncate`].
    pub(super) fn append(&self, digests: &[Digest]) -> Result<u64, StoreError> {
        // An incomplete line from a crash must not be joined with the next one.
        let mut text = "\n".to_owned();
        for digest in digests {
            push_line(&mut text, &digest.0);
        }
        let mut file = self.file();
        let length = file.metadata().map_err(|e| write_error(&e))?.len();
        if let Err(error) = file.write_all(text.as_bytes()).and_then(|()| file.sync_data()) {
            // Otherwise the log would contain a key whose revocation was reported as failed.
            let _ = file.set_len(length);
            return Err(write_error(&error));
        }
        Ok(length)
    }

    /// Removes the digests that a transaction appended before its commit failed. Only one transaction writes at a time, so no other
    /// digests follow them.
    pub(super) fn truncate(&self, length: u64) -> Result<(), StoreError> {
        let file = self.file();
        file.set_len(length).and_then(|()| file.sync_data()).map_err(|e| write_error(&e))
    }

    fn file(&self) -> MutexGuard<'_, File> {
        self.file.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn write_error(error: &io::Error) -> StoreError {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => StoreError::DiskFull,
        _ => StoreError::Unreachable(format!("the log of revoked keys cannot be written: {error}")),
    }
}

fn push_line(text: &mut String, digest: &[u8; 32]) {
    text.push_str(&hex::encode(digest));
    text.push('\n');
}

pub(super) fn read(path: &Path) -> Result<Option<RevokedLogContent>, OpenStoreError> {
    let text = match std::fs::read_to_string(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other.map_err(in_file(path))?,
    };
    let mut lines = text.lines();
    let database =
        lines.next().and_then(|line| line.strip_prefix(HEADER_PREFIX)).unwrap_or_default().to_owned();
    // An incomplete line is from a revocation that was never reported as done.
    let digests = lines.filter_map(parse_digest).collect();
    Ok(Some(RevokedLogContent { database, digests }))
}

fn parse_digest(line: &str) -> Option<[u8; 32]> {
    let mut digest = [0; 32];
    hex::decode_to_slice(line, &mut digest).ok()?;
    Some(digest)
}

/// Replaces the log file atomically.
pub(super) fn replace(
    path: &Path,
    database: &str,
    digests: &HashSet<[u8; 32]>,
) -> Result<(), OpenStoreError> {
    let new = beside(path, ".new");
    let mut text = format!("{HEADER_PREFIX}{database}\n");
    for digest in digests {
        push_line(&mut text, digest);
    }
    let written = || -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&new, path)?;
        File::open(path.parent().unwrap_or(Path::new("/")))?.sync_all()
    };
    written().map_err(in_file(path))
}
