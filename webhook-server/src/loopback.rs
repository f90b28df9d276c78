//! Whether a host is this machine.

use std::net::IpAddr;

/// Whether the host of a URL is this machine itself: `localhost`, or a loopback address.
pub(crate) fn is_loopback(host: &str) -> bool {
    let address = host.trim_matches(['[', ']']).parse::<IpAddr>();
    host.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
}
