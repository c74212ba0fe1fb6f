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

/// An address in the column of its family, and nothing in the other one's.
pub fn by_family(address: IpAddr) -> (Option<u32>, Option<[u8; 16]>) {
    match address {
        IpAddr::V4(address) => (Some(address.into()), None),
        IpAddr::V6(address) => (None, Some(address.octets())),
    }
}

/// A number in hexadecimal digits behind `0x`, or a decimal one.
pub fn number_or_hex(text: &[u8]) -> Option<u64> {
    let Some(digits) = text.strip_prefix(b"0x").or_else(|| text.strip_prefix(b"0X")) else {
        return number(text);
    };
    if digits.is_empty() || digits.len() > 16 {
        return None;
    }
    digits.iter().try_fold(0, |number: u64, digit| {
        Some(number << 4 | u64::from(char::from(*digit).to_digit(16)?))
    })
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
    fn hexadecimal_numbers() {
        assert_eq!(number_or_hex(b"0x0000106f00000002"), Some(0x106f_0000_0002));
        assert_eq!(number_or_hex(b"0Xff"), Some(255));
        assert_eq!(number_or_hex(b"12"), Some(12));
        for bad in [b"0x".as_slice(), b"0x11111111111111111", b"0xg", b""] {
            assert_eq!(number_or_hex(bad), None);
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
