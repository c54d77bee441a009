//! Which addresses a new network gets. The Engine's own pools hold some thirty networks, which everything on the
//! machine shares; each environment has one, so they come from a range of their own.

use ipnet::Ipv4Net;
use std::net::Ipv4Addr;

/// 4096 networks of 254 addresses.
const FIRST: Ipv4Addr = Ipv4Addr::new(10, 208, 0, 0);
const RANGE: u8 = 12;
const NETWORK: u8 = 24;

/// Where this machine's kernel says what is reached by which way. Another machine's Engine refuses what it has itself.
const ROUTES: &str = "/proc/net/route";

/// The first network of the range that touches none of these.
pub fn free(taken: &[Ipv4Net]) -> Option<Ipv4Net> {
    let range = Ipv4Net::new(FIRST, RANGE).ok()?;
    let touches = |one: &Ipv4Net, other: &Ipv4Net| one.contains(other) || other.contains(one);
    range.subnets(NETWORK).ok()?.find(|candidate| !taken.iter().any(|other| touches(candidate, other)))
}

/// The networks that this machine reaches, but not the way to everything else.
pub async fn reached() -> Vec<Ipv4Net> {
    parse(&tokio::fs::read_to_string(ROUTES).await.unwrap_or_default())
}

/// Interface, destination, gateway, flags, references, use, metric, mask and more, in the machine's byte order.
fn parse(routes: &str) -> Vec<Ipv4Net> {
    let address = |text: &str| Some(Ipv4Addr::from(u32::from_str_radix(text, 16).ok()?.to_ne_bytes()));
    let networks = routes.lines().skip(1).filter_map(|line| {
        let mut fields = line.split_whitespace();
        let (destination, mask) = (address(fields.nth(1)?)?, address(fields.nth(5)?)?);
        Ipv4Net::with_netmask(destination, mask).ok()
    });
    networks.filter(|network| network.prefix_len() > 0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_touches_nothing_that_is_taken() {
        let net = |text: &str| text.parse::<Ipv4Net>().unwrap();
        assert_eq!(free(&[]), Some(net("10.208.0.0/24")));
        assert_eq!(free(&[net("10.208.0.64/26"), net("172.17.0.0/16")]), Some(net("10.208.1.0/24")));
        assert_eq!(free(&[net("10.208.0.0/13")]), Some(net("10.216.0.0/24")));
        assert_eq!(free(&[net("10.0.0.0/8")]), None);
    }

    #[cfg(target_endian = "little")]
    #[test]
    fn the_kernels_routes_are_read() {
        let routes = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n\
            eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n\
            eth0\t0000D00A\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0\n";
        assert_eq!(parse(routes), ["10.208.0.0/16".parse().unwrap()]);
    }
}
