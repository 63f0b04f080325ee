//! Reads the configuration file. Error messages never quote the file, since it may contain a password.

use std::io;
use std::path::{Path, PathBuf};

use super::{Config, Environment, UserPaths};
use crate::domain::text;

/// Why the configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The configuration file cannot be read.
    #[error("the configuration file {} cannot be read: {wrong}", .file.display())]
    Unreadable { file: PathBuf, wrong: io::Error },
    /// The file is not valid TOML, or a setting is unknown or has the wrong type.
    #[error("the configuration file {}, line {line}: {wrong}", .file.display())]
    Wrong {
        file: PathBuf,
        /// One-based line number.
        line: usize,
        /// What is wrong with the value, without the value itself.
        wrong: String,
    },
    /// The file contains a database password, and other users can read it.
    #[error("the configuration file {0} contains a database password and can be read by other users; run `chmod 600 {0}`", .file.display())]
    Open { file: PathBuf },
    /// An environment variable or a setting has a value that is not allowed.
    #[error("{what}: {wrong}")]
    Value {
        /// Name of the environment variable or setting.
        what: String,
        /// Why the value is not allowed, and which values are.
        wrong: String,
    },
    /// `HOME` is not set, so the default folders are unknown.
    #[error(
        "the home folder is unknown because HOME is not set; pass --config, or set XDG_CONFIG_HOME and XDG_STATE_HOME"
    )]
    NoHome,
}

pub(super) fn read(
    flag: Option<&Path>,
    environment: &Environment,
    paths: &UserPaths,
) -> Result<Config, ConfigError> {
    let named = flag.map(Path::to_owned).or_else(|| environment.get("KEYWARD_CONFIG").map(PathBuf::from));
    let file = named.clone().unwrap_or_else(|| paths.config_file.clone());
    match std::fs::read_to_string(&file) {
        Ok(text) => parse(&text, file),
        Err(wrong) if wrong.kind() == io::ErrorKind::NotFound && named.is_none() => Ok(Config::default()),
        Err(wrong) => Err(ConfigError::Unreadable { file, wrong }),
    }
}

fn parse(text: &str, file: PathBuf) -> Result<Config, ConfigError> {
    let config: Config = toml::from_str(text).map_err(|e| {
        let before = e.span().map_or("", |span| text.get(..span.start).unwrap_or(""));
        ConfigError::Wrong {
            file: file.clone(),
            line: before.matches('\n').count() + 1,
            wrong: text::sanitize_line(without_value(e.message())).into_owned(),
        }
    })?;
    if has_password(&config.server.database_url) && is_accessible_to_others(&file) {
        return Err(ConfigError::Open { file });
    }
    Ok(config)
}

/// Returns whether a URL contains a password: `scheme://user:password@host` or `password=`.
fn has_password(url: &str) -> bool {
    let authority = url.split_once("://").map_or("", |(_, rest)| rest).split('/').next().unwrap_or("");
    authority.rsplit_once('@').is_some_and(|(user, _)| user.contains(':')) || url.contains("password=")
}

/// Removes the quoted value from an error message of `toml`: `string "…", expected u32` becomes `expected u32`.
fn without_value(message: &str) -> &str {
    let quotes =
        ["invalid type: ", "invalid value: ", "unknown variant "].iter().any(|m| message.starts_with(m));
    match message.rfind("expected ") {
        Some(at) if quotes => &message[at..],
        _ => message,
    }
}

fn is_accessible_to_others(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(file).is_ok_and(|m| m.permissions().mode() & 0o077 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(text: &str) -> String {
        parse(text, "/etc/keyward.toml".into()).unwrap_err().to_string()
    }

    #[test]
    fn errors_name_the_line_but_never_quote_the_file() {
        let message = wrong("[server]\ndatabase_url = \"postgres://a:hunter2@db/x\"\nlisten = 5\n");
        assert!(message.contains("line 3"), "{message}");
        assert!(!wrong("[server]\ndatabase_url = \"postgres://a:hunter2@db\n").contains("hunter2"));
        let message = wrong("[limits]\nconnections = \"postgres://a:hunter2@db/x\"\n");
        assert!(message.ends_with("line 2: expected u32"), "{message}");
        assert!(wrong("colour = 1").contains("line 1"), "{}", wrong("colour = 1"));
    }

    #[cfg(unix)]
    #[test]
    fn a_file_with_a_password_must_not_be_readable_by_others() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("keyward.toml");
        let text = "[server]\ndatabase_url = \"postgres://a:b@db/x\"\n";
        std::fs::write(&file, text).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o640)).unwrap();
        assert!(parse(text, file.clone()).unwrap_err().to_string().contains("chmod 600"));
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
        assert!(parse(text, file).is_ok());
    }
}
