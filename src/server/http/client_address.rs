//! Where a request came from: the peer, or what a trusted proxy says of it.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use http::HeaderMap;

const FORWARDED_FOR: &str = "x-forwarded-for";

/// A range of addresses, `10.0.0.0/8`, or one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IpRange {
    base: IpAddr,
    prefix: u8,
}

/// A text is not a range of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an address or a range of addresses; write 10.0.3.7 or 10.0.0.0/8")]
pub struct InvalidIpRange;

impl IpRange {
    /// Whether the address lies in it. An IPv4 address written as IPv6 counts as IPv4.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.base, address.to_canonical()) {
            (IpAddr::V4(base), IpAddr::V4(address)) => {
                same_prefix(base.to_bits().into(), address.to_bits().into(), self.prefix, 32)
            }
            (IpAddr::V6(base), IpAddr::V6(address)) => {
                same_prefix(base.to_bits(), address.to_bits(), self.prefix, 128)
            }
            _ => false,
        }
    }
}

fn same_prefix(a: u128, b: u128, prefix: u8, width: u8) -> bool {
    (a ^ b).checked_shr((width - prefix).into()).unwrap_or(0) == 0
}

impl FromStr for IpRange {
    type Err = InvalidIpRange;

    fn from_str(text: &str) -> Result<Self, InvalidIpRange> {
        let (base, prefix) = text.split_once('/').map_or((text, None), |(base, prefix)| (base, Some(prefix)));
        let base: IpAddr = base.trim().parse().map_err(|_| InvalidIpRange)?;
        let base = base.to_canonical();
        let most = if base.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            Some(prefix) => prefix.trim().parse().ok().filter(|&p| p <= most).ok_or(InvalidIpRange)?,
            None => most,
        };
        Ok(Self { base, prefix })
    }
}

impl fmt::Display for IpRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.base, self.prefix)
    }
}

/// The client's address: the peer, or, if the peer is a trusted proxy, the rightmost `X-Forwarded-For` entry that is not one.
///
/// An entry that is no address ends the search: what is left of it was written by nobody we trust.
pub fn of(peer: IpAddr, headers: &HeaderMap, trusted: &[IpRange]) -> IpAddr {
    let mut address = peer.to_canonical();
    let is_trusted = |address: IpAddr| trusted.iter().any(|network| network.contains(address));
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

/// An address, with or without a port, as proxies write it.
fn parse_entry(text: &str) -> Option<IpAddr> {
    let address = text
        .parse()
        .or_else(|_| text.parse::<std::net::SocketAddr>().map(|a| a.ip()))
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
        of(peer.parse().unwrap(), &headers, &trusted).to_string()
    }

    #[test]
    fn only_a_trusted_proxy_is_believed() {
        assert_eq!(client("192.0.2.9", &["198.51.100.1"]), "192.0.2.9");
        assert_eq!(client("10.1.1.1", &["198.51.100.1"]), "198.51.100.1");
        assert_eq!(client("::ffff:10.1.1.1", &["198.51.100.1"]), "198.51.100.1");
        assert_eq!(client("::ffff:192.0.2.9", &[]), "192.0.2.9");
    }

    #[test]
    fn the_rightmost_entry_outside_the_trusted_list_counts() {
        assert_eq!(client("10.1.1.1", &["6.6.6.6, 198.51.100.1, 10.2.2.2"]), "198.51.100.1");
        assert_eq!(client("10.1.1.1", &["6.6.6.6", "198.51.100.1", "10.2.2.2,10.3.3.3"]), "198.51.100.1");
        assert_eq!(client("10.1.1.1", &["10.2.2.2"]), "10.2.2.2");
        assert_eq!(client("::1", &["[2001:db8::7]:443, 198.51.100.1:8080"]), "198.51.100.1");
    }

    #[test]
    fn rubbish_ends_the_search() {
        assert_eq!(client("10.1.1.1", &["198.51.100.1, unknown, 10.2.2.2"]), "10.2.2.2");
        assert_eq!(client("10.1.1.1", &[""]), "10.1.1.1");
    }

    #[test]
    fn networks_are_read_and_written() {
        for text in ["10.0.0.0/8", "0.0.0.0/0", "::/0", "2001:db8::/32"] {
            assert_eq!(text.parse::<IpRange>().unwrap().to_string(), text);
        }
        for text in ["", "10.0.0.0/33", "10.0.0/8", "10.0.0.0/-1", "host", "::/129"] {
            assert_eq!(text.parse::<IpRange>(), Err(InvalidIpRange), "{text}");
        }
        assert!("0.0.0.0/0".parse::<IpRange>().unwrap().contains("255.1.2.3".parse().unwrap()));
    }
}
