//! Reading numbers, addresses and protocol names out of text, strictly: a value that is not wholly
//! what it should be is none.

use std::net::{IpAddr, Ipv6Addr};

/// A decimal number of at most 20 digits; `None` where it overflows.
pub fn number(text: &[u8]) -> Option<u64> {
    let Some((head, tail)) = text.split_last_chunk::<8>() else { return upto_8_digits(text) };
    let low = digits(u64::from_le_bytes(*tail))?;
    if head.is_empty() {
        return Some(low);
    }
    let Some((head, middle)) = head.split_last_chunk::<8>() else {
        return Some(upto_8_digits(head)? * 100_000_000 + low);
    };
    let low = digits(u64::from_le_bytes(*middle))? * 100_000_000 + low;
    match head.len() {
        0 => Some(low),
        1..=4 => upto_8_digits(head)?.checked_mul(10_000_000_000_000_000)?.checked_add(low),
        _ => None,
    }
}

/// A number of one to eight digits.
fn upto_8_digits(text: &[u8]) -> Option<u64> {
    let len = text.len();
    // The last digit is the highest byte. Loads overlap, so that few sizes make do.
    let word = if let (Some(head), Some(tail)) = (text.first_chunk::<4>(), text.last_chunk::<4>()) {
        let head = u64::from(u32::from_le_bytes(*head)).checked_shl(64 - 8 * len as u32);
        head.unwrap_or(0) | u64::from(u32::from_le_bytes(*tail)) << 32
    } else {
        match *text {
            [a] => u64::from_be_bytes([a, 0, 0, 0, 0, 0, 0, 0]),
            [a, b] => u64::from_be_bytes([b, a, 0, 0, 0, 0, 0, 0]),
            [a, b, c] => u64::from_be_bytes([c, b, a, 0, 0, 0, 0, 0]),
            _ => return None,
        }
    };
    digits(word | ZEROS.checked_shr(8 * len as u32).unwrap_or(0))
}

/// Eight zeros.
const ZEROS: u64 = u64::from_le_bytes(*b"00000000");

/// A number of eight digits, the first one in the lowest byte.
fn digits(text: u64) -> Option<u64> {
    const HIGH_BITS: u64 = 0x8080_8080_8080_8080;
    let digits = text ^ ZEROS;
    // A byte above 9 has its high bit, or gets it.
    let above_9 = (digits & !HIGH_BITS).wrapping_add(0x7676_7676_7676_7676) | digits;
    if above_9 & HIGH_BITS != 0 {
        return None;
    }
    // Neighbours join to numbers of two, four and eight digits.
    let twos = digits.wrapping_mul(10 << 8 | 1) >> 8 & 0x00ff_00ff_00ff_00ff;
    let fours = twos.wrapping_mul(100 << 16 | 1) >> 16 & 0x0000_ffff_0000_ffff;
    Some(fours.wrapping_mul(10_000 << 32 | 1) >> 32)
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
    let (mut address, mut octet) = (0, 0);
    let (mut digits, mut octets) = (0, 1);
    for byte in text {
        let digit = byte.wrapping_sub(b'0');
        if digit <= 9 {
            octet = octet * 10 + u32::from(digit);
            digits += 1;
            if digits > 3 {
                return None;
            }
        } else if *byte == b'.' && digits != 0 && octet < 256 && octets < 4 {
            address = address << 8 | octet;
            (octet, digits, octets) = (0, 0, octets + 1);
        } else {
            return None;
        }
    }
    (octets == 4 && digits != 0 && octet < 256).then_some(address << 8 | octet)
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
    // By far the most.
    match text {
        b"tcp" => return Some(6),
        b"udp" => return Some(17),
        _ => {}
    }
    let named = NAMES.iter().find(|(name, _)| text.eq_ignore_ascii_case(name));
    named.map(|(_, number)| *number).or_else(|| u8::try_from(number(text)?).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_are_strict() {
        assert_eq!(number(b"18446744073709551615"), Some(u64::MAX));
        for bad in [b"".as_slice(), b"18446744073709551616", b"1 ", b"-1", b"0x1", b"1/"] {
            assert_eq!(number(bad), None);
        }
    }

    proptest! {
        #[test]
        fn numbers_are_those_of_the_library(text in "[0-9]{0,22}|[0-9]{0,9}[^0-9][0-9]{0,9}") {
            let is_plain = !text.starts_with('+') && text.len() <= 20;
            let expected = text.parse().ok().filter(|_| is_plain);
            prop_assert_eq!(number(text.as_bytes()), expected);
        }

        #[test]
        fn addresses_are_four_numbers(text in "([0-9]{0,4}[./]){2,4}[0-9]{0,4}|.{0,17}") {
            let octets: Option<Vec<u8>> = text
                .split('.')
                .map(|part| number(part.as_bytes()).filter(|_| part.len() <= 3)?.try_into().ok())
                .collect();
            let expected = octets.and_then(|octets| <[u8; 4]>::try_from(octets).ok());
            prop_assert_eq!(v4(text.as_bytes()), expected.map(u32::from_be_bytes));
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
