#![cfg_attr(
    target_arch = "x86_64",
    expect(
        unsafe_code,
        reason = "vector loads and stores, and calls of what needs vector instructions"
    )
)]
//! Several IPv4 addresses of a line, read together.
//!
//! A lane of 16 bytes holds an address, and 16 bits of a 64-bit word tell its digits and full
//! stops. Parallel bit operations on these say how many digits each number has; with that, the
//! digits of all 16 numbers are moved to four bytes each, and multiplied and added up at once.

use super::Span;
#[cfg(target_arch = "x86_64")]
use super::{in_parts, load_16};
#[cfg(target_arch = "x86_64")]
use crate::simd::Kind;
use crate::{simd::Level, syslog::scan};
#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::*;

/// The addresses at these places, in host byte order, each read as [`scan::v4`] does; `None` where
/// one is none.
#[inline(always)]
pub fn v4s<const N: usize>(level: Level, text: &[u8], spans: &[Span; N]) -> Option<[u32; N]> {
    let found = match level.0 {
        #[cfg(target_arch = "x86_64")]
        Kind::Avx512 => in_parts(
            spans,
            #[inline(always)]
            |[a, b, c, d]: [Span; 4]| {
                let lanes = [lane(text, a)?, lane(text, b)?, lane(text, c)?, lane(text, d)?];
                // SAFETY: the level says that the processor has these instructions.
                unsafe { four_avx512(lanes) }
            },
        ),
        #[cfg(target_arch = "x86_64")]
        Kind::Avx2 => in_parts(
            spans,
            #[inline(always)]
            |[one]: [Span; 1]| {
                // SAFETY: the level says that the processor has these instructions.
                unsafe { one_avx2(text, one) }.map(|address| [address])
            },
        ),
        _ => None,
    };
    match found {
        Some(values) => Some(values),
        // Of a copy, so that the spans themselves need no place in memory.
        None => v4s_portable(text, &{ *spans }),
    }
}

#[inline(never)]
fn v4s_portable<const N: usize>(text: &[u8], spans: &[Span; N]) -> Option<[u32; N]> {
    let mut values = [0; N];
    for (value, span) in values.iter_mut().zip(spans) {
        *value = scan::v4(span.of(text)?)?;
    }
    Some(values)
}

/// The address at the begin of a text, and its length in bytes; `None` for what it leaves to a
/// portable twin, which is all at [`Level::PORTABLE`].
#[cfg(target_arch = "x86_64")]
#[inline(always)]
pub fn leading_v4(level: Level, text: &[u8]) -> Option<(u32, usize)> {
    match level.0 {
        // SAFETY: the level says that the processor has these instructions.
        Kind::Avx2 | Kind::Avx512 => unsafe { leading_avx2(text.first_chunk()?) },
        Kind::Portable => None,
    }
}

/// Leaves all to a portable twin.
#[cfg(not(target_arch = "x86_64"))]
#[inline(always)]
pub fn leading_v4(_: Level, _: &[u8]) -> Option<(u32, usize)> {
    None
}

/// The 16 bytes from where an address begins, and the bit of the byte behind it.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn lane(text: &[u8], span: Span) -> Option<(__m128i, u64)> {
    let len = u32::from(span.end.wrapping_sub(span.start));
    let bytes = text.get(usize::from(span.start)..)?.first_chunk::<16>()?;
    (len < 16).then_some((load_16(bytes), 1 << (len & 15)))
}

/// How the digits of an address's four numbers, each with the byte behind it, are moved to the ends
/// of four bytes each. The index has a bit for each number with a second digit, and above these
/// one for each with a third.
#[cfg(target_arch = "x86_64")]
#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler")]
const MOVES: [[u8; 16]; 256] = {
    let mut moves = [[0x80; 16]; 256];
    let mut index = 0;
    while index < 256 {
        let (mut number, mut from) = (0, 0);
        while number < 4 {
            let len = 2 + (index >> number & 1) + (index >> (4 + number) & 1);
            let mut at = 0;
            while at < len {
                moves[index][4 * number + 4 - len + at] = (from + at) as u8;
                at += 1;
            }
            (number, from) = (number + 1, from + len);
        }
        index += 1;
    }
    moves
};

/// One address; `None` for what it leaves to the portable twin.
#[cfg(target_arch = "x86_64")]
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
fn one_avx2(text: &[u8], span: Span) -> Option<u32> {
    let (lane, end) = lane(text, span)?;
    let inside = end - 1;
    let [is_digit, is_stop] = digits_and_stops(lane);
    if (is_digit | is_stop) & inside != inside {
        return None;
    }
    address_avx2(lane, is_digit & inside, is_stop & inside | end)
}

