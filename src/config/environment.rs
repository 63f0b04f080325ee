//! The environment of the process, read once at the start of the program.

use std::collections::BTreeMap;
use std::fmt;

use super::{ColorMode, Config, ConfigError, ThemeName};

/// Environment variables that keyward reads, with descriptions. Commands that keyward starts do not inherit the variables that
/// begin with `KEYWARD_`.
pub(crate) const ENVIRONMENT_VARIABLES: &[(&str, &str)] = &[
    ("KEYWARD_URL", "URL of the server; overrides the profile"),
    ("KEYWARD_TOKEN", "session token for KEYWARD_URL"),
    ("KEYWARD_PROFILE", "name of the profile to use"),
    ("KEYWARD_CONFIG", "path of the configuration file"),
    ("KEYWARD_CA_CERT", "PEM file with additional trusted certificates"),
    ("KEYWARD_READ_ONLY", "1: the terminal UI refuses changes"),
    ("KEYWARD_THEME", ThemeName::ALTERNATIVES),
    ("KEYWARD_COLOR", ColorMode::ALTERNATIVES),
    ("KEYWARD_DATABASE_URL", "URL of the server's PostgreSQL database"),
    ("KEYWARD_LOG", "log level of the server: error, warn, info, debug, trace"),
    ("NO_COLOR", "if not empty: no colors, like KEYWARD_COLOR=never"),
];

/// A copy of the environment variables. They may contain session tokens, so `Debug` prints only their names.
#[derive(Clone, Default)]
pub struct Environment(BTreeMap<String, String>);

impl Environment {
    /// Copies the environment variables of this process. Variables that are not valid Unicode are ignored.
    pub fn read() -> Self {
        Self(
            std::env::vars_os()
                .filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?)))
                .collect(),
        )
    }

    /// Creates an environment for tests.
    #[cfg(test)]
    pub(crate) fn from_pairs<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        Self(pairs.into_iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect())
    }

    /// Returns the value of a variable, or `None` if it is unset or empty.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// Returns the names of the variables that begin with `prefix`.
    pub(crate) fn names(&self, prefix: &str) -> Vec<&str> {
        self.0.keys().map(String::as_str).filter(|name| name.starts_with(prefix)).collect()
    }

    /// Overrides settings with those in environment variables.
    pub(super) fn apply_to(&self, config: &mut Config) -> Result<(), ConfigError> {
        let set = |name: &str, setting: &mut String| {
            if let Some(value) = self.get(name) {
                value.clone_into(setting);
            }
        };
        set("KEYWARD_PROFILE", &mut config.profile);
        set("KEYWARD_CA_CERT", &mut config.ca_cert);
        set("KEYWARD_DATABASE_URL", &mut config.server.database_url);
        set("KEYWARD_LOG", &mut config.server.log);
        if let Some(value) = self.parse_variable("KEYWARD_READ_ONLY", |v| match v {
            "1" | "true" | "yes" => Ok(true),
            "0" | "false" | "no" => Ok(false),
            _ => Err("use 1 or 0".to_owned()),
        })? {
            config.ui.read_only = value;
        }
        if let Some(theme) =
            self.parse_variable("KEYWARD_THEME", |v| v.parse().map_err(|e| format!("{e}")))?
        {
            config.ui.theme = theme;
        }
        if self.get("NO_COLOR").is_some() {
            config.ui.color = ColorMode::Never;
        }
        if let Some(color) =
            self.parse_variable("KEYWARD_COLOR", |v| v.parse().map_err(|e| format!("{e}")))?
        {
            config.ui.color = color;
        }
        Ok(())
    }

    fn parse_variable<T>(
        &self,
        name: &str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Result<Option<T>, ConfigError> {
        let Some(value) = self.get(name) else { return Ok(None) };
        parse(value).map(Some).map_err(|wrong| ConfigError::Value { what: name.to_owned(), wrong })
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}
