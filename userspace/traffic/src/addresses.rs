//! The address plan. Documentation and benchmarking ranges only (RFC 5737, 2544, 3849), so that
//! a stray datagram or a published capture names nobody.
//!
//! | range | who |
//! | --- | --- |
//! | 198.18.0.0 – 198.19.239.255 | inside hosts |
//! | 198.19.240.0/20, 2001:db8:ffff::/64 | exporters |
//! | 203.0.113.0/24, 198.51.100.0/25 | public pool addresses |
//! | 192.0.2.0/24, 198.51.100.128/25 | hosts of the Internet |
//! | 2001:db8:64::/96 | NAT64 prefix (RFC 6052) |
//! | 2001:db8:1000::/36 | NAT64 inside hosts, a /64 each |
//! | 2001:db8:2000::/36 | DS-Lite B4 addresses, a /64 each |

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Public addresses, shared out between the exporters.
pub(crate) const POOL_ADDRESSES: u32 = 384;
/// Each exporter has at least one public address.
pub(crate) const EXPORTERS_MAX: u32 = POOL_ADDRESSES;
/// Numbers that the first exporter of a model can have.
pub(crate) const EXPORTER_ADDRESSES_MAX: u32 = 0x1000 - EXPORTERS_MAX - 2;
/// Inside addresses.
pub(crate) const SUBSCRIBERS_MAX: u32 = 0xf000 + 0x1_0000;
/// Hosts of the Internet.
pub(crate) const REMOTES: u32 = 384;

/// Inside host `index`, below [`SUBSCRIBERS_MAX`].
pub(crate) fn inside(index: u32) -> u32 {
    0xc612_0000 + index
}

/// The IPv6 address of NAT64 inside host `index`.
pub(crate) fn inside_v6(index: u32) -> u128 {
    // A mixed interface identifier: hosts of an access network do not all end in ::1.
    let interface = u64::from(index).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    0x2001_0db8_1000_0000_u128 << 64 | u128::from(index) << 64 | u128::from(interface)
}

/// The B4 address of DS-Lite home `index`.
pub(crate) fn b4(index: u32) -> u128 {
    0x2001_0db8_2000_0000_u128 << 64 | u128::from(index) << 64 | 1
}

/// `address` behind the NAT64 prefix.
pub(crate) fn nat64(address: u32) -> u128 {
    0x2001_0db8_0064_0000_u128 << 64 | u128::from(address)
}

/// Public address `index`, below [`POOL_ADDRESSES`].
pub(crate) fn public(index: u32) -> u32 {
    if index < 256 { 0xcb00_7100 + index } else { 0xc633_6400 + (index - 256) }
}

/// Host of the Internet `index`, below [`REMOTES`].
pub(crate) fn remote(index: u32) -> u32 {
    if index < 256 { 0xc000_0200 + index } else { 0xc633_6480 + (index - 256) }
}

/// The address that exporter `index` sends from.
pub(crate) fn exporter(index: u32, over_ipv6: bool) -> IpAddr {
    if over_ipv6 {
        Ipv6Addr::from((0x2001_0db8_ffff_0000_u128 << 64) + u128::from(index) + 1).into()
    } else {
        Ipv4Addr::from(0xc613_f000 + index + 1).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_those_of_the_plan_and_do_not_meet() {
        let v4 = |address| Ipv4Addr::from(address).to_string();
        assert_eq!(v4(inside(0)), "198.18.0.0");
        assert_eq!(v4(inside(SUBSCRIBERS_MAX - 1)), "198.19.239.255");
        assert_eq!(v4(public(255)), "203.0.113.255");
        assert_eq!(v4(public(256)), "198.51.100.0");
        assert_eq!(v4(public(POOL_ADDRESSES - 1)), "198.51.100.127");
        assert_eq!(v4(remote(255)), "192.0.2.255");
        assert_eq!(v4(remote(256)), "198.51.100.128");
        assert_eq!(v4(remote(REMOTES - 1)), "198.51.100.255");
        assert_eq!(exporter(0, false).to_string(), "198.19.240.1");
        assert_eq!(exporter(EXPORTERS_MAX - 1, false).to_string(), "198.19.241.128");
        assert_eq!(exporter(0, true).to_string(), "2001:db8:ffff::1");
        let v6 = |address| Ipv6Addr::from(address).to_string();
        assert_eq!(v6(nat64(remote(1))), "2001:db8:64::c000:201");
        assert_eq!(v6(b4(SUBSCRIBERS_MAX - 1)), "2001:db8:2001:efff::1");
    }
}