#[cfg(target_arch = "x86_64")]
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
fn leading_avx2(bytes: &[u8; 16]) -> Option<(u32, usize)> {
    let lane = load_16(bytes);
    let [is_digit, is_stop] = digits_and_stops(lane);
    // The first byte that is neither ends it; where there is none, it is one behind the lane.
    let end = _blsi_u64(!(is_digit | is_stop));
    let inside = end - 1;
    let address = address_avx2(lane, is_digit & inside, is_stop & inside | end)?;
    Some((address, end.trailing_zeros() as usize))
}

/// The bits of the bytes of a lane that are digits, and of those that are full stops.
#[cfg(target_arch = "x86_64")]
#[inline]
#[target_feature(enable = "avx2")]
fn digits_and_stops(lane: __m128i) -> [u64; 2] {
    let digits = _mm_sub_epi8(lane, _mm_set1_epi8(b'0'.cast_signed()));
    let is_digit = _mm_cmpeq_epi8(_mm_min_epu8(digits, _mm_set1_epi8(9)), digits);
    let is_stop = _mm_cmpeq_epi8(lane, _mm_set1_epi8(b'.'.cast_signed()));
    let bits = |bytes| u64::from(_mm_movemask_epi8(bytes).cast_unsigned());
    [bits(is_digit), bits(is_stop)]
}

/// The address in a lane, by the bits of its digits and of the bytes behind its numbers.
#[cfg(target_arch = "x86_64")]
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
fn address_avx2(lane: __m128i, is_digit: u64, stops: u64) -> Option<u32> {
    let numbers = Numbers::told_by(is_digit, stops);
    if !numbers.valid || numbers.stops.count_ones() != 4 {
        return None;
    }
    let digits = _mm_sub_epi8(lane, _mm_set1_epi8(b'0'.cast_signed()));
    let index =
        _pext_u64(numbers.two, numbers.stops) | _pext_u64(numbers.three, numbers.stops) << 4;
    let moves = load_16(MOVES.get(index as usize)?);
    let digits = _mm_shuffle_epi8(digits, moves);
    let twos = _mm_maddubs_epi16(digits, _mm_set1_epi32(WEIGHTS));
    let octets = _mm_madd_epi16(twos, _mm_set1_epi16(1));
    let above_255 = _mm_srli_epi32::<8>(octets);
    if _mm_testz_si128(above_255, above_255) == 0 {
        return None;
    }
    // The lowest byte of each, the first one on top.
    let order = _mm_set_epi8(-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, 0, 4, 8, 12);
    Some(_mm_cvtsi128_si32(_mm_shuffle_epi8(octets, order)).cast_unsigned())
}

/// What the digits of a number in four bytes count, and what stands behind them.
#[cfg(target_arch = "x86_64")]
const WEIGHTS: i32 = i32::from_le_bytes([100, 10, 1, 0]);

/// What the bits of digits and of the bytes behind numbers tell of these numbers.
#[cfg(target_arch = "x86_64")]
struct Numbers {
    /// The bits of the bytes behind a number.
    stops: u64,
    /// The bits of the bytes behind two digits.
    two: u64,
    /// The bits of the bytes behind three digits.
    three: u64,
    /// Whether each has one to three digits.
    valid: bool,
}

#[cfg(target_arch = "x86_64")]
impl Numbers {
    /// No address fills its lane of 16 bits, so that nothing comes over from the lane before.
    #[inline(always)]
    fn told_by(is_digit: u64, stops: u64) -> Self {
        let one = is_digit << 1;
        let two = one & is_digit << 2;
        let three = two & is_digit << 3;
        let four = three & is_digit << 4;
        Self { stops, two, three, valid: stops & (!one | four) == 0 }
    }
}

