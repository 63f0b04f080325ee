//! Files that are kept between runs: sessions, creates whose secret is not stored yet, and drafts. They are private to their
//! owner.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

mod pending;
mod sessions;

pub use pending::{PendingCreate, PendingCreateFile};
pub use sessions::SavedSession;

/// The state folder, usually `$XDG_STATE_HOME/keyward`. It is created when the first file is written.
#[derive(Clone, Debug)]
pub struct StateFolder {
    folder: PathBuf,
}

/// Why a file in the state folder cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// Other users can access the file or folder.
    #[error("{} can be accessed by other users, but it stores your sessions; run `chmod {mode} {}`", .path.display(), .path.display())]
    Open {
        /// The file or folder.
        path: PathBuf,
        /// The octal mode to set with `chmod`.
        mode: &'static str,
    },
    /// The file or folder belongs to another user, who may have changed its content.
    #[error("{} belongs to another user; move it away, or choose another folder with XDG_STATE_HOME", .0.display())]
    Foreign(PathBuf),
    /// The operating system reported an error.
    #[error("{}: {wrong}. Check the free disk space and the owner of the folder.", .path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the operating system reported.
        wrong: io::Error,
    },
    /// The file's content cannot be parsed.
    #[error("{} is damaged; remove it, and sign in again if it contained a session", .0.display())]
    Damaged(PathBuf),
}

impl StateFolder {
    /// Creates a handle for this folder. Does not access the file system.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Reads a file such as `drafts/production.json`. Returns `None` if it does not exist.
    ///
    /// # Errors
    /// Fails if the file or its folder is accessible to other users or cannot be read.
    pub(crate) fn read(&self, name: &str) -> Result<Option<Zeroizing<String>>, StateError> {
        let path = self.folder.join(name);
        let file = match OpenOptions::new().read(true).custom_flags(no_follow()).open(&path) {
            Ok(file) => file,
            Err(wrong) if wrong.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(wrong) => return Err(StateError::Io { path, wrong }),
        };
        self.check_folder(&path)?;
        check(&path, &file, "600")?;
        let text = io::read_to_string(&file).map_err(|wrong| StateError::Io { path, wrong })?;
        Ok(Some(Zeroizing::new(text)))
    }

    /// Replaces a file atomically: after a crash, it has either the old or the new content.
    ///
    /// # Errors
    /// Fails if the folder is accessible to other users or cannot be written.
    pub(crate) fn write(&self, name: &str, content: &str) -> Result<(), StateError> {
        let path = self.folder.join(name);
        let parent = self.make_folder(&path)?;
        let write = || {
            // `tempfile` creates files with mode 0600.
            let mut file = tempfile::NamedTempFile::new_in(&parent)?;
            file.write_all(content.as_bytes())?;
            file.as_file().sync_all()?;
            file.persist(&path).map_err(|e| e.error)?;
            File::open(&parent)?.sync_all()
        };
        write().map_err(|wrong| StateError::Io { path: path.clone(), wrong })
    }

    /// Removes a file. Succeeds even if the file does not exist.
    ///
    /// # Errors
    /// Fails if the file cannot be removed.
    pub(crate) fn remove(&self, name: &str) -> Result<(), StateError> {
        let path = self.folder.join(name);
        match fs::remove_file(&path) {
            Err(wrong) if wrong.kind() != io::ErrorKind::NotFound => Err(StateError::Io { path, wrong }),
            _ => Ok(()),
        }
    }

    /// Returns a profile's draft journal, or an empty string if there is none.
    ///
    /// # Errors
    /// Fails if the file or its folder is accessible to other users or cannot be read.
    pub fn drafts(&self, profile: &str) -> Result<Zeroizing<String>, StateError> {
        Ok(self.read(&drafts_file(profile))?.unwrap_or_default())
    }

    /// Appends lines to a profile's draft journal.
    pub(crate) fn append_drafts(&self, profile: &str, lines: &str) -> Result<(), StateError> {
        let path = self.folder.join(drafts_file(profile));
        self.check_folder(&path)?;
        let append = || {
            let mut file = OpenOptions::new().append(true).custom_flags(no_follow()).open(&path)?;
            let before = file.metadata()?.len();
            file.write_all(lines.as_bytes()).and_then(|()| file.sync_data()).inspect_err(|_| {
                // An incomplete line would hide everything that is appended after it.
                let _ = file.set_len(before);
            })
        };
        append().map_err(|wrong| StateError::Io { path: path.clone(), wrong })
    }

