#![expect(
    unsafe_code,
    reason = "vector loads and stores, and calls of what needs vector instructions"
)]
//! Several IPv4 addresses of a line, read together.
//!
//! A lane of 16 bytes holds an address, and 16 bits of a 64-bit word tell its digits and full
//! stops. Parallel bit operations on these say how many digits each number has; with that, the
//! digits of all 16 numbers are moved to four bytes each, and multiplied and added up at once.

use super::Span;
use crate::{
    simd::{Kind, Level},
    syslog::scan,
};
#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::*;

/// The addresses at these places, in host byte order, each read as [`scan::v4`] does; `None` where
/// one is none.
pub fn v4s<const N: usize>(level: Level, text: &[u8], spans: &[Span; N]) -> Option<[u32; N]> {
    let found = match level.0 {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: the level says that the processor has these instructions.
        Kind::Avx512 => unsafe { v4s_avx512(text, spans) },
        _ => None,
    };
    found.or_else(|| v4s_portable(text, spans))
}

fn v4s_portable<const N: usize>(text: &[u8], spans: &[Span; N]) -> Option<[u32; N]> {
    let mut values = [0; N];
    for (value, span) in values.iter_mut().zip(spans) {
        *value = scan::v4(span.of(text)?)?;
    }
    Some(values)
}

/// As [`v4s`], four at a time; `None` for what it leaves to the portable twin.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi2,bmi1,bmi2,lzcnt,popcnt")]
fn v4s_avx512<const N: usize>(text: &[u8], spans: &[Span; N]) -> Option<[u32; N]> {
    let mut values = [0; N];
    for (values, spans) in values.chunks_mut(4).zip(spans.chunks(4)) {
        // Lanes without an address repeat the last one.
        let last = *spans.last()?;
        let span = |at: usize| spans.get(at).copied().unwrap_or(last);
        let [(a, a_end), (b, b_end), (c, c_end), (d, d_end)] = [
            lane(text, span(0))?,
            lane(text, span(1))?,
            lane(text, span(2))?,
            lane(text, span(3))?,
        ];
        let lanes = _mm512_inserti64x4::<1>(
            _mm512_castsi256_si512(_mm256_inserti128_si256::<1>(_mm256_castsi128_si256(a), b)),
            _mm256_inserti128_si256::<1>(_mm256_castsi128_si256(c), d),
        );
        let ends = a_end | b_end << 16 | c_end << 32 | d_end << 48;
        let four = four_avx512(lanes, ends)?;
        for (value, four_value) in values.iter_mut().zip(four) {
            *value = four_value;
        }
    }
    Some(values)
}

/// The 16 bytes from where an address begins, and the bit of the byte behind it.
#[cfg(target_arch = "x86_64")]
#[inline]
fn lane(text: &[u8], span: Span) -> Option<(__m128i, u64)> {
    let len = u32::from(span.end.wrapping_sub(span.start));
    let bytes = text.get(usize::from(span.start)..)?.first_chunk::<16>()?;
    // SAFETY: 16 bytes are there, and the load asks for no alignment.
    let lane = unsafe { _mm_loadu_si128(bytes.as_ptr().cast()) };
    (len < 16).then_some((lane, 1 << (len & 15)))
}

/// Four addresses; `ends` has in the 16 bits of each lane the one of the byte behind the address.
#[cfg(target_arch = "x86_64")]
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi2,bmi1,bmi2,lzcnt,popcnt")]
fn four_avx512(lanes: __m512i, ends: u64) -> Option<[u32; 4]> {
    const FIRST_BITS: u64 = 0x0001_0001_0001_0001;
    // The bits below each end: no lane borrows from the next, as each has an end.
    let inside = (ends - FIRST_BITS) & !ends;
    let digits = _mm512_sub_epi8(lanes, _mm512_set1_epi8(b'0'.cast_signed()));
    let is_digit = _mm512_cmple_epu8_mask(digits, _mm512_set1_epi8(9)) & inside;
    let is_stop = _mm512_cmpeq_epi8_mask(lanes, _mm512_set1_epi8(b'.'.cast_signed())) & inside;
    let stops = is_stop | ends;
    // Whether one, two, three, four digits stand before a byte. No address fills its lane, so
    // that nothing comes over from the lane before.
    let one = is_digit << 1;
    let two = one & is_digit << 2;
    let three = two & is_digit << 3;
    let four = three & is_digit << 4;
    let counts = [stops & 0xffff, stops & 0xffff_ffff, stops & 0xffff_ffff_ffff, stops];
    let four_each = counts.map(u64::count_ones) == [4, 8, 12, 16];
    if is_digit | is_stop != inside || stops & !one != 0 || stops & four != 0 || !four_each {
        return None;
    }
    // A number and its stop go to the end of four bytes.
    let places = 0xcccc_cccc_cccc_cccc
        | _pdep_u64(_pext_u64(two, stops), 0x2222_2222_2222_2222)
        | _pdep_u64(_pext_u64(three, stops), 0x1111_1111_1111_1111);
    let digits = _mm512_maskz_compress_epi8(inside | ends, digits);
    let digits = _mm512_maskz_expand_epi8(places, digits);
    let twos = _mm512_maddubs_epi16(digits, _mm512_set1_epi32(i32::from_le_bytes([100, 10, 1, 0])));
    let octets = _mm512_madd_epi16(twos, _mm512_set1_epi16(1));
    if _mm512_cmpgt_epu32_mask(octets, _mm512_set1_epi32(255)) != 0 {
        return None;
    }
    let mut addresses = [0; 16];
    let octets = _mm512_cvtepi32_epi8(octets);
    // SAFETY: 16 bytes are there, and the store asks for no alignment.
    unsafe { _mm_storeu_si128(addresses.as_mut_ptr().cast(), octets) };
    let (addresses, _): (&[[u8; 4]], _) = addresses.as_chunks();
    Some(<&[[u8; 4]; 4]>::try_from(addresses).ok()?.map(u32::from_be_bytes))
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
