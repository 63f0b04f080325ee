//! The address of a client: the peer, or the `X-Forwarded-For` entry of a trusted proxy.

use std::net::{IpAddr, SocketAddr};

use http::HeaderMap;

use crate::server::network::IpRange;

const FORWARDED_FOR: &str = "x-forwarded-for";

/// Returns the client's address: the peer's address or, if the peer is a trusted proxy, the rightmost address in `X-Forwarded-For`
/// that is not a trusted proxy.
///
/// A malformed entry ends the search, because the client may have written everything to the left of it.
pub(in crate::server) fn client_address(peer: IpAddr, headers: &HeaderMap, trusted: &[IpRange]) -> IpAddr {
    let mut address = peer.to_canonical();
    let is_trusted = |address: IpAddr| trusted.iter().any(|range| range.contains(address));
    if trusted.is_empty() || !is_trusted(address) {
        return address;
    }
    for value in headers.get_all(FORWARDED_FOR).iter().rev() {
        for entry in value.to_str().unwrap_or_default().rsplit(',') {
            let Some(entry) = parse_entry(entry.trim()) else { return address };
            address = entry;
            if !is_trusted(address) {
                return address;
            }
        }
    }
    address
}

/// Parses an address in any form that proxies write: bare, in brackets, or with a port. Returns `None` if it is malformed.
fn parse_entry(text: &str) -> Option<IpAddr> {
    let address = text
        .parse()
        .or_else(|_| text.parse::<SocketAddr>().map(|a| a.ip()))
        .or_else(|_| text.trim_start_matches('[').trim_end_matches(']').parse())
        .ok()?;
    Some(IpAddr::to_canonical(&address))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(peer: &str, forwarded: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append(FORWARDED_FOR, value.parse().unwrap());
        }
        let trusted = ["10.0.0.0/8", "::1", "2001:db8::/32"].map(|t| t.parse().unwrap());
        client_address(peer.parse().unwrap(), &headers, &trusted).to_string()
    }

    #[test]
    fn only_trusted_proxies_can_forward_an_address() {
        assert_eq!(client("192.0.2.9", &["198.51.100.1"]), "192.0.2.9");
        assert_eq!(client("10.1.1.1", &["198.51.100.1"]), "198.51.100.1");
        assert_eq!(client("::ffff:10.1.1.1", &["198.51.100.1"]), "198.51.100.1");
        assert_eq!(client("::ffff:192.0.2.9", &[]), "192.0.2.9");
    }

    #[test]
    fn the_client_address_is_the_rightmost_untrusted_entry() {
        assert_eq!(client("10.1.1.1", &["6.6.6.6, 198.51.100.1, 10.2.2.2"]), "198.51.100.1");
        assert_eq!(client("10.1.1.1", &["6.6.6.6", "198.51.100.1", "10.2.2.2,10.3.3.3"]), "198.51.100.1");
        assert_eq!(client("10.1.1.1", &["10.2.2.2"]), "10.2.2.2");
        assert_eq!(client("::1", &["[2001:db8::7]:443, 198.51.100.1:8080"]), "198.51.100.1");
    }

    #[test]
    fn entries_to_the_left_of_a_malformed_one_are_ignored() {
        assert_eq!(client("10.1.1.1", &["198.51.100.1, unknown, 10.2.2.2"]), "10.2.2.2");
        assert_eq!(client("10.1.1.1", &[""]), "10.1.1.1");
    }
}
