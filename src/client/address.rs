//! Server addresses: an `http` or `https` URL without the path of the API and without credentials.

use std::fmt;
use std::str::FromStr;

use reqwest::Url;

use crate::domain::text;
use crate::wire::BASE;

/// The address of a server, such as `https://keys.plant.example`.
#[derive(Clone, PartialEq, Eq)]
pub struct ServerAddress(Url);

/// Why a string is not a valid server address. Messages do not repeat the string, since it may contain a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ServerAddressError {
    /// Not a URL.
    #[error("not a server address; write it like https://keys.plant.example")]
    Unreadable,
    /// A scheme other than `http` and `https`, or none.
    #[error("a server address begins with https:// (or http:// for a server on this machine)")]
    Scheme,
    /// A user name or password in the URL.
    #[error("a server address must not contain a user name or password; sign in with `keyward login`")]
    Credentials,
}

impl ServerAddress {
    /// Returns whether the address is on this machine, where plain `http` is safe and no proxy is used.
    pub(crate) fn is_loopback(&self) -> bool {
        match self.0.host_str() {
            Some("localhost") => true,
            Some(host) => {
                host.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
            }
            None => false,
        }
    }

    /// Returns whether requests are sent unencrypted over a network.
    pub(crate) fn is_unencrypted(&self) -> bool {
        self.0.scheme() == "http" && !self.is_loopback()
    }

    /// Returns whether the connection uses TLS.
    pub(crate) fn is_tls(&self) -> bool {
        self.0.scheme() == "https"
    }

    /// Returns host and port, such as `127.0.0.1:8080`, without the scheme's default port.
    pub(crate) fn authority(&self) -> String {
        let host = self.0.host_str().unwrap_or_default();
        self.0.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
    }

    /// Returns the profile name to use for this server unless the user chooses one.
    pub(crate) fn default_profile_name(&self) -> String {
        let name = self.authority().replace(|c: char| !c.is_ascii_alphanumeric() && c != '.', "-");
        name.trim_matches(['-', '.']).chars().take(64).collect()
    }

    /// Appends an absolute path, such as `/api/v2/me`, to the address.
    pub(super) fn join(&self, path: &str) -> Url {
        let mut url = self.0.clone();
        let base = url.path().trim_end_matches('/').to_owned();
        url.set_path(&format!("{base}{path}"));
        url
    }
}

impl FromStr for ServerAddress {
    type Err = ServerAddressError;

    fn from_str(text: &str) -> Result<Self, ServerAddressError> {
        let text = text.trim();
        if text.contains(|c: char| c.is_control() || c.is_whitespace()) {
            return Err(ServerAddressError::Unreadable);
        }
        let mut url = Url::parse(text).map_err(|_| {
            if text.contains("://") { ServerAddressError::Unreadable } else { ServerAddressError::Scheme }
        })?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(ServerAddressError::Scheme);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(ServerAddressError::Credentials);
        }
        url.set_query(None);
        url.set_fragment(None);
        let path = url.path().trim_end_matches('/');
        let path = path.strip_suffix(BASE).unwrap_or(path).to_owned();
        url.set_path(&path);
        Ok(Self(url))
    }
}

impl fmt::Display for ServerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&text::sanitize_line(self.0.as_str().trim_end_matches('/')))
    }
}

impl fmt::Debug for ServerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pasted_addresses_are_normalized() {
        for (text, shown) in [
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
            (" https://keys.plant.example/ ", "https://keys.plant.example"),
            ("https://keys.plant.example/api/v2/", "https://keys.plant.example"),
            ("https://plant.example/keys/api/v2", "https://plant.example/keys"),
        ] {
            let address: ServerAddress = text.parse().unwrap();
            assert_eq!(address.to_string(), shown);
        }
        let address: ServerAddress = "https://plant.example/keys".parse().unwrap();
        assert_eq!(address.join("/api/v2/me").as_str(), "https://plant.example/keys/api/v2/me");
        assert_eq!("keys.plant.example".parse::<ServerAddress>(), Err(ServerAddressError::Scheme));
        assert_eq!("ftp://plant.example".parse::<ServerAddress>(), Err(ServerAddressError::Scheme));
        assert_eq!(
            "https://a:b@plant.example".parse::<ServerAddress>(),
            Err(ServerAddressError::Credentials)
        );
        assert_eq!("https://".parse::<ServerAddress>(), Err(ServerAddressError::Unreadable));
    }

    #[test]
    fn only_addresses_of_this_machine_are_loopback_addresses() {
        let at = |text: &str| text.parse::<ServerAddress>().unwrap();
        assert!(at("http://[::1]:8080").is_loopback() && at("http://localhost").is_loopback());
        assert!(at("http://10.0.0.1").is_unencrypted() && !at("https://10.0.0.1").is_unencrypted());
        assert!(!at("http://localhost.plant.example").is_loopback());
    }
}
