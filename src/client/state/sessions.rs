//! Saved sessions, one file for each profile.

use serde::{Deserialize, Serialize};

use super::{StateError, StateFolder};
use crate::domain::time::Timestamp;
use crate::wire::keys::SecretString;

/// A profile's saved session.
#[derive(Debug, Serialize, Deserialize)]
pub struct SavedSession {
    /// URL of the server that issued the token. The token is not sent to other servers.
    pub(crate) url: String,
    /// The session token, `ses_…`.
    pub(crate) token: SecretString,
    /// The member's email address, shown in lists of profiles.
    pub(crate) email: String,
    /// Name of the organization; empty if unknown.
    #[serde(default)]
    pub(crate) organization: String,
    /// Time at which the session ends even if it is in use.
    pub(crate) expires_at: Timestamp,
}

impl StateFolder {
    /// Returns a profile's session, or `None` if there is none.
    pub(crate) fn session(&self, profile: &str) -> Result<Option<SavedSession>, StateError> {
        let name = session_file(profile);
        let Some(text) = self.read(&name)? else { return Ok(None) };
        serde_json::from_str(&text).map(Some).map_err(|_| StateError::Damaged(self.folder().join(name)))
    }

    /// Saves a profile's session.
    pub(crate) fn save_session(&self, profile: &str, session: &SavedSession) -> Result<(), StateError> {
        let text = serde_json::to_string(session).map(zeroize::Zeroizing::new);
        self.write(&session_file(profile), &text.expect("a session can always be serialized"))
    }

    /// Removes a profile's session.
    pub(crate) fn remove_session(&self, profile: &str) -> Result<(), StateError> {
        self.remove(&session_file(profile))
    }

    /// Returns the names of the profiles that have a saved session.
    pub(crate) fn profiles(&self) -> Result<Vec<String>, StateError> {
        self.list_json_files("sessions")
    }
}

fn session_file(profile: &str) -> String {
    format!("sessions/{profile}.json")
}
