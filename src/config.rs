//! What the user chose: defaults ← file ← environment ← flags. The only reader of the environment.
//!
//! The file is `keyward.toml` in the user's configuration folder; `assets/keyward.toml` shows every setting with its default.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::domain::policy::Policy;

mod environment;
mod file;
mod paths;
mod profiles;
mod server;
mod ui;

pub use environment::{ENVIRONMENT_VARIABLES, Environment};
pub use file::ConfigError;
pub use paths::UserPaths;
pub use profiles::{ProfileNameError, ProfileSettings, check_profile_name};
pub use server::{ServerLimits, ServerSettings, SessionLimits};
pub use ui::{AsciiMode, ClipboardMode, ColorMode, ThemeName, UiSettings};

/// The file with every setting, commented.
pub const EXAMPLE_CONFIG: &str = include_str!("../assets/keyward.toml");

/// All settings, merged from the file and the environment; flags are laid over it by the command.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The profile to use where neither `--profile` nor `KEYWARD_PROFILE` names one; empty means the only one.
    pub profile: String,
    /// Certificates (PEM) to trust besides the system's; empty means none.
    pub ca_cert: String,
    /// How the terminal UI looks and behaves.
    pub ui: UiSettings,
    /// Keys of the terminal UI: action = list of keys; an empty list unbinds.
    pub keys: BTreeMap<String, Vec<String>>,
    /// Settings of single profiles.
    pub profiles: BTreeMap<String, ProfileSettings>,
    /// `keyward serve`.
    pub server: ServerSettings,
    /// What the server takes from clients.
    pub limits: ServerLimits,
    /// How long sessions live on the server.
    pub sessions: SessionLimits,
    /// When a key is stale, and how long a rotation waits.
    pub policy: Policy,
}

impl Config {
    /// Reads the file that the environment or `flag` (`--config FILE`) names, and lays the environment over it.
    /// A file that was named must exist; the usual one need not.
    ///
    /// # Errors
    /// See [`ConfigError`].
    pub fn load(
        flag: Option<&std::path::Path>,
        environment: &Environment,
        paths: &UserPaths,
    ) -> Result<Self, ConfigError> {
        let mut config = file::read(flag, environment, paths)?;
        environment.apply_to(&mut config)?;
        for name in config.profiles.keys() {
            check_profile_name(name).map_err(|e| ConfigError::Value {
                what: format!("the profile `{}`", crate::domain::text::sanitize_line(name)),
                wrong: e.to_string(),
            })?;
        }
        Ok(config)
    }

    /// The settings of a profile; the defaults where the file has none.
    pub fn profile_settings(&self, name: &str) -> ProfileSettings {
        self.profiles.get(name).cloned().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example with its settings taken out of their comments: `#key = value`, while prose is `# text`.
    fn uncommented() -> String {
        let bare = |line: &str| match line.strip_prefix('#') {
            Some(rest) if rest.starts_with(|c: char| c.is_ascii_lowercase()) => rest.to_owned(),
            _ => line.to_owned(),
        };
        EXAMPLE_CONFIG.lines().map(bare).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn the_example_shows_every_setting_with_its_default() {
        assert_eq!(toml::from_str::<Config>(EXAMPLE_CONFIG).unwrap(), Config::default());
        let shown: toml::Table = uncommented().parse().unwrap();
        let mut all = toml::Table::try_from(Config::default()).unwrap();
        all.remove("profiles");
        assert_eq!(shown, all);
    }

    #[test]
    fn the_profile_shown_in_prose_parses() {
        let prose: Vec<&str> = EXAMPLE_CONFIG
            .lines()
            .skip_while(|line| !line.starts_with("# [profiles."))
            .take_while(|line| line.starts_with("# "))
            .map(|line| &line[2..])
            .collect();
        let config: Config = toml::from_str(&prose.join("\n")).unwrap();
        assert!(config.profiles["production"].production);
    }

    #[test]
    fn every_variable_of_the_environment_lies_over_the_file() {
        let mut config = Config { profile: "file".into(), ..Config::default() };
        let environment = Environment::from_pairs([("KEYWARD_PROFILE", "env"), ("KEYWARD_READ_ONLY", "1")]);
        environment.apply_to(&mut config).unwrap();
        assert_eq!((config.profile.as_str(), config.ui.read_only), ("env", true));
        let wrong = Environment::from_pairs([("KEYWARD_COLOR", "pink")]).apply_to(&mut config).unwrap_err();
        assert!(wrong.to_string().contains("KEYWARD_COLOR"), "{wrong}");
    }
}
