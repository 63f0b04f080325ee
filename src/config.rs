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

pub use environment::Environment;
pub use paths::UserPaths;
pub use profiles::ProfileSettings;
pub use ui::{AsciiMode, ClipboardMode, ColorMode, ThemeName, UiSettings};

pub(crate) use environment::ENVIRONMENT_VARIABLES;
pub(crate) use file::ConfigError;
pub(crate) use profiles::check_profile_name;
pub(crate) use server::{ServerLimits, ServerSettings, SessionLimits};

/// The example configuration file, which documents every setting with its default.
pub const EXAMPLE_CONFIG: &str = include_str!("../assets/keyward.toml");

/// All settings, merged from the configuration file and the environment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Profile to use if neither `--profile` nor `KEYWARD_PROFILE` is set. Empty: the only existing profile.
    pub(crate) profile: String,
    /// Path of a PEM file with additional trusted certificates. Empty: none.
    pub(crate) ca_cert: String,
    /// Appearance and behavior of the terminal UI.
    pub(crate) ui: UiSettings,
    /// Key bindings of the terminal UI: a list of key presses for each action. An empty list removes the binding.
    pub(crate) keys: BTreeMap<String, Vec<String>>,
    /// Settings of each profile, by profile name.
    pub(crate) profiles: BTreeMap<String, ProfileSettings>,
    /// Settings of `keyward serve`.
    pub(crate) server: ServerSettings,
    /// Limits that the server imposes on clients.
    pub(crate) limits: ServerLimits,
    /// How long sessions last.
    pub(crate) sessions: SessionLimits,
    /// Limits that decide which keys are stale and when rotations are ready.
    pub(crate) policy: Policy,
}

impl Config {
    /// Loads the configuration file and applies environment variables to it.
    ///
    /// The file is `flag` (`--config FILE`) if given, otherwise the path in `KEYWARD_CONFIG`, otherwise `UserPaths::config_file`.
    /// Only the last of these may be missing.
    ///
    /// # Errors
    /// Returns an error if the file cannot be read, or if a setting or environment variable is not valid.
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

    /// Returns a profile's settings, or the defaults if the configuration file does not mention the profile.
    pub(crate) fn profile_settings(&self, name: &str) -> ProfileSettings {
        self.profiles.get(name).cloned().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the example file with its settings uncommented. In the file, a setting is `#key = value` and prose is `# text`.
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
    fn the_profile_in_the_example_parses() {
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
    fn environment_variables_override_the_file() {
        let mut config = Config { profile: "file".into(), ..Config::default() };
        let environment = Environment::from_pairs([("KEYWARD_PROFILE", "env"), ("KEYWARD_READ_ONLY", "1")]);
        environment.apply_to(&mut config).unwrap();
        assert_eq!((config.profile.as_str(), config.ui.read_only), ("env", true));
        let wrong = Environment::from_pairs([("KEYWARD_COLOR", "pink")]).apply_to(&mut config).unwrap_err();
        assert!(wrong.to_string().contains("KEYWARD_COLOR"), "{wrong}");
    }
}
