//! Profiles: one for each server that a person signs in to.

use serde::{Deserialize, Serialize};

/// What the file says of a profile. The session itself is not configuration: it is kept in the state folder.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ProfileSettings {
    /// The server; empty means the one that was signed in to.
    pub url: String,
    /// Coloured and named in the header, so that nobody takes it for the test system.
    pub production: bool,
    /// The terminal UI changes nothing here.
    pub read_only: bool,
    /// Certificates (PEM) to trust besides the system's.
    pub ca_cert: String,
    /// A command that prints the session, such as `pass show keyward/production`. Run without a shell.
    pub credential_command: String,
}

/// Why a profile cannot have this name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the name of a profile is 1 to 64 letters, digits, dots, dashes or underscores, and does not begin with a dot"
)]
pub struct ProfileNameError;

/// Whether a profile can have this name, which also becomes the name of a file.
///
/// # Errors
/// It could not.
pub fn check_profile_name(name: &str) -> Result<(), ProfileNameError> {
    let fits = (1..=64).contains(&name.len())
        && !name.starts_with('.')
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'));
    fits.then_some(()).ok_or(ProfileNameError)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_names_of_files() {
        assert!(check_profile_name("keys.plant.example").is_ok());
        for name in ["", ".", "..", "a/b", "a b", "é", &"x".repeat(65)] {
            assert!(check_profile_name(name).is_err(), "{name}");
        }
    }
}
