#![cfg_attr(
    target_arch = "x86_64",
    expect(
        unsafe_code,
        reason = "vector loads and stores, and calls of what needs vector instructions"
    )
)]
//! Several decimal numbers of a line, read together.
//!
//! A lane of 16 bytes holds a number's digits, the last one at its end. Multiplications with sums
//! of neighbours make numbers of two, four and eight digits of them, in all lanes at once.

use super::Span;
#[cfg(target_arch = "x86_64")]
use super::{in_parts, load_16};
#[cfg(target_arch = "x86_64")]
use crate::simd::Kind;
use crate::{simd::Level, syslog::scan};
#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::*;

/// The numbers at these places, each read as [`scan::number`] does; `None` where one is none.
#[inline(always)]
pub fn numbers<const N: usize>(level: Level, text: &[u8], spans: &[Span; N]) -> Option<[u64; N]> {
    let found = match level.0 {
        #[cfg(target_arch = "x86_64")]
        Kind::Avx512 => in_parts(
            spans,
            #[inline(always)]
            |four: [Span; 4]| {
                // SAFETY: the level says that the processor has these instructions.
                unsafe { four_avx512(text, four) }
            },
        ),
        #[cfg(target_arch = "x86_64")]
        Kind::Avx2 => in_parts(
            spans,
            #[inline(always)]
            |two: [Span; 2]| {
                // SAFETY: the level says that the processor has these instructions.
                unsafe { two_avx2(text, two) }
            },
        ),
        _ => None,
    };
    match found {
        Some(values) => Some(values),
        // Of a copy, so that the spans themselves need no place in memory.
        None => numbers_portable(text, &{ *spans }),
    }
}

#[inline(never)]
fn numbers_portable<const N: usize>(text: &[u8], spans: &[Span; N]) -> Option<[u64; N]> {
    let mut values = [0; N];
    for (value, span) in values.iter_mut().zip(spans) {
        *value = scan::number(span.of(text)?)?;
    }
    Some(values)
}

/// The 16 bytes that end where a number does, and how many of them are its own; `None` for one
/// that is longer than that, or that stands at the beginning of the text.
#[cfg(target_arch = "x86_64")]
#[inline]
fn lane(text: &[u8], span: Span) -> Option<(__m128i, u32)> {
    let len = u32::from(span.end.wrapping_sub(span.start));
    let bytes = text.get(..usize::from(span.end))?.last_chunk::<16>()?;
    (1..=16).contains(&len).then_some((load_16(bytes), len))
}

