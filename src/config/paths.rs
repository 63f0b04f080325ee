//! Locations of configuration and state: the XDG base directories.

use std::path::PathBuf;

use etcetera::BaseStrategy as _;

use super::ConfigError;

/// Paths of the user's configuration file and state folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserPaths {
    /// The configuration file: `$XDG_CONFIG_HOME/keyward/keyward.toml`.
    pub(crate) config_file: PathBuf,
    /// The state folder: `$XDG_STATE_HOME/keyward`, with sessions, drafts and unfinished key creations. Accessible to its owner only.
    pub state: PathBuf,
}

impl UserPaths {
    /// Returns the paths for the current user.
    ///
    /// # Errors
    /// Returns an error if the home folder is unknown.
    pub fn of_user() -> Result<Self, ConfigError> {
        let base = etcetera::choose_base_strategy().map_err(|_| ConfigError::NoHome)?;
        let state = base.state_dir().unwrap_or_else(|| base.data_dir());
        Ok(Self { config_file: base.config_dir().join("keyward/keyward.toml"), state: state.join("keyward") })
    }
}
