//! IP address ranges from the configuration, and the networks that clients count towards in limits.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;

/// A range of IP addresses such as `10.0.0.0/8`, or a single address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IpRange(IpNet);

/// Error: the text is neither an IP address nor an address range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an IP address or address range; write for example 10.0.3.7 or 10.0.0.0/8")]
pub struct InvalidIpRange;

impl IpRange {
    /// Returns whether the range contains the address. An IPv4-mapped IPv6 address counts as IPv4.
    pub(super) fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(&address.to_canonical())
    }
}

impl FromStr for IpRange {
    type Err = InvalidIpRange;

    fn from_str(text: &str) -> Result<Self, InvalidIpRange> {
        let (address, prefix) =
            text.split_once('/').map_or((text, None), |(address, prefix)| (address, Some(prefix)));
        let address = address.trim().parse::<IpAddr>().map_err(|_| InvalidIpRange)?.to_canonical();
        let Some(prefix) = prefix else { return Ok(Self(address.into())) };
        let prefix = prefix.trim().parse().map_err(|_| InvalidIpRange)?;
        IpNet::new(address, prefix).map(Self).map_err(|_| InvalidIpRange)
    }
}

impl fmt::Display for IpRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The network that a client counts towards in limits: its IPv4 address, or its IPv6 /64, in which a client can choose any address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct ClientNetwork(u64);

impl ClientNetwork {
    pub(super) fn from_address(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(v4) => Self(v4.to_bits().into()),
            // Never equal to an IPv4 address: the upper half of a global IPv6 address is at least 2^32.
            IpAddr::V6(v6) => Self(u64::try_from(v6.to_bits() >> 64).unwrap_or_default()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_parsed_and_displayed() {
        for text in ["10.0.0.0/8", "0.0.0.0/0", "::/0", "2001:db8::/32"] {
            assert_eq!(text.parse::<IpRange>().unwrap().to_string(), text);
        }
        for text in ["", "10.0.0.0/33", "10.0.0/8", "10.0.0.0/-1", "host", "::/129"] {
            assert_eq!(text.parse::<IpRange>(), Err(InvalidIpRange), "{text}");
        }
        assert!("0.0.0.0/0".parse::<IpRange>().unwrap().contains("255.1.2.3".parse().unwrap()));
    }

    #[test]
    fn all_addresses_in_an_ipv6_64_are_one_client_network() {
        let network = |text: &str| ClientNetwork::from_address(text.parse().unwrap());
        assert_eq!(network("2001:db8::1"), network("2001:db8::ffff:2"));
        assert_ne!(network("2001:db8::1"), network("2001:db8:0:1::1"));
        assert_eq!(network("::ffff:192.0.2.1"), network("192.0.2.1"));
    }
}
