//! Where configuration and state are kept: the XDG base directories.

use std::path::PathBuf;

use etcetera::BaseStrategy as _;

use super::ConfigError;

/// The user's files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserPaths {
    /// `$XDG_CONFIG_HOME/keyward/keyward.toml`.
    pub config_file: PathBuf,
    /// `$XDG_STATE_HOME/keyward`: sessions, drafts, and what was left unfinished. Only its owner may look in.
    pub state: PathBuf,
}

impl UserPaths {
    /// The paths of this user.
    ///
    /// # Errors
    /// There is no home folder.
    pub fn of_user() -> Result<Self, ConfigError> {
        let base = etcetera::choose_base_strategy().map_err(|_| ConfigError::NoHome)?;
        let state = base.state_dir().unwrap_or_else(|| base.data_dir());
        Ok(Self { config_file: base.config_dir().join("keyward/keyward.toml"), state: state.join("keyward") })
    }
}
