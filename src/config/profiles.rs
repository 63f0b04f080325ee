//! Profiles, one for each server that the user signs in to.

use serde::{Deserialize, Serialize};

/// Settings of a profile. The profile's session is stored separately, in the state folder.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ProfileSettings {
    /// URL of the server. Empty: the server of the profile's saved session.
    pub(crate) url: String,
    /// Whether the terminal UI shows the profile's name in color in its header, so that it is not mistaken for a test system.
    pub(crate) production: bool,
    /// Whether the terminal UI refuses changes.
    pub(crate) read_only: bool,
    /// Path of a PEM file with additional trusted certificates.
    pub(crate) ca_cert: String,
    /// Command that prints the session token, such as `pass show keyward/production`. Run without a shell.
    pub(crate) credential_command: String,
}

/// Error for an invalid profile name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a profile name has 1 to 64 letters, digits, dots, dashes or underscores, and does not begin with a dot"
)]
pub struct ProfileNameError;

/// Checks that a profile name is valid. The name is also used as a file name.
pub(crate) fn check_profile_name(name: &str) -> Result<(), ProfileNameError> {
    let fits = (1..=64).contains(&name.len())
        && !name.starts_with('.')
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'));
    fits.then_some(()).ok_or(ProfileNameError)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn profile_names_are_valid_file_names() {
        assert!(check_profile_name("keys.plant.example").is_ok());
        for name in ["", ".", "..", "a/b", "a b", "é", &"x".repeat(65)] {
            assert!(check_profile_name(name).is_err(), "{name}");
        }
    }
}
