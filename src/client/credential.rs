//! Credentials: a session token, an API key, or none. They are zeroized when dropped, and cannot be printed.

use std::fmt;
use std::sync::Arc;

use reqwest::header::HeaderValue;
use zeroize::Zeroizing;

/// What a client sends in the `Authorization` header: a session token, an API key, or nothing.
#[derive(Clone, Default)]
pub struct Credential(Option<Arc<Zeroizing<String>>>);

/// Error for a token that cannot be sent in a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a token consists of printable ASCII characters without spaces; this one is empty or contains other characters"
)]
pub struct CredentialError;

impl Credential {
    /// Creates an empty credential, which sends no `Authorization` header.
    pub fn none() -> Self {
        Self(None)
    }

    /// Creates a credential from a session token `ses_…` or an API key `sk_…`, sent as `Bearer`.
    ///
    /// # Errors
    /// Returns an error if the token is empty, or contains white space or characters other than printable ASCII.
    pub fn bearer(token: &str) -> Result<Self, CredentialError> {
        if token.is_empty() || !token.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(CredentialError);
        }
        Ok(Self(Some(Arc::new(Zeroizing::new(format!("Bearer {token}"))))))
    }

    /// Returns whether an `Authorization` header is sent.
    pub(crate) fn is_some(&self) -> bool {
        self.0.is_some()
    }

    /// Returns the header value, marked as sensitive so that HTTP libraries do not log it. `None` if the credential is empty.
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
