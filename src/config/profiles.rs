//! Profiles, one for each server that the user signs in to.

use serde::{Deserialize, Serialize};

/// Settings of a profile. Its session is not configuration, so it is stored in the state folder instead.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ProfileSettings {
    /// URL of the server. Empty: the server that the profile is signed in to.
    pub url: String,
    /// Colors and names the profile in the header, so that it is not mistaken for a test system.
    pub production: bool,
    /// The terminal UI refuses changes.
    pub read_only: bool,
    /// File of additional trusted certificates, in PEM.
    pub ca_cert: String,
    /// Command that prints the session token, such as `pass show keyward/production`. It is run without a shell.
    pub credential_command: String,
}

/// The name of a profile is not valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the name of a profile is 1 to 64 letters, digits, dots, dashes or underscores, and does not begin with a dot"
)]
pub struct ProfileNameError;

/// Checks the name of a profile, which is also used as a file name.
///
/// # Errors
/// The name is not valid.
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