    /// Replaces a profile's draft journal.
    pub(crate) fn save_drafts(&self, profile: &str, drafts: &str) -> Result<(), StateError> {
        self.write(&drafts_file(profile), drafts)
    }

    /// Returns the sorted names of the `.json` files in a subfolder, without the extension.
    ///
    /// # Errors
    /// Returns an error if the folder cannot be read.
    pub fn list_json_files(&self, folder: &str) -> Result<Vec<String>, StateError> {
        let path = self.folder.join(folder);
        let entries = match fs::read_dir(&path) {
            Ok(entries) => entries,
            Err(wrong) if wrong.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(wrong) => return Err(StateError::Io { path, wrong }),
        };
        let mut names: Vec<String> = entries
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .filter_map(|name| name.strip_suffix(".json").map(str::to_owned))
            .collect();
        names.sort();
        Ok(names)
    }

    /// Creates a private file, and its folder if necessary. Fails if the file already exists.
    fn create(&self, name: &str) -> Result<(PathBuf, File), StateError> {
        let path = self.folder.join(name);
        self.make_folder(&path)?;
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
        match file {
            Ok(file) => Ok((path, file)),
            Err(wrong) => Err(StateError::Io { path, wrong }),
        }
    }

    /// Creates a file's folder and the missing parent folders, accessible to the owner only.
    fn make_folder(&self, file: &Path) -> Result<PathBuf, StateError> {
        let parent = file.parent().unwrap_or(&self.folder).to_owned();
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&parent)
            .map_err(|wrong| StateError::Io { path: parent.clone(), wrong })?;
        self.check_folder(file)?;
        Ok(parent)
    }

    fn check_folder(&self, file: &Path) -> Result<(), StateError> {
        let parent = file.parent().unwrap_or(&self.folder);
        for folder in [&self.folder, parent] {
            let open =
                File::open(folder).map_err(|wrong| StateError::Io { path: folder.to_owned(), wrong })?;
            check(folder, &open, "700")?;
        }
        Ok(())
    }
}

/// Checks that an open file or folder is accessible to the current user only.
fn check(path: &Path, open: &File, mode: &'static str) -> Result<(), StateError> {
    let about = open.metadata().map_err(|wrong| StateError::Io { path: path.to_owned(), wrong })?;
    if about.uid() != rustix::process::geteuid().as_raw() {
        return Err(StateError::Foreign(path.to_owned()));
    }
    if about.mode() & 0o077 != 0 {
        return Err(StateError::Open { path: path.to_owned(), mode });
    }
    Ok(())
}

fn drafts_file(profile: &str) -> String {
    format!("drafts/{}.json", if profile.is_empty() { "default" } else { profile })
}

fn no_follow() -> i32 {
    rustix::fs::OFlags::NOFOLLOW.bits().cast_signed()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn new_files_are_private_and_exposed_files_are_refused() {
        let home = tempfile::tempdir().unwrap();
        let state = StateFolder::new(home.path().join("deep/keyward"));
        assert_eq!(state.read("sessions/a.json").unwrap(), None);
        state.write("sessions/a.json", "{}").unwrap();
        state.write("sessions/a.json", "{1}").unwrap();
        assert_eq!(state.read("sessions/a.json").unwrap().unwrap().as_str(), "{1}");
        assert_eq!(state.list_json_files("sessions").unwrap(), ["a"]);
        let path = state.folder().join("sessions/a.json");
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        assert_eq!(fs::metadata(state.folder()).unwrap().mode() & 0o777, 0o700);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let refused = state.read("sessions/a.json").unwrap_err().to_string();
        assert!(refused.contains("chmod 600"), "{refused}");
        fs::set_permissions(state.folder(), fs::Permissions::from_mode(0o755)).unwrap();
        assert!(state.write("sessions/a.json", "").unwrap_err().to_string().contains("chmod 700"));
        fs::set_permissions(state.folder(), fs::Permissions::from_mode(0o700)).unwrap();
        state.remove("sessions/a.json").unwrap();
        state.remove("sessions/a.json").unwrap();
    }
}
