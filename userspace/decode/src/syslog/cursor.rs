//! Reading a line that looks as expected, piece by piece from its left, each byte once.
//!
//! The decoders' own rules are wide: any white space, values in several forms, words in any case.
//! Nearly all lines of an exporter are the same but for their values, and for these a decoder has
//! a second reading, that of the regular line, made of this cursor's steps. A step that does not
//! find what it expects ends that reading, and the wide rules read the line anew: so each step may
//! refuse more than it must, but never take what the wide rules would read in another way.

use crate::simd::{Level, text};

/// What is still to be read, and the instructions to do it with.
#[derive(Clone, Copy, Debug)]
pub struct Cursor<'a>(pub &'a [u8], pub Level);

const ZEROS: u64 = u64::from_ne_bytes([b'0'; 8]);
const TOP_BITS: u64 = u64::from_ne_bytes([0x80; 8]);
/// What lifts a digit's value to the last byte without a top bit, and all above it beyond.
const ABOVE_NINE: u64 = u64::from_ne_bytes([0x76; 8]);

impl<'a> Cursor<'a> {
    /// Passes over a text that must stand here.
    #[inline(always)]
    pub fn literal<const N: usize>(&mut self, text: &[u8; N]) -> Option<()> {
        self.0 = self.0.strip_prefix(text)?;
        Some(())
    }

    /// Passes over a text where it stands here; whether it did.
    #[inline(always)]
    pub fn option<const N: usize>(&mut self, text: &[u8; N]) -> bool {
        self.literal(text).is_some()
    }

    /// A decimal number of one to sixteen digits, up to what is no digit.
    #[inline(always)]
    pub fn number(&mut self) -> Option<u64> {
        let (high, len) = leading_digits(window(self.0));
        if len < 8 {
            self.advance(len).filter(|()| len > 0)?;
            return Some(high);
        }
        self.long_number(high)
    }

    #[cold]
    fn long_number(&mut self, high: u64) -> Option<u64> {
        self.advance(8)?;
        let (low, len) = leading_digits(window(self.0));
        self.advance(len).filter(|()| len < 8)?;
        Some(high * 10u64.pow(len as u32) + low)
    }

    /// A number that fits, most often a port.
    #[inline(always)]
    pub fn number_as<T: TryFrom<u64>>(&mut self) -> Option<T> {
        T::try_from(self.number()?).ok()
    }

    /// An IPv4 address in dotted decimal, up to what is no digit.
    #[inline(always)]
    pub fn v4(&mut self) -> Option<u32> {
        let (address, len) = match text::leading_v4(self.1, self.0) {
            Some(found) => found,
            None => leading_v4(self.0)?,
        };
        self.advance(len)?;
        Some(address)
    }

    /// A text up to a byte, which is passed over. It may have any byte but those that could end a
    /// message in a datagram: control characters and `<`.
    #[inline(always)]
    pub fn until(&mut self, stop: u8) -> Option<&'a [u8]> {
        let mut len = leading_until(window(self.0), stop);
        if len == 8 {
            len += leading_until(window(self.0.get(8..)?), stop);
            if len == 16 {
                len = self.0.iter().position(|byte| *byte == stop || may_end_message(*byte))?;
            }
        }
        let (text, rest) = self.0.split_at_checked(len)?;
        self.0 = rest.strip_prefix(&[stop])?;
        Some(text)
    }

    /// One to fifteen ASCII letters, up to what is none.
    #[inline(always)]
    pub fn letters(&mut self) -> Option<&'a [u8]> {
        let mut len = leading_letters(window(self.0));
        if len == 8 {
            len += leading_letters(window(self.0.get(8..)?));
        }
        let (letters, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        (1..16).contains(&len).then_some(letters)
    }

    #[inline(always)]
    fn advance(&mut self, len: usize) -> Option<()> {
        self.0 = self.0.get(len..)?;
        Some(())
    }
}

/// The first eight bytes, the first one lowest; zeros where the text is shorter.
#[inline(always)]
fn window(text: &[u8]) -> u64 {
    match text.first_chunk::<8>() {
        Some(bytes) => u64::from_le_bytes(*bytes),
        None => u64::from_le_bytes(short_window(text)),
    }
}

#[cold]
fn short_window<const N: usize>(text: &[u8]) -> [u8; N] {
    let mut bytes = [0; N];
    for (byte, text) in bytes.iter_mut().zip(text) {
        *byte = *text;
    }
    bytes
}

/// The top bit of the first byte that is no digit; bytes behind it may have theirs or not.
#[inline(always)]
fn first_other(window: u64) -> u64 {
    let values = window ^ ZEROS;
    (values.wrapping_add(ABOVE_NINE) | values) & TOP_BITS
}

/// The top bits of bytes that are zero; of bytes behind the first one they may be set as well.
#[inline(always)]
fn zero_bytes(window: u64) -> u64 {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    window.wrapping_sub(ONES) & !window & TOP_BITS
}

/// How many of the first bytes come before a byte, or before one that may end a message.
#[inline(always)]
fn leading_until(window: u64, stop: u8) -> usize {
    let controls = window.wrapping_sub(u64::from_ne_bytes([b' '; 8])) & !window;
    let stops = zero_bytes(window ^ u64::from_ne_bytes([stop; 8]));
    let angles = zero_bytes(window ^ u64::from_ne_bytes([b'<'; 8]));
    ((controls | stops | angles) & TOP_BITS).trailing_zeros() as usize / 8
}

