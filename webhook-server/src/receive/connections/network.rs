//! The network of a peer.

use std::net::{IpAddr, Ipv6Addr};

/// What counts as one sender: an IPv4 address, or an IPv6 /64, which is what one subscriber gets.
pub(super) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
    }
}
