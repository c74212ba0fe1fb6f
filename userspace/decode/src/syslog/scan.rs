//! Reading numbers, addresses and protocol names out of text, strictly: a value that is not wholly
//! what it should be is none.

use std::net::{IpAddr, Ipv6Addr};

/// A decimal number of at most 20 digits; `None` where it overflows.
pub fn number(text: &[u8]) -> Option<u64> {
    if text.is_empty() || text.len() > 20 {
        return None;
    }
    text.iter().try_fold(0u64, |number, byte| {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 { None } else { number.checked_mul(10)?.checked_add(u64::from(digit)) }
    })
}

/// An IPv4 address in dotted decimal, or an IPv6 address.
pub fn address(text: &[u8]) -> Option<IpAddr> {
    if text.contains(&b':') {
        return std::str::from_utf8(text).ok()?.parse::<Ipv6Addr>().ok().map(IpAddr::V6);
    }
    v4(text).map(|address| IpAddr::V4(address.into()))
}

/// An IPv4 address as a number. Leading zeros are decimal, as boxes that pad addresses mean them.
pub fn v4(text: &[u8]) -> Option<u32> {
    let mut address = 0u32;
    let mut octets = 0;
    for part in text.split(|byte| *byte == b'.') {
        if part.len() > 3 || octets == 4 {
            return None;
        }
        let octet = u8::try_from(number(part)?).ok()?;
        address = address << 8 | u32::from(octet);
        octets += 1;
    }
    (octets == 4).then_some(address)
}

/// The number of an IP protocol, from its name in either case or its number.
pub fn protocol(text: &[u8]) -> Option<u8> {
    const NAMES: &[(&[u8], u8)] = &[
        (b"tcp", 6),
        (b"udp", 17),
        (b"icmp", 1),
        (b"icmpv6", 58),
        (b"icmp6", 58),
        (b"gre", 47),
        (b"esp", 50),
        (b"ah", 51),
        (b"sctp", 132),
        (b"igmp", 2),
        (b"ipip", 4),
        (b"ospf", 89),
        (b"pim", 103),
        (b"vrrp", 112),
        (b"l2tp", 115),
        (b"udp-lite", 136),
    ];
    let named = NAMES.iter().find(|(name, _)| text.eq_ignore_ascii_case(name));
    named.map(|(_, number)| *number).or_else(|| u8::try_from(number(text)?).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_strict() {
        assert_eq!(number(b"18446744073709551615"), Some(u64::MAX));
        for bad in [b"".as_slice(), b"18446744073709551616", b"1 ", b"-1", b"0x1", b"1/"] {
            assert_eq!(number(bad), None);
        }
    }

    #[test]
    fn addresses_of_both_families() {
        assert_eq!(address(b"198.51.100.7"), Some("198.51.100.7".parse().unwrap()));
        assert_eq!(address(b"001.002.003.010"), Some("1.2.3.10".parse().unwrap()));
        assert_eq!(address(b"2001:db8::7"), Some("2001:db8::7".parse().unwrap()));
        for bad in [b"".as_slice(), b"1.2.3", b"1.2.3.4.5", b"1.2.3.256", b"1..2.3", b"g::1"] {
            assert_eq!(address(bad), None);
        }
    }
}
