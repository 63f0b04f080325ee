//! Configuration: defaults, overridden by the file, then by the environment, then by flags.
//!
//! Start reading with [`Config::load`]. This is the only module that reads environment variables. The file is `keyward.toml` in
//! the user's configuration folder; `assets/keyward.toml` documents every setting with its default. Commands apply their flags
//! themselves.

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

/// The example file, which documents every setting with its default.
pub const EXAMPLE_CONFIG: &str = include_str!("../assets/keyward.toml");

/// Every setting, merged from the file and the environment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Profile to use without `--profile` and `KEYWARD_PROFILE`. Empty: the only profile there is.
    pub profile: String,
    /// File of additional trusted certificates, in PEM. Empty: none.
    pub ca_cert: String,
    /// Appearance and behavior of the terminal UI.
    pub ui: UiSettings,
    /// Key bindings of the terminal UI: key presses by action. An empty list removes the binding.
    pub keys: BTreeMap<String, Vec<String>>,
    /// Settings by profile name.
    pub profiles: BTreeMap<String, ProfileSettings>,
    /// Settings of `keyward serve`.
    pub server: ServerSettings,
    /// Limits of the server for its clients.
    pub limits: ServerLimits,
    /// Lifetime of sessions.
    pub sessions: SessionLimits,
    /// Thresholds for stale keys and rotations.
    pub policy: Policy,
}

impl Config {
    /// Loads the configuration file and applies the environment to it.
    ///
    /// The file is `flag` (`--config FILE`), else that of `KEYWARD_CONFIG`, else the usual one. Only the usual one may be
    /// missing.
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

    /// Returns the settings of a profile, or the defaults if the file does not mention it.
    pub fn profile_settings(&self, name: &str) -> ProfileSettings {
        self.profiles.get(name).cloned().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the example with its settings uncommented. A setting is `#key = value`, prose is `# text`.
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
