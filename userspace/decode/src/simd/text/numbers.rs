#![expect(
    unsafe_code,
    reason = "vector loads and stores, and calls of what needs vector instructions"
)]
//! Several decimal numbers of a line, read together.
//!
//! A lane of 16 bytes holds a number's digits, the last one at its end. Multiplications with sums
//! of neighbours make numbers of two, four and eight digits of them, in all lanes at once.

use super::Span;
use crate::{
    simd::{Kind, Level},
    syslog::scan,
};
#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::*;

/// The numbers at these places, each read as [`scan::number`] does; `None` where one is none.
pub fn numbers<const N: usize>(level: Level, text: &[u8], spans: &[Span; N]) -> Option<[u64; N]> {
    let found = match level.0 {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: the level says that the processor has these instructions.
        Kind::Avx512 => unsafe { numbers_avx512(text, spans) },
        #[cfg(target_arch = "x86_64")]
        // SAFETY: the level says that the processor has these instructions.
        Kind::Avx2 => unsafe { numbers_avx2(text, spans) },
        _ => None,
    };
    found.or_else(|| numbers_portable(text, spans))
}

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
    // SAFETY: 16 bytes are there, and the load asks for no alignment.
    let lane = unsafe { _mm_loadu_si128(bytes.as_ptr().cast()) };
    (1..=16).contains(&len).then_some((lane, len))
}

/// As [`numbers`], two at a time; `None` for what it leaves to the portable twin.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
fn numbers_avx2<const N: usize>(text: &[u8], spans: &[Span; N]) -> Option<[u64; N]> {
    let mut values = [0; N];
    let offsets = _mm256_broadcastsi128_si256(_mm_set_epi8(
        15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0,
    ));
    for (values, spans) in values.chunks_mut(2).zip(spans.chunks(2)) {
        let (first, second) = (spans.first()?, spans.last()?);
        let ((low, low_len), (high, high_len)) = (lane(text, *first)?, lane(text, *second)?);
        let absent = |len: u32| _mm_set1_epi8(15 - len as i8);
        let absent =
            _mm256_inserti128_si256::<1>(_mm256_castsi128_si256(absent(low_len)), absent(high_len));
        let lanes = _mm256_inserti128_si256::<1>(_mm256_castsi128_si256(low), high);
        let digits = _mm256_and_si256(
            _mm256_sub_epi8(lanes, _mm256_set1_epi8(b'0'.cast_signed())),
            _mm256_cmpgt_epi8(offsets, absent),
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
        let both = [_mm256_extract_epi64::<0>(sixteens), _mm256_extract_epi64::<2>(sixteens)];
        for (value, sixteen) in values.iter_mut().zip(both) {
            *value = sixteen.cast_unsigned();
        }
    }
    Some(values)
}

/// As [`numbers`], four at a time; `None` for what it leaves to the portable twin.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,bmi1,bmi2,lzcnt,popcnt")]
fn numbers_avx512<const N: usize>(text: &[u8], spans: &[Span; N]) -> Option<[u64; N]> {
    let mut values = [0; N];
    for (values, spans) in values.chunks_mut(4).zip(spans.chunks(4)) {
        // Lanes without a number repeat the last one.
        let last = *spans.last()?;
        let span = |at: usize| spans.get(at).copied().unwrap_or(last);
        let [(a, a_len), (b, b_len), (c, c_len), (d, d_len)] = [
            lane(text, span(0))?,
            lane(text, span(1))?,
            lane(text, span(2))?,
            lane(text, span(3))?,
        ];
        // The last digits are the highest bytes of a lane.
        let present = |len: u32, lane: u32| (0xffff_u64 << (16 - len) & 0xffff) << (16 * lane);
        let present = present(a_len, 0) | present(b_len, 1) | present(c_len, 2) | present(d_len, 3);
        let lanes = _mm512_inserti64x4::<1>(
            _mm512_castsi256_si512(_mm256_inserti128_si256::<1>(_mm256_castsi128_si256(a), b)),
            _mm256_inserti128_si256::<1>(_mm256_castsi128_si256(c), d),
        );
        let digits = _mm512_maskz_sub_epi8(present, lanes, _mm512_set1_epi8(b'0'.cast_signed()));
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
        let four = _mm512_castsi512_si256(_mm512_permutexvar_epi64(
            _mm512_set_epi64(0, 0, 0, 0, 6, 4, 2, 0),
            sixteens,
        ));
        let mut four_values = [0; 4];
        // SAFETY: four values of eight bytes are 32 bytes.
        unsafe { _mm256_storeu_si256(four_values.as_mut_ptr().cast(), four) };
        for (value, four_value) in values.iter_mut().zip(four_values) {
            *value = four_value;
        }
    }
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
