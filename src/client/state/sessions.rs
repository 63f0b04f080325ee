//! The sessions of the profiles, one file each.

use serde::{Deserialize, Serialize};

use super::{StateError, StateFolder};
use crate::domain::time::Timestamp;
use crate::wire::keys::SecretString;

/// The session of a profile.
#[derive(Debug, Serialize, Deserialize)]
pub struct SavedSession {
    /// The server that issued it, and the only one it is sent to.
    pub url: String,
    /// The session `ses_…`.
    pub token: SecretString,
    /// The member's address, for lists of profiles.
    pub email: String,
    /// The organization's name, where it is known.
    #[serde(default)]
    pub organization: String,
    /// When it ends at the latest.
    pub expires_at: Timestamp,
}

impl StateFolder {
    /// The session of a profile.
    ///
    /// # Errors
    /// As [`StateFolder::read`], or the file is damaged.
    pub fn session(&self, profile: &str) -> Result<Option<SavedSession>, StateError> {
        let name = file(profile);
        let Some(text) = self.read(&name)? else { return Ok(None) };
        serde_json::from_str(&text).map(Some).map_err(|_| StateError::Damaged(self.folder().join(name)))
    }

    /// Keeps the session of a profile.
    ///
    /// # Errors
    /// As [`StateFolder::write`].
    pub fn save_session(&self, profile: &str, session: &SavedSession) -> Result<(), StateError> {
        let text = serde_json::to_string(session).map(zeroize::Zeroizing::new);
        self.write(&file(profile), &text.expect("a session has no keys but texts"))
    }

    /// Forgets the session of a profile.
    ///
    /// # Errors
    /// As [`StateFolder::remove`].
    pub fn remove_session(&self, profile: &str) -> Result<(), StateError> {
        self.remove(&file(profile))
    }

    /// The profiles that have a session.
    ///
    /// # Errors
    /// As [`StateFolder::names`].
    pub fn profiles(&self) -> Result<Vec<String>, StateError> {
        self.list_json_files("sessions")
    }
}

fn file(profile: &str) -> String {
    format!("sessions/{profile}.json")
}
