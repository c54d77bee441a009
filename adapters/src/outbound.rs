//! Which addresses requests on behalf of tenants may reach: public ones, and the private networks that the operator
//! lists. Everything else is this machine, its neighbours or the cloud's own service.
//!
//! Invariant: whoever connects uses an address that came out of here, never the name again, so a name that changes its
//! mind between check and use gains nothing.

use ipnet::IpNet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use url::Host;

#[derive(Debug, thiserror::Error)]
pub enum OutboundError {
    #[error("{0} cannot be found: {1}")]
    Unresolved(String, String),
    #[error(
        "{0} leads to a network that may not be reached from here; the operator can allow it with CANOPY_PRIVATE_NETWORKS"
    )]
    Refused(String),
}

#[derive(Debug, Clone, Default)]
pub struct Outbound {
    private_networks: Vec<IpNet>,
    /// One place of the platform's own.
    own: Option<SocketAddr>,
}

impl Outbound {
    pub fn new(private_networks: Vec<IpNet>, own: Option<SocketAddr>) -> Self {
        Self { private_networks, own }
    }

    /// The host's addresses that may be reached; at least one.
    pub async fn resolve(&self, host: &Host<&str>, port: u16) -> Result<Vec<IpAddr>, OutboundError> {
        let found = match host {
            Host::Ipv4(address) => vec![IpAddr::V4(*address)],
            Host::Ipv6(address) => vec![IpAddr::V6(*address)],
            Host::Domain(name) => tokio::net::lookup_host((*name, port))
                .await
                .map_err(|error| OutboundError::Unresolved((*name).to_owned(), error.to_string()))?
                .map(|address| address.ip())
                .collect(),
        };
        let allows = |address: &IpAddr| self.allows(*address) || self.own == Some(SocketAddr::new(*address, port));
        let mut allowed: Vec<IpAddr> = found.into_iter().filter(allows).collect();
        allowed.dedup();
        if allowed.is_empty() { Err(OutboundError::Refused(host.to_string())) } else { Ok(allowed) }
    }

    pub fn allows(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        is_public(address) || self.private_networks.iter().any(|network| network.contains(&address))
    }
}

pub(crate) fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

/// By IANA's registry of special-purpose addresses.
fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let special = match (a, b, c) {
        // This network, private, loopback.
        (0 | 10 | 127, _, _) => true,
        // Shared with the provider.
        (100, 64..=127, _) => true,
        // Link-local; the clouds' metadata services are here.
        (169, 254, _) => true,
        (172, 16..=31, _) => true,
        // Protocol assignments, documentation, relays.
        (192, 0, 0 | 2) | (192, 88, 99) | (198, 51, 100) | (203, 0, 113) => true,
        (192, 168, _) => true,
        // Benchmarks.
        (198, 18..=19, _) => true,
        // Multicast, reserved, broadcast.
        (224.., _, _) => true,
        _ => false,
    };
    !special
}