/// Four addresses; `None` for what it leaves to the portable twin.
#[cfg(target_arch = "x86_64")]
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi2,bmi1,bmi2,lzcnt,popcnt")]
fn four_avx512([a, b, c, d]: [(__m128i, u64); 4]) -> Option<[u32; 4]> {
    let lanes = _mm512_inserti64x4::<1>(
        _mm512_castsi256_si512(_mm256_inserti128_si256::<1>(_mm256_castsi128_si256(a.0), b.0)),
        _mm256_inserti128_si256::<1>(_mm256_castsi128_si256(c.0), d.0),
    );
    let ends = a.1 | b.1 << 16 | c.1 << 32 | d.1 << 48;
    // The bits below each end: no lane borrows from the next, as each has an end.
    let inside = (ends - 0x0001_0001_0001_0001) & !ends;
    let digits = _mm512_sub_epi8(lanes, _mm512_set1_epi8(b'0'.cast_signed()));
    let is_digit = _mm512_cmple_epu8_mask(digits, _mm512_set1_epi8(9)) & inside;
    let is_stop = _mm512_cmpeq_epi8_mask(lanes, _mm512_set1_epi8(b'.'.cast_signed())) & inside;
    let Numbers { stops, two, three, valid } = Numbers::told_by(is_digit, is_stop | ends);
    let four_each = (stops & 0xffff).count_ones() == 4
        && (stops & 0xffff_ffff).count_ones() == 8
        && (stops >> 48).count_ones() == 4
        && stops.count_ones() == 16;
    if is_digit | is_stop != inside || !valid || !four_each {
        return None;
    }
    // A number and its stop go to the end of four bytes.
    let places = 0xcccc_cccc_cccc_cccc
        | _pdep_u64(_pext_u64(two, stops), 0x2222_2222_2222_2222)
        | _pdep_u64(_pext_u64(three, stops), 0x1111_1111_1111_1111);
    let digits = _mm512_maskz_compress_epi8(inside | ends, digits);
    let digits = _mm512_maskz_expand_epi8(places, digits);
    let twos = _mm512_maddubs_epi16(digits, _mm512_set1_epi32(WEIGHTS));
    let octets = _mm512_madd_epi16(twos, _mm512_set1_epi16(1));
    if _mm512_cmpgt_epu32_mask(octets, _mm512_set1_epi32(255)) != 0 {
        return None;
    }
    let order = _mm_set_epi8(12, 13, 14, 15, 8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3);
    let octets = _mm_shuffle_epi8(_mm512_cvtepi32_epi8(octets), order);
    let mut addresses = [0; 4];
    // SAFETY: four values of four bytes are 16 bytes, and the store asks for no alignment.
    unsafe { _mm_storeu_si128(addresses.as_mut_ptr().cast(), octets) };
    Some(addresses)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A text of values that are addresses for the most part, and where they stand.
    fn text() -> impl Strategy<Value = (Vec<u8>, [Span; 5])> {
        let octet = prop_oneof![30 => "[0-9]{1,2}", 30 => "[01][0-9]{2}", 1 => "[0-9]{0,4}"];
        let address = (octet.clone(), octet.clone(), octet.clone(), octet)
            .prop_map(|(a, b, c, d)| format!("{a}.{b}.{c}.{d}"));
        let value = prop_oneof![60 => address, 1 => "[0-9.,a]{0,18}", 1 => "([0-9]{1,3}[./]){2,4}[0-9]{0,3}"];
        ("[a-z]{0,20}", prop::array::uniform5(value), "[.0-9]{0,20}").prop_map(
            |(head, values, tail)| {
                let mut text = head.into_bytes();
                let spans = values.map(|value| {
                    let start = text.len() as u16;
                    text.extend_from_slice(value.as_bytes());
                    let end = text.len() as u16;
                    text.push(b',');
                    Span { start, end }
                });
                text.extend_from_slice(tail.as_bytes());
                (text, spans)
            },
        )
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1000))]
        #[test]
        fn all_levels_read_the_same((text, spans) in text()) {
            let expected = v4s_portable(&text, &spans);
            for level in Level::available() {
                prop_assert_eq!(v4s(level, &text, &spans), expected, "{}", level.name());
                for span in spans {
                    let one = scan::v4(span.of(&text).unwrap()).map(|value| [value]);
                    prop_assert_eq!(v4s(level, &text, &[span]), one, "{}", level.name());
                }
            }
        }

        #[test]
        fn places_outside_of_the_text_are_no_addresses(
            text in "[0-9.]{0,40}",
            ends in prop::array::uniform4(0..50u16),
        ) {
            let [a, b, c, d] = ends;
            let spans = [(a, b), (c, d)].map(|(start, end)| Span { start, end });
            let expected = v4s_portable(text.as_bytes(), &spans);
            for level in Level::available() {
                prop_assert_eq!(v4s(level, text.as_bytes(), &spans), expected);
            }
        }
    }
}
