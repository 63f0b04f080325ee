//! Refuses requests from web pages: by `Host`, against DNS rebinding, and by `Origin`, against pages from other sites.

use std::net::IpAddr;

use http::header::{HOST, ORIGIN};
use http::request::Parts;

use crate::server::error::ApiError;

/// The host names that requests to this server may use.
pub(in crate::server) struct AllowedHosts {
    names: Vec<String>,
}

impl AllowedHosts {
    /// Allows the configured host names. Loopback names and the server address of the connection are always allowed.
    pub(in crate::server) fn new(names: &[String]) -> Self {
        Self { names: names.iter().map(|name| without_port(name).trim_end_matches('.').to_owned()).collect() }
    }

    /// Checks every host name in the request. `local` is the server address that the client connected to.
    ///
    /// # Errors
    /// Fails with 421 if a name is not allowed, and with 400 unless there is exactly one `Host` header (RFC 9112, 3.2).
    pub(in crate::server) fn check(&self, parts: &Parts, local: IpAddr) -> Result<(), ApiError> {
        let mut hosts = parts.headers.get_all(HOST).iter();
        let (Some(host), None) = (hosts.next(), hosts.next()) else {
            return Err(ApiError::Malformed("Send exactly one `Host` header.".into()));
        };
        let host = host.to_str().map_err(|_| ApiError::HostUnknown)?;
        // A request target in absolute form names the host a second time.
        let target = parts.uri.authority().map(http::uri::Authority::as_str);
        let is_allowed = self.allows(host, local) && target.is_none_or(|host| self.allows(host, local));
        if is_allowed { Ok(()) } else { Err(ApiError::HostUnknown) }
    }

    fn allows(&self, host: &str, local: IpAddr) -> bool {
        let Some(name) = host_name(host) else { return false };
        let bare = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
        if let Ok(address) = bare.parse::<IpAddr>() {
            let address = address.to_canonical();
            return address.is_loopback()
                || address == local.to_canonical()
                || self.names.iter().any(|n| n.trim_start_matches('[').trim_end_matches(']') == bare);
        }
        name.eq_ignore_ascii_case("localhost") || self.names.iter().any(|n| n.eq_ignore_ascii_case(name))
    }
}

/// Refuses a request that was sent by a web page from another origin.
///
/// # Errors
/// Fails with 403 if the `Origin` is not this server's own, which includes `null`.
pub(in crate::server) fn check_origin(parts: &Parts) -> Result<(), ApiError> {
    let mut origins = parts.headers.get_all(ORIGIN).iter();
    let Some(origin) = origins.next() else { return Ok(()) };
    let host = parts.headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let is_host = |origin: &str| {
        let authority = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"));
        authority.is_some_and(|a| without_default_port(a).eq_ignore_ascii_case(without_default_port(host)))
    };
    let is_own = origins.next().is_none() && origin.to_str().is_ok_and(is_host);
    if is_own { Ok(()) } else { Err(ApiError::OriginRefused) }
}

/// Returns the host name in a `Host` value, without the port and a trailing dot; `None` if the value is malformed.
fn host_name(host: &str) -> Option<&str> {
    let name = without_port(host);
    let port = &host[name.len()..];
    let is_port_valid = port.is_empty()
        || port.strip_prefix(':').is_some_and(|p| p.bytes().all(|b| b.is_ascii_digit()) && p.len() <= 5);
    (is_port_valid && !name.is_empty() && !name.contains(['@', '/', '\\']))
        .then(|| name.strip_suffix('.').unwrap_or(name))
}

fn without_port(host: &str) -> &str {
    match host.strip_prefix('[').and_then(|rest| rest.find(']')) {
        Some(end) => &host[..end + 2],
        // An IPv6 address without brackets has no port.
        None if host.matches(':').count() > 1 => host,
        None => host.split(':').next().unwrap_or(host),
    }
}

fn without_default_port(authority: &str) -> &str {
    authority.strip_suffix(":443").or_else(|| authority.strip_suffix(":80")).unwrap_or(authority)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request_parts(uri: &str, headers: &[(&str, &str)]) -> Parts {
        let mut request = http::Request::builder().uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    fn host_status(uri: &str, hosts: &[&str]) -> u16 {
        let is_granted_to =
            AllowedHosts::new(&["keys.plant.example".to_owned(), "[2001:db8::5]:443".to_owned()]);
        let headers: Vec<_> = hosts.iter().map(|host| ("host", *host)).collect();
        let local = "192.0.2.7".parse().unwrap();
        is_granted_to
            .check(&request_parts(uri, &headers), local)
            .map_or_else(|error| error.into_problem().status, |()| 200)
    }

    #[test]
    fn requests_for_other_hosts_are_refused() {
        let is_granted_to = [
            "localhost",
            "LocalHost:7711",
            "127.0.0.1:1",
            "127.8.8.8",
            "[::1]:7711",
            "192.0.2.7:7711",
            "keys.plant.example",
            "KEYS.plant.example.:443",
            "[2001:db8::5]",
        ];
        for host in is_granted_to {
            assert_eq!(host_status("/", &[host]), 200, "{host}");
        }
        let foreign = [
            "evil.example",
            "keys.plant.example.evil.example",
            "evil.keys.plant.example",
            "192.0.2.8",
            "localhost.evil.example",
            "localhost@evil.example",
            "localhost:evil",
            "localhost:80:80",
            "[::1",
            "::1]",
            "127.0.0.1.evil.example",
            "",
            ":80",
        ];
        for host in foreign {
            assert_eq!(host_status("/", &[host]), 421, "{host}");
        }
        assert_eq!(host_status("/", &[]), 400);
        assert_eq!(host_status("/", &["localhost", "localhost"]), 400);
        assert_eq!(host_status("http://evil.example/", &["localhost"]), 421);
        assert_eq!(host_status("http://localhost/", &["localhost"]), 200);
    }

    #[test]
    fn requests_from_other_origins_are_refused() {
        let passes = |host: &str, origin: &str| {
            check_origin(&request_parts("/", &[("host", host), ("origin", origin)])).is_ok()
        };
        assert!(check_origin(&request_parts("/", &[("host", "localhost")])).is_ok());
        assert!(passes("localhost:7711", "http://localhost:7711"));
        assert!(passes("keys.plant.example", "https://Keys.plant.example"));
        assert!(passes("keys.plant.example:443", "https://keys.plant.example"));
        for foreign in [
            "null",
            "",
            "https://evil.example",
            "http://localhost:3000",
            "http://localhost:7711.evil.example",
            "http://127.0.0.1:7711",
            "file://localhost:7711",
            "localhost:7711",
        ] {
            assert!(!passes("localhost:7711", foreign), "{foreign}");
        }
    }
}
