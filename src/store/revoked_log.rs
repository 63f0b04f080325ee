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
use super::file::{beside, in_file, lock};
use super::row::DbRow;
use super::tx::Tx;
use super::{NewActivity, OpenMode, Store, StoreInner};
use crate::domain::activity::Action;
use crate::domain::secret::Digest;
use crate::domain::text::to_hex;
use crate::domain::time::Timestamp;

const SUFFIX: &str = ".revoked";
const TITLE: &str = "keyward revoked keys of database ";
const REASON: &str = "revoked before; the restored backup did not know it";

/// The log, open for appending.
pub(super) struct RevokedLog {
    file: Mutex<File>,
}

/// The reason why revocations may be missing from the database.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RestorePending {
    /// The log does not exist.
    #[error("{} is missing, so keys revoked since a backup could live again. No key is admitted until `keyward admin accept-restore`.", .0.display())]
    Missing(PathBuf),
    /// The log belongs to another database or is older than this one.
    #[error("{} does not belong to this state of the database, so keys revoked since could live again. No key is admitted until `keyward admin accept-restore`.", .0.display())]
    Foreign(PathBuf),
}

/// Result of accepting a restored backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AcceptedRestore {
    /// Number of keys that were revoked again.
    pub revoked_again: usize,
    /// Whether the log had to be replaced.
    pub was_pending: bool,
}

/// The parsed log.
struct RevokedLogContent {
    database: String,
    digests: HashSet<[u8; 32]>,
}

impl RevokedLog {
    fn open(path: &Path) -> Result<Self, OpenStoreError> {
        let file = OpenOptions::new().append(true).mode(0o600).open(path).map_err(in_file(path))?;
        Ok(Self { file: Mutex::new(file) })
    }

    /// Writes and syncs digests. Returns the previous length of the file for [`RevokedLog::take_back`].
    pub(super) fn append(&self, digests: &[Digest]) -> Result<u64, StoreError> {
        // An incomplete line from a crash must not be joined with the next one.
        let mut text = "\n".to_owned();
        for digest in digests {
            push_line(&mut text, &digest.0);
        }
        let mut file = self.file();
        let length = file.metadata().map_err(|e| failed(&e))?.len();
        if let Err(error) = file.write_all(text.as_bytes()).and_then(|()| file.sync_data()) {
            // Otherwise the log would contain a key whose revocation was reported as failed.
            let _ = file.set_len(length);
            return Err(failed(&error));
        }
        Ok(length)
    }

    /// Removes digests after a failed commit. Only one transaction writes at a time, so no other digests follow them.
    pub(super) fn take_back(&self, length: u64) -> Result<(), StoreError> {
        let file = self.file();
        file.set_len(length).and_then(|()| file.sync_data()).map_err(|e| failed(&e))
    }

    fn file(&self) -> MutexGuard<'_, File> {
        self.file.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn failed(error: &io::Error) -> StoreError {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => StoreError::DiskFull,
        _ => StoreError::Unreachable(format!("the file of revoked keys cannot be written: {error}")),
    }
}

fn push_line(text: &mut String, digest: &[u8; 32]) {
    text.push_str(&to_hex(digest));
    text.push('\n');
}

fn read(path: &Path) -> Result<Option<RevokedLogContent>, OpenStoreError> {
    let text = match std::fs::read_to_string(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other.map_err(in_file(path))?,
    };
    let mut lines = text.lines();
    let database = lines.next().and_then(|line| line.strip_prefix(TITLE)).unwrap_or_default().to_owned();
    // An incomplete line is from a revocation that was never reported as done.
    let digests = lines.filter_map(unhex).collect();
    Ok(Some(RevokedLogContent { database, digests }))
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    let mut digest = [0; 32];
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (i, byte) in digest.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * i..2 * i + 2], 16).ok()?;
    }
    Some(digest)
}

