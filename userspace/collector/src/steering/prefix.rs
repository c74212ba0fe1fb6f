//! Address prefixes, as the allow-list is written in them.
//!
//! IPv4 addresses that are written as IPv6 (`::ffff:192.0.2.1`, RFC 4291 2.5.5.2) are IPv4 here as
//! everywhere else: no exporter has such an address on the wire.

use std::{fmt, net::IpAddr, str::FromStr};

/// An address prefix, such as `192.0.2.0/24`; bits behind the prefix are cleared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Prefix {
    address: IpAddr,
    len: u8,
}

impl Prefix {
    /// The prefix of `len` bits that holds `address`; `None` if the family has fewer bits.
    pub fn new(address: IpAddr, len: u8) -> Option<Self> {
        let address = match address {
            IpAddr::V4(v4) => {
                let host_bits = 32_u32.checked_sub(u32::from(len))?;
                let mask = u32::MAX.checked_shl(host_bits).unwrap_or(0);
                IpAddr::V4((u32::from(v4) & mask).into())
            }
            IpAddr::V6(v6) => {
                let host_bits = 128_u32.checked_sub(u32::from(len))?;
                let mask = u128::MAX.checked_shl(host_bits).unwrap_or(0);
                IpAddr::V6((u128::from(v6) & mask).into())
            }
        };
        Some(Self { address, len })
    }

    /// The first address.
    pub fn address(&self) -> IpAddr {
        self.address
    }

    /// The number of bits that count.
    #[expect(clippy::len_without_is_empty, reason = "the length of a prefix, not of a collection")]
    pub fn len(&self) -> u8 {
        self.len
    }

    /// The same addresses as IPv4, where they are such.
    fn canonical(self) -> Self {
        const MAPPED_BITS: u8 = 96;
        match (self.address, self.address.to_canonical(), self.len.checked_sub(MAPPED_BITS)) {
            (IpAddr::V6(_), address @ IpAddr::V4(_), Some(len)) => Self { address, len },
            _ => self,
        }
    }

    /// Whether the address lies in the prefix.
    pub fn contains(&self, address: IpAddr) -> bool {
        Self::new(address, self.len).is_some_and(|other| other == *self)
    }
}

impl From<IpAddr> for Prefix {
    fn from(address: IpAddr) -> Self {
        let address = address.to_canonical();
        Self { address, len: if address.is_ipv4() { 32 } else { 128 } }
    }
}

impl FromStr for Prefix {
    type Err = PrefixError;

    fn from_str(text: &str) -> Result<Self, PrefixError> {
        let Some((address, len)) = text.split_once('/') else {
            return match text.parse::<IpAddr>() {
                Ok(address) => Ok(address.into()),
                Err(_) => Err(PrefixError::Address { text: text.to_owned() }),
            };
        };
        let Ok(address) = address.parse() else {
            return Err(PrefixError::Address { text: text.to_owned() });
        };
        let bits_max = if matches!(address, IpAddr::V4(_)) { 32 } else { 128 };
        // `u8::from_str` takes a plus sign.
        let digits = !len.is_empty() && len.bytes().all(|byte| byte.is_ascii_digit());
        len.parse()
            .ok()
            .filter(|_| digits)
            .and_then(|len| Self::new(address, len))
            .map(Self::canonical)
            .ok_or_else(|| PrefixError::Len { text: text.to_owned(), bits_max })
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.len)
    }
}

/// Why a text is no prefix.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PrefixError {
    /// What stands in front of the slash is no address.
    #[error(
        "\"{text}\" is no address prefix: expected an IPv4 or IPv6 address, \
         with or without a length, such as 192.0.2.0/24"
    )]
    Address {
        /// The text.
        text: String,
    },
    /// What stands behind the slash is no length.
    #[error(
        "\"{text}\" is no address prefix: expected a length from 0 to {bits_max} after the slash"
    )]
    Len {
        /// The text.
        text: String,
        /// How many bits an address of this family has.
        bits_max: u8,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prefix(text: &str) -> Prefix {
        text.parse().expect(text)
    }

    #[test]
    fn host_bits_are_cleared() {
        assert_eq!(prefix("192.0.2.77/24").to_string(), "192.0.2.0/24");
        assert_eq!(prefix("192.0.2.77/0").to_string(), "0.0.0.0/0");
        assert_eq!(prefix("192.0.2.77/31").to_string(), "192.0.2.76/31");
        assert_eq!(prefix("2001:db8:ffff::1/33").to_string(), "2001:db8:8000::/33");
        assert_eq!(prefix("2001:db8::1/0").to_string(), "::/0");
    }

    #[test]
    fn a_plain_address_is_a_host() {
        assert_eq!(prefix("198.51.100.1").to_string(), "198.51.100.1/32");
        assert_eq!(prefix("2001:db8::1").to_string(), "2001:db8::1/128");
    }

    #[test]
    fn ipv4_that_is_written_as_ipv6_is_ipv4() {
        for (text, same) in [
            ("::ffff:192.0.2.77/120", "192.0.2.0/24"),
            ("::ffff:192.0.2.77", "192.0.2.77/32"),
            ("::ffff:0:0/96", "0.0.0.0/0"),
            ("::ffff:0:0/95", "::fffe:0:0/95"),
            ("::/96", "::/96"),
            ("::192.0.2.1/128", "::c000:201/128"),
        ] {
            assert_eq!(prefix(text).to_string(), same);
        }
        assert!(prefix("::ffff:192.0.2.0/120").contains("192.0.2.9".parse().expect("IPv4")));
    }

    #[test]
    fn what_is_no_prefix_is_named() {
        for text in ["", "/", "exporter", "192.0.2/24", "192.0.2.0 /24", "2001:db8::/x/1"] {
            let error = text.parse::<Prefix>().expect_err(text);
            assert!(error.to_string().contains(&format!("\"{text}\"")), "{error}");
        }
        for text in ["192.0.2.0/33", "192.0.2.0/", "192.0.2.0/+8", "192.0.2.0/-1", "192.0.2.0/256"]
        {
            let error = text.parse::<Prefix>().expect_err(text).to_string();
            assert!(error.ends_with("a length from 0 to 32 after the slash"), "{error}");
        }
        let error = "2001:db8::/129".parse::<Prefix>().expect_err("129").to_string();
        assert!(error.ends_with("a length from 0 to 128 after the slash"), "{error}");
    }

    #[test]
    fn a_prefix_contains_its_own_family_only() {
        let v4 = prefix("0.0.0.0/0");
        assert!(v4.contains("203.0.113.9".parse().expect("IPv4")));
        assert!(!v4.contains("2001:db8::1".parse().expect("IPv6")));
        assert!(!prefix("192.0.2.0/25").contains("192.0.2.128".parse().expect("IPv4")));
    }
}
