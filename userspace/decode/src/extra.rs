//! What a record carried beyond the columns of its family: unknown keys and elements.
//!
//! One [`Text`] holds all of a record's pairs, each as
//! `key_len: u8, key, kind: u8, value_len: u16 (native order), value`; a number is its bytes in
//! network order without leading zeros, an address its 4 or 16 bytes. The key of an information
//! element is its two numbers, for which a reader gets its name: so one byte on the wire becomes at
//! most twelve here, which [`TextArena::EXPANSION_MAX`]
//! rests on.

use crate::{
    netflow::elements,
    text::{Text, TextArena, to_utf8},
};
use std::{
    borrow::Cow,
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

/// The value of an extra pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// Text as the device sent it.
    Text(&'a [u8]),
    /// An unsigned number.
    Number(u64),
    /// Bytes of unknown meaning.
    Bytes(&'a [u8]),
    /// The 4 or 16 bytes of an IP address.
    Address(&'a [u8]),
    /// The 6 bytes of an Ethernet address.
    Mac(&'a [u8]),
    /// A number in two's complement, of up to 8 bytes in network order.
    Signed(&'a [u8]),
    /// The 4 or 8 bytes of an IEEE 754 number, in network order.
    Float(&'a [u8]),
}

/// As outputs print it: bytes in lower-case hexadecimal digits.
impl fmt::Display for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Value::Text(bytes) => f.write_str(&to_utf8(bytes)),
            Value::Number(number) => number.fmt(f),
            Value::Address(bytes) => match address(bytes) {
                Some(address) => address.fmt(f),
                None => hex(bytes, "", f),
            },
            Value::Mac(bytes) => hex(bytes, ":", f),
            Value::Signed(bytes) => signed(bytes).fmt(f),
            Value::Float(bytes) => match float(bytes) {
                Some(number) => number.fmt(f),
                None => hex(bytes, "", f),
            },
            Value::Bytes(bytes) => hex(bytes, "", f),
        }
    }
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    let v4 = <[u8; 4]>::try_from(bytes).map(|octets| Ipv4Addr::from(octets).into());
    v4.or_else(|_| <[u8; 16]>::try_from(bytes).map(|octets| Ipv6Addr::from(octets).into())).ok()
}

fn signed(bytes: &[u8]) -> i64 {
    let negative = bytes.first().is_some_and(|byte| byte & 0x80 != 0);
    bytes.iter().fold(if negative { -1 } else { 0 }, |number, byte| number << 8 | i64::from(*byte))
}

fn float(bytes: &[u8]) -> Option<f64> {
    let single = <[u8; 4]>::try_from(bytes).map(|bytes| f32::from_be_bytes(bytes).into());
    single.or_else(|_| <[u8; 8]>::try_from(bytes).map(f64::from_be_bytes)).ok()
}

fn hex(bytes: &[u8], separator: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for (index, byte) in bytes.iter().enumerate() {
        let separator = if index == 0 { "" } else { separator };
        write!(f, "{separator}{byte:02x}")?;
    }
    Ok(())
}

const TEXT: u8 = 0;
const NUMBER: u8 = 1;
const BYTES: u8 = 2;
const ADDRESS: u8 = 3;
const MAC: u8 = 4;
const SIGNED: u8 = 5;
const FLOAT: u8 = 6;

/// Stands for the length of a key that is an element: enterprise number and identifier, 4 and 2
/// bytes in native order.
const ELEMENT: u8 = u8::MAX;

/// The longest head of an encoded pair: key length, key, kind and value length.
const HEAD_MAX: usize = 1 + KEY_MAX + 1 + 2;

/// The longest key whose head, key included, has no more than sixteen bytes.
const SHORT_KEY_MAX: usize = 12;

/// Longer keys are cut.
pub const KEY_MAX: usize = 64;

/// A pair's bytes, for [`TextArena::append`](crate::text::TextArena::append): `parts()`.
#[derive(Debug)]
pub struct Encoded<'a> {
    head: [u8; HEAD_MAX],
    head_len: usize,
    number: [u8; 8],
    number_skip: usize,
    value: Value<'a>,
}

impl<'a> Encoded<'a> {
    /// No pair.
    pub const EMPTY: Encoded<'a> = Encoded {
        head: [0; HEAD_MAX],
        head_len: 0,
        number: [0; 8],
        number_skip: 0,
        value: Value::Bytes(&[]),
    };

    /// Encodes one pair. A value of more than 65,535 bytes is cut.
    pub fn new(key: &[u8], value: Value<'a>) -> Self {
        let key = cut_key(key);
        Self::with_key(u8::try_from(key.len()).unwrap_or(0), key, value)
    }

    /// Encodes an information element; enterprise 0 is IANA. Readers get its name as the key.
    pub fn of_element(enterprise: u32, element: u16, value: Value<'a>) -> Self {
        let [e0, e1, e2, e3] = enterprise.to_ne_bytes();
        let [id_0, id_1] = element.to_ne_bytes();
        Self::with_key(ELEMENT, &[e0, e1, e2, e3, id_0, id_1], value)
    }

    fn with_key(key_len: u8, key: &[u8], value: Value<'a>) -> Self {
        let value = match value {
            Value::Text(bytes) => Value::Text(cut(bytes)),
            Value::Bytes(bytes) => Value::Bytes(cut(bytes)),
            other => other,
        };
        let mut number = [0; 8];
        let mut number_skip = 0;
        let (kind, len) = match value {
            Value::Text(bytes) => (TEXT, bytes.len()),
            Value::Bytes(bytes) => (BYTES, bytes.len()),
            Value::Address(bytes) => (ADDRESS, bytes.len()),
            Value::Mac(bytes) => (MAC, bytes.len()),
            Value::Signed(bytes) => (SIGNED, bytes.len()),
            Value::Float(bytes) => (FLOAT, bytes.len()),
            Value::Number(value) => {
                number = value.to_be_bytes();
                number_skip = (value.leading_zeros() / 8) as usize;
                (NUMBER, number.len() - number_skip)
            }
        };
        let [len_0, len_1] = u16::try_from(len).unwrap_or(u16::MAX).to_ne_bytes();
        let bytes = std::iter::once(key_len).chain(key.iter().copied()).chain([kind, len_0, len_1]);
        let mut head = [0; HEAD_MAX];
        let mut head_len = 0;
        for (cell, byte) in head.iter_mut().zip(bytes) {
            *cell = byte;
            head_len += 1;
        }
        Self { head, head_len, number, number_skip, value }
    }

    /// The encoded bytes, in order.
    pub fn parts(&self) -> [&[u8]; 2] {
        let head = self.head.get(..self.head_len).unwrap_or_default();
        match self.value {
            Value::Text(bytes)
            | Value::Bytes(bytes)
            | Value::Address(bytes)
            | Value::Mac(bytes)
            | Value::Signed(bytes)
            | Value::Float(bytes) => [head, bytes],
            Value::Number(_) => [head, self.number.get(self.number_skip..).unwrap_or_default()],
        }
    }
}

/// Adds a pair to `extra`, which must be empty or the value pushed last. A batch that had said that
/// it has room for the datagram has it; else the pair is left out.
pub fn add(extra: &mut Text, key: &[u8], value: Value<'_>, arena: &mut TextArena) {
    *extra = arena.append(*extra, &Encoded::new(key, value).parts()).unwrap_or(*extra);
}

/// Adds a text, unless it is empty: see [`add`]. Compiled where it is called, because with a key
/// that is known all in front of the value is.
#[inline(always)]
pub fn add_text(extra: &mut Text, key: &[u8], value: &[u8], arena: &mut TextArena) {
    if value.is_empty() {
        return;
    }
    let value = cut(value);
    let [len_0, len_1] = u16::try_from(value.len()).unwrap_or(u16::MAX).to_ne_bytes();
    // Most keys are so short that the head is one number, which takes no loop to write.
    if key.len() > SHORT_KEY_MAX {
        return add(extra, key, Value::Text(value), arena);
    }
    let word = key.iter().rev().fold(0, |word, byte| word << 8 | u128::from(*byte));
    let behind = u128::from(u32::from_le_bytes([TEXT, len_0, len_1, 0])) << (8 + 8 * key.len());
    let head = (behind | word << 8 | key.len() as u128).to_le_bytes();
    let parts = [head.get(..key.len() + 4).unwrap_or_default(), value];
    *extra = arena.append(*extra, &parts).unwrap_or(*extra);
}

fn cut_key(key: &[u8]) -> &[u8] {
    key.get(..KEY_MAX).unwrap_or(key)
}

fn cut(bytes: &[u8]) -> &[u8] {
    bytes.get(..bytes.len().min(usize::from(u16::MAX))).unwrap_or_default()
}

/// The pairs of an encoded text, in the order in which they were written.
/// Elements that nobody named are `ie` and their number, after that of their enterprise.
pub fn pairs(mut encoded: &[u8]) -> impl Iterator<Item = (Cow<'_, [u8]>, Value<'_>)> {
    std::iter::from_fn(move || {
        let (key, rest) = split_key(encoded)?;
        let (&[kind, len_0, len_1], rest) = rest.split_first_chunk::<3>()?;
        let len = usize::from(u16::from_ne_bytes([len_0, len_1]));
        let (value, rest) = rest.split_at_checked(len)?;
        encoded = rest;
        let value = match kind {
            NUMBER => Value::Number(value.iter().fold(0, |n, byte| n << 8 | u64::from(*byte))),
            BYTES => Value::Bytes(value),
            ADDRESS => Value::Address(value),
            MAC => Value::Mac(value),
            SIGNED => Value::Signed(value),
            FLOAT => Value::Float(value),
            _ => Value::Text(value),
        };
        Some((key, value))
    })
}

fn split_key(encoded: &[u8]) -> Option<(Cow<'_, [u8]>, &[u8])> {
    let (&len, rest) = encoded.split_first()?;
    if len != ELEMENT {
        let (key, rest) = rest.split_at_checked(usize::from(len))?;
        return Some((Cow::Borrowed(key), rest));
    }
    let (enterprise, rest) = rest.split_first_chunk()?;
    let (id, rest) = rest.split_first_chunk()?;
    let (enterprise, id) = (u32::from_ne_bytes(*enterprise), u16::from_ne_bytes(*id));
    let key = match elements::find(enterprise, id) {
        Some(element) => Cow::Borrowed(element.name.as_bytes()),
        None if enterprise == elements::IANA => Cow::Owned(format!("ie{id}").into_bytes()),
        None => Cow::Owned(format!("ie{enterprise}.{id}").into_bytes()),
    };
    Some((key, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_read_back_as_written() {
        let written = [
            (b"Key".as_slice(), Value::Text(b"some text")),
            (b"ie10", Value::Number(u64::MAX)),
            (b"ie11", Value::Number(0x0102)),
            (b"ie12", Value::Number(0)),
            (b"", Value::Bytes(&[0, 255])),
            (b"next_hop", Value::Address(&[192, 0, 2, 1])),
            (b"mac", Value::Mac(&[0, 0, 0x5e, 0, 0x53, 1])),
        ];
        let mut bytes = Vec::new();
        for (key, value) in written {
            bytes.extend(Encoded::new(key, value).parts().concat());
        }
        assert_eq!(
            pairs(&bytes).collect::<Vec<_>>(),
            written.map(|(key, value)| (key.into(), value))
        );
    }

    #[test]
    fn elements_read_back_by_their_names() {
        for (enterprise, element, name) in [
            (0, 230, "natEvent"),
            (0, 105, "ie105"),
            (1, 2, "ie1.2"),
            (29_305, 1, "reverseOctetDeltaCount"),
        ] {
            let bytes = Encoded::of_element(enterprise, element, Value::Number(7)).parts().concat();
            let expected = (name.as_bytes().into(), Value::Number(7));
            assert_eq!(pairs(&bytes).collect::<Vec<_>>(), [expected]);
        }
    }

    #[test]
    fn numbers_with_signs_and_fractions_are_shown_as_such() {
        for (value, shown) in [
            (Value::Signed(&[0xff]), "-1"),
            (Value::Signed(&[0x7f, 0xff]), "32767"),
            (Value::Signed(&i64::MIN.to_be_bytes()), "-9223372036854775808"),
            (Value::Float(&[0x3f, 0xc0, 0, 0]), "1.5"),
            (Value::Float(&[1, 2, 3]), "010203"),
        ] {
            assert_eq!(value.to_string(), shown);
        }
    }

    #[test]
    fn a_cut_encoding_ends_the_pairs() {
        let bytes = Encoded::new(b"k", Value::Text(b"value")).parts().concat();
        for len in 0..bytes.len() {
            assert_eq!(pairs(&bytes[..len]).count(), 0);
        }
    }
}