/// Only global unicast, and no address that carries one of the other family to a place that is not public.
fn is_public_v6(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    let embedded = |high: u16, low: u16| {
        let [a, b] = high.to_be_bytes();
        let [c, d] = low.to_be_bytes();
        is_public_v4(Ipv4Addr::new(a, b, c, d))
    };
    match segments {
        // Translated to the other family by the network (RFC 6052).
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => embedded(high, low),
        // 6to4 (RFC 3056).
        [0x2002, high, low, ..] => embedded(high, low),
        // Teredo and other protocol assignments, documentation.
        [0x2001, 0..=0x1ff, ..] | [0x2001, 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => false,
        [first, ..] => (0x2000..=0x3fff).contains(&first),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(address: &str, allowed: bool) {
        let address: IpAddr = address.parse().unwrap();
        assert_eq!(Outbound::default().allows(address), allowed, "{address}");
    }

    #[test]
    fn the_public_internet_may_be_reached() {
        for address in ["1.1.1.1", "140.82.121.4", "172.15.0.1", "172.32.0.1", "100.63.0.1", "100.128.0.1"] {
            check(address, true);
        }
        for address in ["2606:50c0:8000::153", "2a00:1450::1", "64:ff9b::1.1.1.1", "2002:101:101::1", "::ffff:1.1.1.1"]
        {
            check(address, true);
        }
    }

    #[test]
    fn every_other_class_is_refused() {
        let fourth = [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.0.1",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.1",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
        ];
        for address in fourth {
            check(address, false);
            check(&format!("::ffff:{address}"), false);
            check(&format!("64:ff9b::{address}"), false);
            check(&format!("::{address}"), false);
        }
        let sixth = [
            "::",
            "::1",
            "fe80::1",
            "fec0::1",
            "fc00::1",
            "fd00:ec2::254",
            "ff02::1",
            "2001:db8::1",
            "2001::1",
            "2002:7f00:1::",
            "2002:a9fe:a9fe::1",
            "3fff::1",
            "100::1",
            "64:ff9b:1::1.1.1.1",
            "5f00::1",
            "4000::1",
        ];
        for address in sixth {
            check(address, false);
        }
    }

    #[test]
    fn listed_networks_are_reached_in_either_spelling() {
        let outbound = Outbound::new(vec!["127.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()], None);
        for address in ["127.0.0.1", "::ffff:127.0.0.1", "fd12::1"] {
            assert!(outbound.allows(address.parse().unwrap()), "{address}");
        }
        for address in ["10.0.0.1", "::1", "fe80::1"] {
            assert!(!outbound.allows(address.parse().unwrap()), "{address}");
        }
    }

    #[tokio::test]
    async fn one_own_place_opens_nothing_beside_it() {
        let outbound = Outbound::new(Vec::new(), Some("127.0.0.1:3999".parse().unwrap()));
        let here = Host::Ipv4(Ipv4Addr::LOCALHOST);
        assert!(outbound.resolve(&here, 3999).await.is_ok());
        assert!(outbound.resolve(&here, 3000).await.is_err());
        assert!(outbound.resolve(&Host::Ipv4(Ipv4Addr::new(127, 0, 0, 2)), 3999).await.is_err());
    }

    #[tokio::test]
    async fn names_that_lead_inside_are_refused_and_literals_are_read_as_addresses() {
        let outbound = Outbound::default();
        assert!(matches!(outbound.resolve(&Host::Domain("localhost"), 80).await, Err(OutboundError::Refused(_))));
        for spelling in ["http://127.1/", "http://0x7f.1/", "http://2130706433/", "http://0177.0.0.1/", "http://[::1]/"]
        {
            let url = url::Url::parse(spelling).unwrap();
            let refused = outbound.resolve(&url.host().unwrap(), 80).await;
            assert!(matches!(refused, Err(OutboundError::Refused(_))), "{spelling}");
        }
    }

    proptest! {
        #[test]
        fn what_the_standard_library_calls_special_is_never_public(bits in any::<u32>()) {
            let address = Ipv4Addr::from(bits);
            let special = address.is_private() || address.is_loopback() || address.is_link_local()
                || address.is_multicast() || address.is_broadcast() || address.is_documentation()
                || address.is_unspecified();
            prop_assert!(!(special && is_public_v4(address)));
            // A mapped address is judged as what it stands for.
            let outbound = Outbound::default();
            prop_assert_eq!(outbound.allows(address.into()), outbound.allows(address.to_ipv6_mapped().into()));
        }

        #[test]
        fn nothing_but_global_unicast_is_public(bits in any::<u128>()) {
            let address = Ipv6Addr::from(bits);
            let special = address.is_loopback() || address.is_multicast() || address.is_unspecified()
                || address.is_unique_local() || address.is_unicast_link_local();
            prop_assert!(!(special && is_public_v6(address)));
        }

        #[test]
        fn a_listed_network_opens_itself_and_nothing_else(bits in any::<u32>(), inside in any::<u8>()) {
            let outbound = Outbound::new(vec!["10.9.8.0/24".parse().unwrap()], None);
            prop_assert!(outbound.allows(Ipv4Addr::new(10, 9, 8, inside).into()));
            let address = Ipv4Addr::from(bits);
            let listed = address.octets()[..3] == [10, 9, 8];
            prop_assert_eq!(outbound.allows(address.into()), listed || is_public_v4(address));
        }
    }
}
