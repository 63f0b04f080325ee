//! Saved sessions, one file for each profile.

use serde::{Deserialize, Serialize};

use super::{StateError, StateFolder};
use crate::domain::time::Timestamp;
use crate::wire::keys::SecretString;

/// The session of a profile.
#[derive(Debug, Serialize, Deserialize)]
pub struct SavedSession {
    /// URL of the server that issued the token. The token is not sent to any other.
    pub url: String,
    /// The session token, `ses_…`.
    pub token: SecretString,
    /// Email address of the member, for lists of profiles.
    pub email: String,
    /// Name of the organization; empty if it is not known.
    #[serde(default)]
    pub organization: String,
    /// Time at which the session ends even if it is used.
    pub expires_at: Timestamp,
}

impl StateFolder {
    /// Reads the session of a profile.
    ///
    /// # Errors
    /// As [`StateFolder::read`], or the file is damaged.
    pub fn session(&self, profile: &str) -> Result<Option<SavedSession>, StateError> {
        let name = file(profile);
        let Some(text) = self.read(&name)? else { return Ok(None) };
        serde_json::from_str(&text).map(Some).map_err(|_| StateError::Damaged(self.folder().join(name)))
    }

    /// Saves the session of a profile.
    ///
    /// # Errors
    /// As [`StateFolder::write`].
    pub fn save_session(&self, profile: &str, session: &SavedSession) -> Result<(), StateError> {
        let text = serde_json::to_string(session).map(zeroize::Zeroizing::new);
        self.write(&file(profile), &text.expect("a session has no keys but texts"))
    }

    /// Removes the session of a profile.
    ///
    /// # Errors
    /// As [`StateFolder::remove`].
    pub fn remove_session(&self, profile: &str) -> Result<(), StateError> {
        self.remove(&file(profile))
    }

    /// Lists the profiles that have a session.
    ///
    /// # Errors
    /// As [`StateFolder::list_json_files`].
    pub fn profiles(&self) -> Result<Vec<String>, StateError> {
        self.list_json_files("sessions")
    }
}

fn file(profile: &str) -> String {
    format!("sessions/{profile}.json")
}
