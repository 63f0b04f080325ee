//! Keeps web pages out: a name in `Host` that is not ours is a rebound one, and a foreign `PeerAddress` is a page that asks.

use std::net::IpAddr;

use http::header::{HOST, ORIGIN};
use http::request::Parts;

use crate::server::error::ApiError;

/// The names that this server answers for.
pub struct AllowedHosts {
    names: Vec<String>,
}

impl AllowedHosts {
    /// The configured names, besides loopback's names and the address a connection came in on.
    pub fn new(names: &[String]) -> Self {
        Self { names: names.iter().map(|name| without_port(name).trim_end_matches('.').to_owned()).collect() }
    }

    /// Lets the request pass if every name it gives for this server is ours. `local` is the address it came in on.
    ///
    /// # Errors
    /// 421 for a foreign name, 400 where there is none or more than one (RFC 9112, 3.2).
    pub fn check(&self, parts: &Parts, local: IpAddr) -> Result<(), ApiError> {
        let mut hosts = parts.headers.get_all(HOST).iter();
        let (Some(host), None) = (hosts.next(), hosts.next()) else {
            return Err(ApiError::Malformed("Send exactly one `Host` header.".into()));
        };
        let host = host.to_str().map_err(|_| ApiError::HostUnknown)?;
        // The absolute form names the host twice; both must be ours.
        let absolute = parts.uri.authority().map(http::uri::Authority::as_str);
        let ours = self.knows(host, local) && absolute.is_none_or(|host| self.knows(host, local));
        if ours { Ok(()) } else { Err(ApiError::HostUnknown) }
    }

    fn knows(&self, host: &str, local: IpAddr) -> bool {
        let Some(name) = host_of(host) else { return false };
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

/// Lets the request pass unless a web page of another origin asks.
///
/// # Errors
/// 403 for a foreign `PeerAddress`, `null` included.
pub fn check_origin(parts: &Parts) -> Result<(), ApiError> {
    let mut origins = parts.headers.get_all(ORIGIN).iter();
    let Some(origin) = origins.next() else { return Ok(()) };
    let host = parts.headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let same = |origin: &str| {
        let authority = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"));
        authority.is_some_and(|a| without_default_port(a).eq_ignore_ascii_case(without_default_port(host)))
    };
    let own = origins.next().is_none() && origin.to_str().is_ok_and(same);
    if own { Ok(()) } else { Err(ApiError::OriginRefused) }
}

/// The name of a `Host` value, without port and final dot. Nothing where it is no host.
fn host_of(host: &str) -> Option<&str> {
    let name = without_port(host);
    let port = &host[name.len()..];
    let port_fits = port.is_empty()
        || port.strip_prefix(':').is_some_and(|p| p.bytes().all(|b| b.is_ascii_digit()) && p.len() <= 5);
    (port_fits && !name.is_empty() && !name.contains(['@', '/', '\\']))
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

    fn parts(uri: &str, headers: &[(&str, &str)]) -> Parts {
        let mut request = http::Request::builder().uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    fn host_status(uri: &str, hosts: &[&str]) -> u16 {
        let ours = AllowedHosts::new(&["keys.plant.example".to_owned(), "[2001:db8::5]:443".to_owned()]);
        let headers: Vec<_> = hosts.iter().map(|host| ("host", *host)).collect();
        let local = "192.0.2.7".parse().unwrap();
        ours.check(&parts(uri, &headers), local).map_or_else(|refusal| refusal.problem().status, |()| 200)
    }

    #[test]
    fn only_our_own_names_are_answered_for() {
        let ours = [
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
        for host in ours {
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
    fn only_our_own_origin_may_ask() {
        let passes = |host: &str, origin: &str| {
            check_origin(&parts("/", &[("host", host), ("origin", origin)])).is_ok()
        };
        assert!(check_origin(&parts("/", &[("host", "localhost")])).is_ok());
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
