//! Who sends a call: a session, an API key, or nobody. Wiped from memory when dropped; cannot be printed.

use std::fmt;
use std::sync::Arc;

use reqwest::header::HeaderValue;
use zeroize::Zeroizing;

/// What goes into `Authorization`, if anything.
#[derive(Clone, Default)]
pub struct Credential(Option<Arc<Zeroizing<String>>>);

/// A token that cannot stand in a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a token is one word of printable ASCII; this holds spaces, line breaks or other characters, or nothing at all"
)]
pub struct CredentialError;

impl Credential {
    /// Nobody: for signing in.
    pub fn none() -> Self {
        Self(None)
    }

    /// A session `ses_…` or a key `sk_…`, sent as `Bearer`.
    ///
    /// # Errors
    /// The token could not be sent as it is.
    pub fn bearer(token: &str) -> Result<Self, CredentialError> {
        if token.is_empty() || !token.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(CredentialError);
        }
        Ok(Self(Some(Arc::new(Zeroizing::new(format!("Bearer {token}"))))))
    }

    /// Whether there is one.
    pub fn is_some(&self) -> bool {
        self.0.is_some()
    }

    /// The header's value, marked so that no layer below prints it.
    pub(super) fn header(&self) -> Option<HeaderValue> {
        let mut value = HeaderValue::from_str(self.0.as_ref()?).ok()?;
        value.set_sensitive(true);
        Some(value)
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_some() { "Credential(…)" } else { "Credential(none)" })
    }
}