/// Replaces the log atomically.
fn replace(path: &Path, database: &str, digests: &HashSet<[u8; 32]>) -> Result<(), OpenStoreError> {
    let new = beside(path, ".new");
    let mut text = format!("{TITLE}{database}\n");
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

/// Opens the log for a server and revokes keys that the database does not know as revoked. Does nothing for other commands, since
/// a server may be running.
pub(super) async fn open(
    inner: &StoreInner,
    data: &Path,
    access: OpenMode,
    now: Timestamp,
    random: fn() -> [u8; 10],
) -> Result<(Option<RevokedLog>, Option<RestorePending>), OpenStoreError> {
    let path = beside(data, SUFFIX);
    let database = &inner.database;
    let mut content = read(&path)?;
    if content.is_none() && access != OpenMode::Tool && inner.read(|tx| Box::pin(tx.has_no_keys())).await? {
        replace(&path, database, &HashSet::new())?;
        content = read(&path)?;
    }
    if access != OpenMode::Serve {
        return Ok((None, None));
    }
    let Some(content) = content else { return Ok((None, Some(RestorePending::Missing(path)))) };
    let known = inner.read(|tx| Box::pin(tx.revoked_digests())).await?;
    if content.database != *database || !known.is_subset(&content.digests) {
        return Ok((None, Some(RestorePending::Foreign(path))));
    }
    replay(inner, content.digests.difference(&known).copied().collect(), now, random).await?;
    Ok((Some(RevokedLog::open(&path)?), None))
}

async fn replay(
    inner: &StoreInner,
    unknown: Vec<[u8; 32]>,
    now: Timestamp,
    random: fn() -> [u8; 10],
) -> Result<usize, StoreError> {
    if unknown.is_empty() {
        return Ok(0);
    }
    inner
        .write(move |tx| {
            Box::pin(async move {
                let mut revoked = 0;
                for digest in unknown {
                    revoked += usize::from(tx.revoke_again(Digest(digest), now, random).await?);
                }
                Ok(revoked)
            })
        })
        .await
}

impl Store {
    /// Accepts a restored backup on the server's host: revokes the keys that are in the log, and makes the log match the
    /// database. The server must not be running.
    ///
    /// # Errors
    /// A server is running, the log cannot be written, or the query fails.
    pub async fn accept_restore(
        &self,
        now: Timestamp,
        random: fn() -> [u8; 10],
    ) -> Result<AcceptedRestore, OpenStoreError> {
        let Some(data) = self.path() else {
            return Ok(AcceptedRestore { revoked_again: 0, was_pending: false });
        };
        // A running server would continue to write to the replaced file.
        let _server = lock(data)?;
        let path = beside(data, SUFFIX);
        let database = self.inner.database.clone();
        let content = read(&path)?;
        let known = self.inner.read(|tx| Box::pin(tx.revoked_digests())).await?;
        let fits = content.as_ref().is_some_and(|c| c.database == database && known.is_subset(&c.digests));
        let mut all = content.map(|content| content.digests).unwrap_or_default();
        let unknown = all.difference(&known).copied().collect();
        let revoked_again = replay(&self.inner, unknown, now, random).await?;
        if fits && revoked_again == 0 {
            return Ok(AcceptedRestore { revoked_again, was_pending: false });
        }
        let detail = format!("keys revoked again: {revoked_again}; on the server's host");
        self.write(move |tx| {
            let event = NewActivity::new(Action::RestoreAccepted, now, random()).detail(detail);
            Box::pin(async move { tx.record_activity(event).await })
        })
        .await?;
        all.extend(&known);
        replace(&path, &database, &all)?;
        Ok(AcceptedRestore { revoked_again, was_pending: !fits })
    }
}

impl Tx {
    async fn has_no_keys(&mut self) -> Result<bool, StoreError> {
        Ok(self.optional(sqlx::query("SELECT id FROM keys LIMIT 1")).await?.is_none())
    }

    async fn revoked_digests(&mut self) -> Result<HashSet<[u8; 32]>, StoreError> {
        let rows = self.all(sqlx::query("SELECT id, digest FROM keys WHERE revoked_at IS NOT NULL")).await?;
        rows.iter().map(|row| DbRow::of("keys", row).digest("digest").map(|digest| digest.0)).collect()
    }

    /// Revokes the key with this digest, unless it is revoked already.
    async fn revoke_again(
        &mut self,
        digest: Digest,
        now: Timestamp,
        random: fn() -> [u8; 10],
    ) -> Result<bool, StoreError> {
        let sql = sqlx::query(
            "UPDATE keys SET revoked_at = $2, revoke_reason = $3, version = version + 1, changed_at = $2 \
             WHERE digest = $1 AND revoked_at IS NULL RETURNING id, name",
        )
        .bind(digest.0.to_vec())
        .bind(now.0)
        .bind(REASON);
        let Some(row) = self.optional(sql).await? else { return Ok(false) };
        let row = DbRow::of("keys", &row);
        let event = NewActivity::new(Action::KeyRevoked, now, random());
        self.record_activity(event.key(row.id("id")?, &row.text("name")?).detail(REASON)).await?;
        Ok(true)
    }
}
