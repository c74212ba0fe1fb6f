#![cfg_attr(
    target_arch = "x86_64",
    expect(unsafe_code, reason = "vector loads, and calls of what needs vector instructions")
)]
//! Whether the keys that are expected stand at their places, 32 bytes at a time.

use super::Span;
#[cfg(target_arch = "x86_64")]
use crate::simd::Kind;
use crate::simd::Level;
#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::*;

/// A key with the separators around it, such as `,SourceIP=`.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    bytes: [u8; 32],
    len: u16,
}

impl Key {
    /// A key of up to 32 bytes.
    ///
    /// # Panics
    /// If it is longer.
    #[expect(clippy::indexing_slicing, reason = "evaluated by the compiler, in constants")]
    pub const fn new(key: &[u8]) -> Self {
        let (mut bytes, mut at) = ([0; 32], 0);
        while at < key.len() {
            bytes[at] = key[at];
            at += 1;
        }
        Self { bytes, len: at as u16 }
    }

    /// Whether it stands at the start of a text.
    fn starts(&self, text: &[u8]) -> bool {
        self.bytes.get(..usize::from(self.len)).is_some_and(|key| text.starts_with(key))
    }
}

/// The values of keys that stand one behind the other, each key at the next place of `places`. A
/// value ends at the next place, and the last one at the end of the text. `None` where a key does
/// not stand at its place.
#[inline(always)]
pub fn values<const N: usize>(
    level: Level,
    text: &[u8],
    places: &[u16],
    keys: &[Key; N],
) -> Option<[Span; N]> {
    match level.0 {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: the level says that the processor has these instructions.
        Kind::Avx2 | Kind::Avx512 => unsafe { values_avx2(text, places, keys) },
        _ => values_portable(text, places, keys),
    }
}

fn values_portable<const N: usize>(
    text: &[u8],
    places: &[u16],
    keys: &[Key; N],
) -> Option<[Span; N]> {
    let mut spans = [Span::default(); N];
    let mut ends = places.iter().skip(1).copied();
    for ((span, key), place) in spans.iter_mut().zip(keys).zip(places) {
        if !key.starts(text.get(usize::from(*place)..)?) {
            return None;
        }
        *span = Span { start: place + key.len, end: ends.next().or(text.len().try_into().ok())? };
    }
    (places.len() >= N).then_some(spans)
}

#[cfg(target_arch = "x86_64")]
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
fn values_avx2<const N: usize>(text: &[u8], places: &[u16], keys: &[Key; N]) -> Option<[Span; N]> {
    let mut spans = [Span::default(); N];
    // The last key may stand nearer to the end of the text than a load reaches.
    let here = places.get(..N)?;
    let last_end = match places.get(N) {
        Some(end) => *end,
        None => text.len().try_into().ok()?,
    };
    let mut differences = 0;
    for ((span, key), place) in spans.iter_mut().zip(keys).zip(here) {
        let at = usize::from(*place);
        let Some(bytes) = text.get(at..at + 32) else {
            return values_portable(text, places, keys);
        };
        let same = _mm256_cmpeq_epi8(load_32(bytes.first_chunk()?), load_32(&key.bytes));
        let same = _mm256_movemask_epi8(same).cast_unsigned();
        differences |= _bzhi_u32(!same, key.len.into());
        span.start = place + key.len;
    }
    if differences != 0 {
        return None;
    }
    let ends = here.get(1..)?.iter().chain([&last_end]);
    for (span, end) in spans.iter_mut().zip(ends) {
        span.end = *end;
    }
    Some(spans)
}

#[cfg(target_arch = "x86_64")]
#[inline]
#[target_feature(enable = "avx2")]
fn load_32(bytes: &[u8; 32]) -> __m256i {
    // SAFETY: 32 bytes are there, and the load asks for no alignment.
    unsafe { _mm256_loadu_si256(bytes.as_ptr().cast()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const KEYS: [Key; 4] =
        [Key::new(b",A="), Key::new(b",Second="), Key::new(b",c="), Key::new(b",TheFourthOne=")];

    proptest! {
        #[test]
        fn all_levels_find_the_same_values(
            values in prop::array::uniform4("[a-z]{0,20}"),
            tail in "[,.=a-z]{0,40}",
            change in prop::option::of((any::<prop::sample::Index>(), any::<u8>())),
            cut in 0..6usize,
        ) {
            let [a, b, c, d] = values;
            let line = format!("head,A={a},Second={b},c={c},TheFourthOne={d}{tail}");
            let mut text = line.into_bytes();
            if let Some((at, byte)) = change {
                let at = at.index(text.len());
                text[at] = byte;
            }
            let commas = text.iter().enumerate().filter(|(_, byte)| **byte == b',');
            let mut places: Vec<u16> = commas.map(|(at, _)| at as u16).collect();
            let expected = values_portable(&text, &places, &KEYS);
            for level in Level::available() {
                prop_assert_eq!(super::values(level, &text, &places, &KEYS), expected);
            }
            if let Some([first, ..]) = expected {
                prop_assert_eq!(usize::from(first.start), "head,A=".len());
            }
            places.truncate(cut);
            let expected = values_portable(&text, &places, &KEYS);
            prop_assert!(cut >= 4 || expected.is_none());
            for level in Level::available() {
                prop_assert_eq!(super::values(level, &text, &places, &KEYS), expected);
            }
        }
    }
}