#[cfg(target_arch = "x86_64")]
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
fn two_avx2(text: &[u8], [low, high]: [Span; 2]) -> Option<[u64; 2]> {
    let (low, high) = (lane(text, low)?, lane(text, high)?);
    let lanes = _mm256_inserti128_si256::<1>(_mm256_castsi128_si256(low.0), high.0);
    let absent = _mm256_inserti128_si256::<1>(
        _mm256_castsi128_si256(_mm_set1_epi8(15 - low.1 as i8)),
        _mm_set1_epi8(15 - high.1 as i8),
    );
    let offsets = _mm_set_epi8(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
    let digits = _mm256_and_si256(
        _mm256_sub_epi8(lanes, _mm256_set1_epi8(b'0'.cast_signed())),
        _mm256_cmpgt_epi8(_mm256_broadcastsi128_si256(offsets), absent),
    );
    let above_9 = _mm256_subs_epu8(digits, _mm256_set1_epi8(9));
    if _mm256_testz_si256(above_9, above_9) == 0 {
        return None;
    }
    let twos = _mm256_maddubs_epi16(digits, _mm256_set1_epi16(1 << 8 | 10));
    let fours = _mm256_madd_epi16(twos, _mm256_set1_epi32(1 << 16 | 100));
    let packed = _mm256_packus_epi32(fours, fours);
    let eights = _mm256_madd_epi16(packed, _mm256_set1_epi32(1 << 16 | 10_000));
    let sixteens = _mm256_add_epi64(
        _mm256_mul_epu32(eights, _mm256_set1_epi64x(100_000_000)),
        _mm256_srli_epi64::<32>(eights),
    );
    let one = _mm256_extract_epi64::<0>(sixteens).cast_unsigned();
    Some([one, _mm256_extract_epi64::<2>(sixteens).cast_unsigned()])
}

#[cfg(target_arch = "x86_64")]
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,bmi1,bmi2,lzcnt,popcnt")]
fn four_avx512(text: &[u8], [a, b, c, d]: [Span; 4]) -> Option<[u64; 4]> {
    let (a, b) = (lane(text, a)?, lane(text, b)?);
    let (c, d) = (lane(text, c)?, lane(text, d)?);
    // The last digits are the highest bytes of a lane.
    let absent_ab = 0xffff >> a.1 | (0xffff >> b.1) << 16;
    let absent = absent_ab | (0xffff >> c.1) << 32 | (0xffff >> d.1) << 48_u64;
    let lanes = _mm512_inserti64x4::<1>(
        _mm512_castsi256_si512(_mm256_inserti128_si256::<1>(_mm256_castsi128_si256(a.0), b.0)),
        _mm256_inserti128_si256::<1>(_mm256_castsi128_si256(c.0), d.0),
    );
    let digits = _mm512_maskz_sub_epi8(!absent, lanes, _mm512_set1_epi8(b'0'.cast_signed()));
    if _mm512_cmpgt_epu8_mask(digits, _mm512_set1_epi8(9)) != 0 {
        return None;
    }
    let twos = _mm512_maddubs_epi16(digits, _mm512_set1_epi16(1 << 8 | 10));
    let fours = _mm512_madd_epi16(twos, _mm512_set1_epi32(1 << 16 | 100));
    let packed = _mm512_packus_epi32(fours, fours);
    let eights = _mm512_madd_epi16(packed, _mm512_set1_epi32(1 << 16 | 10_000));
    let sixteens = _mm512_add_epi64(
        _mm512_mul_epu32(eights, _mm512_set1_epi64(100_000_000)),
        _mm512_srli_epi64::<32>(eights),
    );
    // Each lane holds its number twice.
    let four = _mm512_permutexvar_epi64(_mm512_set_epi64(0, 0, 0, 0, 6, 4, 2, 0), sixteens);
    let four = _mm512_castsi512_si256(four);
    let mut values = [0; 4];
    // SAFETY: four values of eight bytes are 32 bytes, and the store asks for no alignment.
    unsafe { _mm256_storeu_si256(values.as_mut_ptr().cast(), four) };
    Some(values)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A text of values that are numbers for the most part, and where they stand.
    fn text() -> impl Strategy<Value = (Vec<u8>, [Span; 7])> {
        let value = prop_oneof![20 => "[0-9]{1,10}", 2 => "[0-9]{15,21}", 1 => "[0-9/:,]{0,18}"];
        ("[a-z]{0,20}", prop::array::uniform7(value), "[a-z]{0,20}").prop_map(
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
        #[test]
        fn all_levels_read_the_same((text, spans) in text()) {
            let expected = numbers_portable(&text, &spans);
            let one_by_one: Vec<_> =
                spans.iter().map(|span| scan::number(span.of(&text).unwrap())).collect();
            prop_assert_eq!(
                expected.map(|values| values.to_vec()),
                one_by_one.into_iter().collect::<Option<Vec<_>>>()
            );
            for level in Level::available() {
                prop_assert_eq!(numbers(level, &text, &spans), expected, "{}", level.name());
                let [a, b, c, ..] = spans;
                let few = [a, b, c];
                prop_assert_eq!(numbers(level, &text, &few), numbers_portable(&text, &few));
            }
        }

        #[test]
        fn places_outside_of_the_text_are_no_numbers(
            text in "[0-9]{0,40}",
            ends in prop::array::uniform8(0..50u16),
        ) {
            let [a, b, c, d, e, f, g, h] = ends;
            let spans = [(a, b), (c, d), (e, f), (g, h)].map(|(start, end)| Span { start, end });
            let expected = numbers_portable(text.as_bytes(), &spans);
            for level in Level::available() {
                prop_assert_eq!(numbers(level, text.as_bytes(), &spans), expected);
            }
        }
    }
}