fn may_end_message(byte: u8) -> bool {
    byte < b' ' || byte == b'<'
}

/// How many of the first bytes are letters.
#[inline(always)]
fn leading_letters(window: u64) -> usize {
    // From 1 for a to 26 for z, in either case.
    let places = (window | u64::from_ne_bytes([0x20; 8])) ^ u64::from_ne_bytes([0x60; 8]);
    let above = places.wrapping_add(u64::from_ne_bytes([0x7f - 26; 8])) | places;
    let others = (above | zero_bytes(places)) & TOP_BITS;
    others.trailing_zeros() as usize / 8
}

/// The number that the first digits are, and how many these are: eight at the most.
#[inline(always)]
fn leading_digits(window: u64) -> (u64, usize) {
    let len = first_other(window).trailing_zeros() / 8;
    // Digits in front of it that are not there are zeros.
    let digits = (window ^ ZEROS).checked_shl(64 - 8 * len).unwrap_or(0);
    let pairs = digits.wrapping_mul(10).wrapping_add(digits >> 8);
    let even = (pairs & 0x0000_00ff_0000_00ff).wrapping_mul(100 + (1_000_000 << 32));
    let odd = (pairs >> 16 & 0x0000_00ff_0000_00ff).wrapping_mul(1 + (10_000 << 32));
    (even.wrapping_add(odd) >> 32, len as usize)
}

/// An address at the begin of a text, and its length.
#[inline(always)]
fn leading_v4(text: &[u8]) -> Option<(u32, usize)> {
    let bytes = match text.first_chunk::<16>() {
        Some(bytes) => *bytes,
        None => short_window(text),
    };
    let bytes = u128::from_le_bytes(bytes);
    let (mut low, mut high) = (bytes as u64, (bytes >> 64) as u64);
    let (mut address, mut len, mut bad) = (0, 0, 0);
    for octet in 0..4 {
        let values = low as u32 ^ ZEROS as u32;
        let others = (values.wrapping_add(ABOVE_NINE as u32) | values) & TOP_BITS as u32;
        let digits = others.trailing_zeros() / 8;
        // The last digit comes to the highest byte.
        let value = u64::from(values) << (32 - 8 * digits);
        let value = (value >> 24 & 0xff) + (value >> 16 & 0xff) * 10 + (value >> 8 & 0xff) * 100;
        let stop = low >> (8 * digits) & 0xff;
        bad |= value >> 8 | u64::from(digits.wrapping_sub(1) > 2);
        address = address << 8 | value as u32;
        len += digits as usize;
        if octet < 3 {
            bad |= stop ^ u64::from(b'.');
            len += 1;
            let shift = 8 * digits + 8;
            low = low >> shift | high << (64 - shift);
            high >>= shift;
        }
    }
    (bad == 0).then_some((address, len))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::syslog::scan;
    use proptest::prelude::*;

    proptest! {
        /// What the steps read is what the decoders' own rules read in it.
        #[test]
        fn steps_agree_with_the_wide_rules(text in "[0-9.]{0,20}[ :x\u{2e}\u{e9}]?[0-9.]{0,9}") {
            let text = text.as_bytes();
            let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
            let mut cursor = Cursor(text, Level::PORTABLE);
            match cursor.number() {
                Some(number) => {
                    prop_assert_eq!(scan::number(&text[..digits]), Some(number));
                    prop_assert_eq!(cursor.0, &text[digits..]);
                }
                None => prop_assert!(digits == 0 || digits > 15),
            }
            let dotted = text.splitn(5, |byte| *byte == b'.').take(4).collect::<Vec<_>>();
            let last = dotted.last().unwrap();
            let end = last.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(last.len());
            let len = dotted.iter().map(|part| part.len() + 1).sum::<usize>() - 1 - last.len() + end;
            for level in Level::available() {
                let mut cursor = Cursor(text, level);
                let address = cursor.v4();
                prop_assert_eq!(address, scan::v4(&text[..len]));
                prop_assert!(address.is_none() || cursor.0 == &text[len..]);
            }
        }
    }

    proptest! {
        #[test]
        fn words_end_where_they_do(text in "[a-zA-Z]{0,18}[\u{1c}-\u{ff}]{0,4}[a-zA-Z ]{0,30}") {
            let text = text.as_bytes();
            for stop in [b' ', b')', 0xc3] {
                let mut cursor = Cursor(text, Level::PORTABLE);
                let end = text.iter().position(|byte| *byte == stop);
                let expected = end.filter(|end| !text[..*end].iter().any(|b| may_end_message(*b)));
                prop_assert_eq!(cursor.until(stop), expected.map(|end| &text[..end]));
                if let Some(end) = expected {
                    prop_assert_eq!(cursor.0, &text[end + 1..]);
                }
            }
            let mut cursor = Cursor(text, Level::PORTABLE);
            let letters = text.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
            match cursor.letters() {
                Some(word) => prop_assert_eq!((word, cursor.0), text.split_at(letters)),
                None => prop_assert!(letters == 0 || letters > 15),
            }
        }
    }
}
